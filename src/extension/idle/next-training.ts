/** Which training in the background is due. Pure. */
import { isSameFolder } from '../../corpus/reading/folders.ts';
import { foldersOf } from '../../protocol/folders.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { canResume, whyNotServable, type RunStatus } from '../texts.ts';

/** `begin`: if enough has changed since the run `since`, the one in use is continued. */
export type NextTraining =
  { kind: 'resume' | 'measure' | 'use'; run: RunSnapshot } | { kind: 'begin'; since: RunSnapshot };

interface Known {
  /** Newest first. */
  runs: readonly RunSnapshot[];
  statusOf(run: RunSnapshot): RunStatus;
  /** Ids of the models that have completed code here: a result that was put away is not used again. */
  used: readonly string[];
  now: Date;
}

/** At most one training is begun on a day: its length is the day's budget. */
export function nextTraining(
  inUse: RunSnapshot,
  { runs, statusOf, used, now }: Known,
): NextTraining | undefined {
  const inBackground = runs.filter(({ spec }) => spec.background && learnsSame(spec, inUse.spec));
  const last = inBackground.find(({ spec }) => spec.continues?.run === inUse.spec.id);
  const status = last && statusOf(last);
  if (last && (status === 'cancelled' || status === 'interrupted') && canResume(last))
    return { kind: 'resume', run: last };
  if (last && status === 'done') {
    if (!last.summary?.choice) return { kind: 'measure', run: last };
    if (!whyNotServable(last, status) && !used.includes(last.spec.id)) return { kind: 'use', run: last };
  }
  const today = now.toDateString();
  if (inBackground.some(({ spec }) => new Date(spec.createdAt).toDateString() === today)) return undefined;
  return { kind: 'begin', since: last && status === 'done' ? last : inUse };
}

/**
 * What earlier trainings in the background have left and nobody needs: not the result in use, the one before it, to
 * which the user can go back, nor what was learned since.
 */
export function obsoleteRuns({ spec }: RunSnapshot, runs: readonly RunSnapshot[]): RunSnapshot[] {
  const last = runs.find((run) => run.spec.background && run.spec.continues?.run === spec.id);
  const needed = [spec.id, spec.continues?.run, last?.spec.id];
  return runs.filter(
    (run) => run.spec.background && learnsSame(run.spec, spec) && !needed.includes(run.spec.id),
  );
}

type Spec = RunSnapshot['spec'];
const learnsSame = (a: Spec, b: Spec): boolean =>
  foldersOf(a).every(({ path }) => foldersOf(b).some((other) => isSameFolder(path, other.path)));

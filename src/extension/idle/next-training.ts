/** Which training in the background is due. Pure. */
import { areSameFolders } from '../../corpus/reading/folders.ts';
import { pathsOf } from '../../protocol/folders.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { canResume, whyNotServable, type RunStatus } from '../texts.ts';

/** With a run that was begun in the background. */
export interface GoingOn {
  kind: 'resume' | 'measure' | 'use';
  run: RunSnapshot;
}
/** `begin`: if enough has changed since the run `since`, the one in use is continued. */
export type NextTraining = GoingOn | { kind: 'begin'; since: RunSnapshot };

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
  const inBackground = ofSameFolders(inUse, runs);
  const last = lastOn(inUse, inBackground);
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
export function obsoleteRuns(inUse: RunSnapshot, runs: readonly RunSnapshot[]): RunSnapshot[] {
  const inBackground = ofSameFolders(inUse, runs);
  const needed = [inUse.spec.id, inUse.spec.continues?.run, lastOn(inUse, inBackground)?.spec.id];
  return inBackground.filter(({ spec }) => !needed.includes(spec.id));
}

/** The newest of these runs that continues another. */
const lastOn = (continued: RunSnapshot, runs: readonly RunSnapshot[]): RunSnapshot | undefined =>
  runs.find(({ spec }) => spec.continues?.run === continued.spec.id);

/** The trainings in the background of a run's folders. */
const ofSameFolders = ({ spec }: RunSnapshot, runs: readonly RunSnapshot[]): RunSnapshot[] =>
  runs.filter((run) => run.spec.background && areSameFolders(pathsOf(run.spec), pathsOf(spec)));

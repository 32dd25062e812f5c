/** "Continue RUN with what changed since": whether the wizard offers it, and the text for it. */
import { basename } from 'node:path';
import { findKnownBase } from '../../base-models/registry.ts';
import { areSameFolders } from '../../corpus/reading/folders.ts';
import { isContinuable } from '../../findings/offer.ts';
import { sizeSoon } from '../../platform/files/size-soon.ts';
import { changedSchema, type Changed } from '../../protocol/changed.ts';
import { pathsOf } from '../../protocol/folders.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { baseName } from './bases.ts';
import { dayOf, t } from '../../text/l10n.ts';
import type { Context } from '../context.ts';
import type { Draft } from '../draft.ts';
import { settings } from '../settings.ts';
import { changeText } from '../texts.ts';
import type { Choice } from './steps.ts';

/** A run to continue. `changed`: what has changed since; undefined if finding out takes too long. */
export interface ContinuableRun {
  run: RunSnapshot;
  changed?: Changed;
}

/** A large workspace may take longer to read, but the user is waiting. */
const TIMEOUT_MS = 10_000;

/**
 * Finds the run to continue, and asks a child process what has changed. Undefined if there is no such run, or too
 * little has changed.
 */
export async function findContinuableRun(
  { runs, children }: Pick<Context, 'runs' | 'children'>,
  folders: readonly string[],
): Promise<ContinuableRun | undefined> {
  // The wizard may open before any run was read.
  await runs.refresh();
  const run = newestContinuable(runs.all, folders);
  if (!run || (await sizeSoon(run.spec.base.path)) === undefined) return undefined;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const args = ['changed', run.spec.id, ...settings.globOptions(folders)];
  try {
    const changed = await children.ask(changedSchema, args, { signal });
    return changed.enough ? { run, changed } : undefined;
  } catch {
    // The reason is in the log. A fine-tuning can start without it.
    return signal.aborted ? { run } : undefined;
  }
}

/**
 * The newest run of exactly these folders whose adapter can be trained further. `runs`: newest first. Pure.
 */
export const newestContinuable = (
  runs: readonly RunSnapshot[],
  folders: readonly string[],
): RunSnapshot | undefined => loraRunsOf(runs, folders).find(isContinuable);

/** The newest run of exactly these folders on this base. `runs`: newest first. Pure. */
export function newestOfPlan(
  runs: readonly RunSnapshot[],
  { folders = [], base, method }: Pick<Draft, 'folders' | 'base' | 'method'>,
): RunSnapshot | undefined {
  if (method !== 'lora') return undefined;
  return loraRunsOf(runs, folders).find(({ spec }) => baseReference(spec.base) === base);
}

const loraRunsOf = (runs: readonly RunSnapshot[], folders: readonly string[]): RunSnapshot[] =>
  runs.filter(
    ({ spec, state }) =>
      areSameFolders(pathsOf(spec), folders) &&
      state.status === 'done' &&
      spec.hyper.method === 'lora' &&
      spec.corpus.mode === 'pretrain',
  );

/** A run's base as a plan names it: its id if that refers to the same file, else its path. */
export const baseReference = ({ id, path }: RunSnapshot['spec']['base']): string =>
  findKnownBase(id)?.file === basename(path) ? id : path;

/** Its row in the list of models. */
export function continueChoice({ run: { spec }, changed }: ContinuableRun): Choice<string> {
  return {
    label: `$(history) ${t('Continue {name} with what changed since', { name: spec.name })}`,
    description: `${dayOf(new Date(spec.createdAt), 'long')} · ${baseName(spec.base.id)}`,
    detail: `${changed ? changeText(changed) : t('How much has changed will be known once the files are read.')} ${t('Starts from that adapter, which is faster than learning everything again.')}`,
    value: `continue ${spec.id}`,
  };
}

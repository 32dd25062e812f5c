/** Reads the corpus for a command: shows progress, stops on Ctrl+C, prints a one-line summary. */
import type { ResolveOptions } from '../base-models/resolve-options.ts';
import type { BuildProgress, CorpusSummary, EarlierCorpus } from '../corpus/index.ts';
import { buildPlanned } from '../corpus/build-from-plan.ts';
import type { CorpusTokenizer } from '../corpus/tokens/tokenizer.ts';
import { describeChanged, describeLearning, documentWord } from '../findings/describe-learning.ts';
import type { Folders } from '../protocol/folders.ts';
import type { CorpusPlan } from '../protocol/run.ts';
import { inTemporaryFolder } from '../runs/temporary-folders.ts';
import { buildReplay, withBase } from '../training/run-corpus.ts';
import { confirm } from './confirm.ts';
import { formatBytes, formatCount, plural } from './view/format.ts';
import { print, printProgress } from './view/output.ts';
import { withProgress } from './view/progress.ts';

export interface ReadCorpusOptions extends Folders {
  /** Directory to write into. */
  out: string;
  basePath: string;
  plan(tokenizer: CorpusTokenizer): CorpusPlan;
  seed: number;
  /** The corpus that this one continues. */
  earlier?: EarlierCorpus | undefined;
  /** The command follows the run, which prints the warnings itself. */
  followed?: boolean | undefined;
  yes?: boolean | undefined;
  json?: boolean | undefined;
}

export type Reading = Omit<ReadCorpusOptions, 'out'>;

/** The kind of temporary folder with a corpus that is not in its run or sweep yet. */
export const TEMPORARY_CORPUS = 'corpus';

/**
 * Reads a corpus into a temporary folder in `parent`, which `use` moves to its final place; otherwise it is deleted.
 * Errors: those of readCorpus and `use`.
 */
export const withCorpus = <T>(
  parent: string,
  reading: Reading,
  use: (corpus: string, read: { plan: CorpusPlan; summary: CorpusSummary }) => Promise<T>,
): Promise<T> =>
  inTemporaryFolder(parent, TEMPORARY_CORPUS, async (out) => use(out, await readCorpus({ ...reading, out })));

/** Removes its incomplete output when it is cancelled. Errors: those of buildPlanned. */
export async function readCorpus(
  options: ReadCorpusOptions,
): Promise<{ plan: CorpusPlan; summary: CorpusSummary }> {
  const { folder, folders, out, basePath, seed, earlier, json = false } = options;
  if (!json) print('Reading files');
  return withBase(basePath, async (base) => {
    const plan = options.plan(base.tokenizer);
    const onProgress = json ? readingProgress() : undefined;
    const summary = await stoppable(options, (stopping) =>
      buildPlanned({ ...stopping, ...base, plan, folder, folders, out, seed, earlier, onProgress }),
    );
    if (!json) printSummary(plan, folder, summary);
    if (!json && !options.followed) for (const warning of summary.warnings) print(`  ${warning}`);
    return { plan, summary };
  });
}

/** Reads the replay data set, so that its problems are reported before a run is created. */
export async function readReplay(
  corpus: string,
  spec: Parameters<typeof buildReplay>[1],
  options: { yes?: boolean | undefined; json?: boolean | undefined },
): Promise<void> {
  // Replay text from the base is sampled later, by the trainer.
  if (!spec.corpus.replay || spec.corpus.replay.source === 'base') return;
  if (!options.json) print(`Reading ${spec.corpus.replay.source} for replay`);
  await stoppable(options, (stopping) => buildReplay(corpus, spec, stopping));
}

/** Runs `work`, which reads a data set: Ctrl+C stops it; downloads ask for consent and show progress. */
export const stoppable = <T>(
  { yes, json }: { yes?: boolean | undefined; json?: boolean | undefined },
  work: (stopping: {
    signal: AbortSignal;
    fetching: Pick<ResolveOptions, 'onProgress' | 'confirm'>;
  }) => Promise<T>,
): Promise<T> =>
  withProgress({ json }, (onProgress, signal) => {
    const ask: ResolveOptions['confirm'] = ({ what, bytes }) =>
      confirm(`${what}: downloads ${formatBytes(bytes)}.`, { yes, json });
    return work({ signal, fetching: { onProgress, confirm: ask } });
  });

function printSummary(plan: CorpusPlan, folder: string | undefined, summary: CorpusSummary): void {
  const leftOut = Object.values(summary.leftOut).reduce((sum, count) => sum + count, 0);
  const what = `${formatCount(summary.kept)} ${plural(documentWord(folder, plan), summary.kept)}`;
  const tokens = formatCount(summary.trainTokens + summary.heldOutTokens);
  const learning = describeLearning(plan);
  print(
    `  ${what}, ${tokens} tokens${learning && ` (${learning})`}; ${leftOut} left out (forget-me-not corpus lists the reasons)`,
  );
  if (summary.changed) print(`  ${describeChanged(summary.changed)}`);
}

const PROGRESS_MS = 250;

/** Reports the number of files and rows read to a parent process, at most once per PROGRESS_MS. */
function readingProgress(): (progress: BuildProgress) => void {
  let lastReport = -Infinity;
  return ({ done, total }) => {
    if (performance.now() - lastReport < PROGRESS_MS && done < total) return;
    lastReport = performance.now();
    printProgress({ phase: 'Reading files', done, total, unit: 'files' });
  };
}

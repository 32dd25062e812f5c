/** The corpus of a command: read with progress, stopped by Ctrl+C, told in a line. */
import type { ResolveOptions } from '../base-models/ask.ts';
import { openTokenizer } from '../base-models/tokenizer.ts';
import type { BuildProgress, CorpusSummary, EarlierCorpus } from '../corpus/index.ts';
import { buildPlanned } from '../corpus/build-from-plan.ts';
import type { CorpusTokenizer } from '../corpus/tokens/tokenizer.ts';
import { openGguf } from '../gguf/index.ts';
import { describeChanged, describeLearning, documentWord } from '../protocol/describe-learning.ts';
import type { CorpusPlan } from '../protocol/run.ts';
import { buildReplay } from '../training/run-corpus.ts';
import { confirm } from './confirm.ts';
import { formatBytes, formatCount, plural } from './view/format.ts';
import { printProgress } from './view/output.ts';
import { progressView } from './view/progress.ts';

export interface ReadCorpusOptions {
  folder: string | undefined;
  /** Directory to write into. */
  out: string;
  basePath: string;
  plan(tokenizer: CorpusTokenizer): CorpusPlan;
  seed: number;
  /** The corpus that this one continues. */
  earlier?: EarlierCorpus | undefined;
  /** A run is followed, which tells its warnings itself. */
  followed?: boolean | undefined;
  yes?: boolean | undefined;
  json?: boolean | undefined;
}

/** Stopped half-way, it takes away what it has written so far. Errors: those of buildPlanned. */
export async function readCorpus(
  options: ReadCorpusOptions,
): Promise<{ plan: CorpusPlan; summary: CorpusSummary }> {
  const { folder, out, basePath, seed, earlier, json = false } = options;
  if (!json) console.log('Reading files');
  const gguf = await openGguf(basePath);
  await gguf.close();
  const tokenizer = await openTokenizer(basePath);
  try {
    const plan = options.plan(tokenizer);
    const summary = await stoppable(options, (stopping) =>
      buildPlanned({
        ...stopping,
        plan,
        folder,
        out,
        tokenizer,
        metadata: gguf.metadata,
        seed,
        earlier,
        onProgress: json ? readingProgress() : undefined,
      }),
    );
    if (!json) tell(plan, folder, summary);
    if (!json && !options.followed) for (const warning of summary.warnings) console.log(`  ${warning}`);
    return { plan, summary };
  } finally {
    await tokenizer.dispose();
  }
}

/** Reads a data set that is replayed, so that what is wrong with it shows before there is a run. */
export async function readReplay(
  corpus: string,
  spec: Parameters<typeof buildReplay>[1],
  options: { yes?: boolean | undefined; json?: boolean | undefined },
): Promise<void> {
  // What the base writes is sampled by the trainer, which has the time.
  if (!spec.corpus.replay || spec.corpus.replay.source === 'base') return;
  if (!options.json) console.log(`Reading ${spec.corpus.replay.source} to replay`);
  await stoppable(options, (stopping) => buildReplay(corpus, spec, stopping));
}

/** Ctrl+C stops it; downloads are asked about and shown. */
async function stoppable<T>(
  { yes = false, json = false }: { yes?: boolean | undefined; json?: boolean | undefined },
  work: (stopping: {
    signal: AbortSignal;
    fetching: Pick<ResolveOptions, 'onProgress' | 'confirm'>;
  }) => Promise<T>,
): Promise<T> {
  const view = progressView({ json });
  const stop = new AbortController();
  const onStop = () => stop.abort();
  process.once('SIGINT', onStop).once('SIGTERM', onStop);
  try {
    return await work({
      signal: stop.signal,
      fetching: {
        onProgress: (progress) => view.show(progress),
        confirm: ({ what, bytes }) => confirm(`${what}: downloads ${formatBytes(bytes)}.`, { yes, json }),
      },
    });
  } finally {
    view.end();
    process.off('SIGINT', onStop).off('SIGTERM', onStop);
  }
}

function tell(plan: CorpusPlan, folder: string | undefined, summary: CorpusSummary): void {
  const leftOut = Object.values(summary.leftOut).reduce((sum, count) => sum + count, 0);
  const what = `${formatCount(summary.kept)} ${plural(documentWord(folder, plan), summary.kept)}`;
  const tokens = formatCount(summary.trainTokens + summary.heldOutTokens);
  const how = describeLearning(plan);
  console.log(
    `  ${what}, ${tokens} tokens${how && ` (${how})`}; ${leftOut} left out (forget-me-not corpus says why)`,
  );
  if (summary.changed) console.log(`  ${describeChanged(summary.changed)}`);
}

const PROGRESS_MS = 250;

/** Files and rows looked at, for a parent process; not each of them. */
function readingProgress(): (progress: BuildProgress) => void {
  let told = 0;
  return ({ done, total }) => {
    if (Date.now() - told < PROGRESS_MS && done < total) return;
    told = Date.now();
    printProgress({ phase: 'Reading files', done, total, unit: 'files' });
  };
}

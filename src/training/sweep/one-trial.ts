/**
 * A part of a sweep in a separate process, on a copy of the sweep's folder: one trial, or measuring the base that a
 * method's trials are compared with. Adds nothing to trials.jsonl; the sweep's owner adds the line.
 */
import { readFile } from 'node:fs/promises';
import { UserError } from '../../text/errors.ts';
import { parseLines } from '../../platform/files/lines.ts';
import type { Hyper } from '../../protocol/run.ts';
import {
  sweepLineSchema,
  type SweepLine,
  type SweepProgress,
  type SweptMethod,
} from '../../protocol/sweep.ts';
import { lockSweep } from './run.ts';
import { readSweep, type Sweep } from './store.ts';
import { Trials } from './trials.ts';

/** For a trial on a machine that may be lost at any time. */
const CHECKPOINT_SECONDS = 10;

export interface OneTrialOptions {
  signal: AbortSignal;
  method: Hyper['method'];
  /** Without it, only the base is measured. */
  learningRate?: number | undefined;
  /** Results in addition to the folder's trials.jsonl. */
  known?: readonly SweepLine[];
  /** Minimum seconds between two checkpoints. Default 10. */
  checkpointSeconds?: number | undefined;
  onProgress?(progress: SweepProgress): void;
  /** Called with the result before the trial's checkpoints are deleted. */
  onLine(line: SweepLine): void;
}

/**
 * Measures, or continues what an earlier process began. If `signal` fires, there is no result. Errors: bad-argument for
 * a method that the sweep does not have, run-locked, and those of runSweep.
 */
export async function runOneTrial(dir: string, options: OneTrialOptions): Promise<void> {
  const lock = await lockSweep(dir);
  try {
    const sweep = await readSweep(dir);
    const swept = sweep.spec.methods.find(({ method }) => method === options.method);
    if (!swept)
      throw new UserError(
        'bad-argument',
        `Sweep ${sweep.spec.id} has no trials of ${options.method}.`,
        'Start a sweep with that method.',
      );
    const trials = await Trials.open(sweep);
    try {
      await measure(sweep, swept, trials, options);
    } finally {
      await trials.close();
    }
  } finally {
    await lock.release();
  }
}

async function measure(
  sweep: Sweep,
  swept: SweptMethod,
  trials: Trials,
  options: OneTrialOptions,
): Promise<void> {
  const { signal, learningRate, known = [], checkpointSeconds = CHECKPOINT_SECONDS } = options;
  const onStep = progressReporter(options, swept, sweep);
  onStep(0);
  await trials.measure(trials.hyper(swept, learningRate ?? swept.rates[0]!), {
    signal,
    known: [...sweep.lines, ...known],
    baseOnly: learningRate === undefined,
    checkpointSeconds,
    onStep,
    onLine: (line) => options.onLine(line),
  });
}

function progressReporter(
  { onProgress, learningRate }: OneTrialOptions,
  { method, rates }: SweptMethod,
  sweep: Sweep,
) {
  const { steps } = sweep.spec.hyper;
  const trialSpec = { method, learningRate: learningRate ?? rates[0]!, trial: 1, trials: 1, steps };
  return (step: number, loss?: number) =>
    onProgress?.({ ...trialSpec, step, ...(loss !== undefined && { loss }) });
}

/** The sweep's lines in a file, as one-trial processes printed them. Broken ones are skipped. */
export const readKnownLines = async (path: string): Promise<SweepLine[]> =>
  parseLines(sweepLineSchema, await readFile(path, 'utf8')).values;

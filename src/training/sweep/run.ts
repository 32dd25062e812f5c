/** Runs a sweep from where it stopped to its end: one trial after another, each recorded as soon as it is done. */
import { basename } from 'node:path';
import { UserError } from '../../text/errors.ts';
import type { Hyper } from '../../protocol/run.ts';
import type { SweepProgress, SweptMethod } from '../../protocol/sweep.ts';
import { lockRun, type Lock } from '../../runs/lock.ts';
import { concludeSweep, listTrials, nextRate, type MethodResult } from './choice.ts';
import { appendLine, readSweep, type Sweep } from './store.ts';
import { Trials } from './trials.ts';
import { awakeMs } from '../../platform/machine/awake.ts';

/** An adapter's checkpoint is small; one of a whole model every minute would fill the user's disk. */
const CHECKPOINT_SECONDS = { lora: 60, full: undefined };

export interface SweepHandlers {
  signal: AbortSignal;
  onProgress?(progress: SweepProgress): void;
  /** Called after a trial was recorded. */
  onTrial?(): void;
}

/**
 * Runs the remaining trials of a sweep; one that is interrupted by `signal` is continued or repeated next time. Errors:
 * run-locked, base-checksum, corpus-empty if nothing is held out, and those of loading.
 */
export async function runSweep(dir: string, handlers: SweepHandlers): Promise<MethodResult[]> {
  const lock = await lockSweep(dir);
  try {
    const sweep = await readSweep(dir);
    const results = concludeSweep(sweep.spec, sweep.lines);
    if (results.every(({ finished }) => finished)) return results;
    const trials = await Trials.open(sweep);
    try {
      await new SweepRunner(sweep, trials, handlers).run();
    } finally {
      await trials.close();
    }
    return concludeSweep(sweep.spec, sweep.lines);
  } finally {
    await lock.release();
  }
}

/** Errors: run-locked. */
export const lockSweep = (dir: string): Promise<Lock> =>
  lockRun(dir).catch((error: unknown) => {
    if (!(error instanceof UserError && error.code === 'run-locked')) throw error;
    throw new UserError(
      'run-locked',
      `Sweep ${basename(dir)} is in use by another process.`,
      'Wait until it ends, or stop it with Ctrl+C where it runs.',
    );
  });

class SweepRunner {
  private readonly startedAt = awakeMs();
  private stepCount = 0;

  constructor(
    private readonly sweep: Sweep,
    private readonly trials: Trials,
    private readonly handlers: SweepHandlers,
  ) {}

  async run(): Promise<void> {
    for (const swept of this.sweep.spec.methods)
      for (let rate = this.next(swept); rate !== undefined; rate = this.next(swept)) {
        if (this.handlers.signal.aborted) return;
        if (!(await this.trial(this.trials.hyper(swept, rate)))) return;
        this.handlers.onTrial?.();
      }
  }

  private next(swept: SweptMethod): number | undefined {
    return nextRate(swept, this.sweep.spec.extend, listTrials(this.sweep.lines, swept.method));
  }

  private trial(hyper: Hyper): Promise<boolean> {
    this.reportProgress(hyper, 0);
    return this.trials.measure(hyper, {
      signal: this.handlers.signal,
      known: this.sweep.lines,
      checkpointSeconds: CHECKPOINT_SECONDS[hyper.method],
      onStep: (step, loss) => {
        this.stepCount += 1;
        this.reportProgress(hyper, step, loss);
      },
      onLine: (line) => appendLine(this.sweep, line),
    });
  }

  /** Reports progress. The remaining trials are counted by the grids, although not all of them may be needed. */
  private reportProgress(hyper: Hyper, step: number, loss?: number): void {
    const { spec, lines } = this.sweep;
    const { methods, extend } = spec;
    const remaining = methods.map((swept) => {
      const tried = listTrials(lines, swept.method);
      if (nextRate(swept, extend, tried) === undefined) return 0;
      const untried = swept.rates.filter((rate) => !tried.some(({ learningRate }) => learningRate === rate));
      // Beyond its grid, a method has at least the running trial.
      return Math.max(1, untried.length);
    });
    const trials = remaining.reduce((sum, count) => sum + count, 0);
    const done = listTrials(lines).length;
    // Includes loading and measuring.
    const perStep = (awakeMs() - this.startedAt) / 1000 / this.stepCount;
    this.handlers.onProgress?.({
      method: hyper.method,
      learningRate: hyper.learningRate,
      trial: done + 1,
      trials: done + trials,
      step,
      steps: hyper.steps,
      ...(loss !== undefined && { loss }),
      ...(this.stepCount > 0 && { etaSeconds: (trials * hyper.steps - step) * perStep }),
    });
  }
}

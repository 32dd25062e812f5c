/** Runs a sweep from where it stopped to its end: one trial after another, each recorded as soon as it is done. */
import { basename } from 'node:path';
import { requireSameBase } from '../../base-models/checksums.ts';
import { openCorpus } from '../../corpus/index.ts';
import { openGguf } from '../../gguf/index.ts';
import { loadModel, type Llama } from '../../model/index.ts';
import { UserError } from '../../protocol/errors.ts';
import type { Hyper } from '../../protocol/run.ts';
import type { BaseLine, SweepProgress, SweptMethod, Trial } from '../../protocol/sweep.ts';
import { lockRun } from '../../runs/lock.ts';
import { startBackend, type Backend } from '../../tensor/index.ts';
import { openSequences, type Closable } from '../sequences.ts';
import { concludeSweep, nextRate, type MethodResult } from './choice.ts';
import { appendLine, readSweep, sweepCorpusDir, type Sweep } from './store.ts';
import { measureBase, runTrial, takeProbes, type Probe, type TrialTexts } from './trial.ts';

export interface SweepHandlers {
  signal: AbortSignal;
  onProgress?(progress: SweepProgress): void;
  /** A trial was recorded. */
  onTrial?(): void;
}

/**
 * Runs the trials that are left of a sweep; one that `signal` cuts short is repeated next time. Errors: run-locked,
 * base-checksum, corpus-empty if nothing is held out, and those of loading.
 */
export async function runSweep(dir: string, handlers: SweepHandlers): Promise<MethodResult[]> {
  const lock = await lockRun(dir).catch((error: unknown) => {
    if (!(error instanceof UserError && error.code === 'run-locked')) throw error;
    throw new UserError(
      'run-locked',
      `Sweep ${basename(dir)} is in use by another process.`,
      'Wait until it ends, or stop it with Ctrl+C where it runs.',
    );
  });
  try {
    const sweep = await readSweep(dir);
    const results = concludeSweep(sweep.spec, sweep.lines);
    if (results.every(({ finished }) => finished)) return results;
    const texts = await openTexts(sweep);
    try {
      await new SweepRunner(sweep, texts, handlers).run();
    } finally {
      await texts.close();
    }
    return concludeSweep(sweep.spec, sweep.lines);
  } finally {
    await lock.release();
  }
}

async function openTexts({ dir, spec }: Sweep): Promise<TrialTexts & Closable> {
  await requireSameBase(spec.base, 'this sweep', 'Put that file back, or start a new sweep on this one.');
  const corpus = await openCorpus(sweepCorpusDir(dir));
  const heldOut = corpus.heldOutSequences(spec.hyper.sequenceLength, spec.heldOutWindows);
  if (heldOut.length === 0)
    throw new UserError(
      'corpus-empty',
      "Nothing is held out, so rates can't be compared.",
      'Run the sweep on a folder with more than one file.',
    );
  const training = await openSequences(corpus, spec.base.path, spec.hyper);
  return { training, heldOut, close: training.close };
}

class SweepRunner {
  private backend!: Backend;
  private readonly started = performance.now();
  private stepsMade = 0;

  constructor(
    private readonly sweep: Sweep,
    private readonly texts: TrialTexts,
    private readonly handlers: SweepHandlers,
  ) {}

  async run(): Promise<void> {
    this.backend = await startBackend(this.sweep.spec.backend, this.sweep.spec);
    for (const swept of this.sweep.spec.methods) {
      let probes: Probe[] | undefined;
      for (let rate = this.next(swept); rate !== undefined; rate = this.next(swept)) {
        if (this.handlers.signal.aborted) return;
        const { method } = swept;
        // Whether a GPU has f16 that works is known only once its driver was tested.
        const lacks = swept.precision === 'f16' && !this.backend.precisions.includes('f16');
        const precision = lacks ? 'f32' : swept.precision;
        const hyper: Hyper = { ...this.sweep.spec.hyper, method, precision, learningRate: rate };
        this.tell(hyper, 0);
        // Every trial starts from a newly loaded base, independent of the trial before.
        const model = await this.load(hyper);
        try {
          const base = await this.base(model, hyper);
          if (!base) return;
          probes ??= await takeProbes(model, this.texts);
          const trial = await this.trial(model, hyper, base, probes);
          if (!trial) return;
          await appendLine(this.sweep, trial);
          this.handlers.onTrial?.();
        } finally {
          model.dispose();
        }
      }
    }
  }

  private trialsOf(method: Hyper['method']): Trial[] {
    return this.sweep.lines.filter((line): line is Trial => line.type === 'trial' && line.method === method);
  }

  private next(swept: SweptMethod): number | undefined {
    return nextRate(swept, this.sweep.spec.extend, this.trialsOf(swept.method));
  }

  private async load(hyper: Hyper): Promise<Llama> {
    const gguf = await openGguf(this.sweep.spec.base.path);
    try {
      return await loadModel(this.backend, gguf, hyper);
    } finally {
      await gguf.close();
    }
  }

  /** Measures the base once for each method, on its first model before any training. */
  private async base(model: Llama, hyper: Hyper): Promise<BaseLine | undefined> {
    const known = this.sweep.lines.find(
      (line): line is BaseLine => line.type === 'base' && line.method === hyper.method,
    );
    if (known) return known;
    const base = await measureBase(model, hyper, this.texts, this.handlers.signal);
    if (base) await appendLine(this.sweep, base);
    return base;
  }

  private trial(model: Llama, hyper: Hyper, base: BaseLine, probes: Probe[]): Promise<Trial | undefined> {
    return runTrial({
      model,
      hyper,
      texts: this.texts,
      base,
      probes,
      signal: this.handlers.signal,
      onStep: (step, loss) => {
        this.stepsMade += 1;
        this.tell(hyper, step, loss);
      },
    });
  }

  /** Reports progress. The remaining trials are counted by the grids, although not all of them may be needed. */
  private tell(hyper: Hyper, step: number, loss?: number): void {
    const { methods, extend } = this.sweep.spec;
    const left = methods.map((swept) => {
      const tried = this.trialsOf(swept.method);
      if (nextRate(swept, extend, tried) === undefined) return 0;
      const untried = swept.rates.filter((rate) => !tried.some(({ learningRate }) => learningRate === rate));
      // Beyond its grid, a method has at least the running trial.
      return Math.max(1, untried.length);
    });
    const trials = left.reduce((sum, count) => sum + count, 0);
    const done = methods.reduce((sum, { method }) => sum + this.trialsOf(method).length, 0);
    // Includes loading and measuring.
    const perStep = (performance.now() - this.started) / 1000 / this.stepsMade;
    this.handlers.onProgress?.({
      method: hyper.method,
      learningRate: hyper.learningRate,
      trial: done + 1,
      trials: done + trials,
      step,
      steps: hyper.steps,
      ...(loss !== undefined && { loss }),
      ...(this.stepsMade > 0 && { etaSeconds: (trials * hyper.steps - step) * perStep }),
    });
  }
}

/** What the trials of a sweep share in a process: their texts and the backend. */
import { join } from 'node:path';
import { requireSameBase } from '../../base-models/checksums.ts';
import { openCorpus, type Corpus } from '../../corpus/index.ts';
import { withGguf } from '../../gguf/index.ts';
import { initialValues, loadModel, readConfig, type Llama } from '../../model/index.ts';
import { UserError } from '../../text/errors.ts';
import { tokensPerStep, type Hyper } from '../../protocol/run.ts';
import { trialName, type BaseLine, type SweepLine, type SweptMethod } from '../../protocol/sweep.ts';
import { startBackend, type Backend } from '../../tensor/index.ts';
import { Eta } from '../eta.ts';
import { lossTokens } from '../loss-tokens.ts';
import { rememberCost, TRAINING } from '../measured-costs.ts';
import { openSequences, type Closable } from '../sequences.ts';
import { sweepCorpusDir, type Sweep } from './store.ts';
import { measureBase, runTrial, takeProbes, type Probe, type TrialTexts } from './trial.ts';
import { TrialCheckpoints } from './trial-checkpoints.ts';

export interface MeasureOptions {
  signal: AbortSignal;
  /** Among them the base's measurement for this method, if there is one. */
  known: readonly SweepLine[];
  /** Measure only the base; `onLine` gets it even if it is known. */
  baseOnly?: boolean;
  onStep(step: number, loss: number): void;
  /** Minimum seconds between two checkpoints; undefined for none. */
  checkpointSeconds?: number | undefined;
  /** Receives what is new: the base's measurement, and the trial's before its checkpoints are deleted. */
  onLine(line: SweepLine): Promise<void> | void;
}

export class Trials {
  /** The base's distributions, in the precision of one method. */
  private probes: { method: Hyper['method']; of: readonly Probe[] } | undefined;

  private constructor(
    private readonly sweep: Sweep,
    private readonly texts: SweepTexts,
    private readonly backend: Backend,
  ) {}

  /** Errors: base-checksum, corpus-empty if nothing is held out, and those of loading. */
  static async open(sweep: Sweep): Promise<Trials> {
    const texts = await openTexts(sweep);
    try {
      return new Trials(sweep, texts, await startBackend(sweep.spec.backend, sweep.spec));
    } catch (error) {
      await texts.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.texts.close();
  }

  hyper({ method, precision }: SweptMethod, learningRate: number): Hyper {
    // Whether a GPU has f16 that works is known only once its driver was tested.
    const lacksF16 = precision === 'f16' && !this.backend.precisions.includes('f16');
    return { ...this.sweep.spec.hyper, method, precision: lacksF16 ? 'f32' : precision, learningRate };
  }

  private load(hyper: Hyper): Promise<Llama> {
    return withGguf(this.sweep.spec.base.path, (gguf) => {
      const tokens = lossTokens(this.texts.corpus, readConfig(gguf), hyper);
      return loadModel(this.backend, gguf, { ...hyper, lossTokens: tokens });
    });
  }

  /** Measures the base, if that is not known, and runs a trial. Returns false if `signal` fired before the end. */
  async measure(hyper: Hyper, options: MeasureOptions): Promise<boolean> {
    const { known, baseOnly = false, signal, onLine } = options;
    const { method } = hyper;
    // Every trial starts from a newly loaded base, independent of the trial before.
    const model = await this.load(hyper);
    try {
      const found = known.find((line): line is BaseLine => line.type === 'base' && line.method === method);
      const base = found ?? (await measureBase(model, hyper, this.texts, signal));
      if (!base) return false;
      if (!found || baseOnly) await onLine(base);
      if (baseOnly) return true;
      if (this.probes?.method !== method) this.probes = { method, of: await takeProbes(model, this.texts) };
      return await this.run(model, hyper, { base, probes: this.probes.of }, options);
    } finally {
      model.dispose();
    }
  }

  private async run(
    model: Llama,
    hyper: Hyper,
    measured: { base: BaseLine; probes: readonly Probe[] },
    { signal, onStep, checkpointSeconds, onLine }: MeasureOptions,
  ): Promise<boolean> {
    const { texts, backend } = this;
    return withGguf(this.sweep.spec.base.path, async (gguf) => {
      const checkpoints =
        checkpointSeconds === undefined
          ? undefined
          : new TrialCheckpoints({
              dir: join(this.sweep.dir, 'trials', trialName(hyper)),
              seconds: checkpointSeconds,
              backend,
              initial: (parameter) => initialValues(gguf, parameter, hyper),
            });
      const eta = new Eta(hyper, hyper.evalEvery);
      const trial = await runTrial({
        ...{ model, hyper, texts, ...measured, signal, checkpoints },
        onStep(step, loss, seconds) {
          eta.addStep(seconds);
          onStep(step, loss);
        },
      });
      if (!trial) return false;
      await onLine(trial);
      await checkpoints?.deleteAll();
      await this.rememberSpeed(hyper, eta.secondsPerStep);
      return true;
    });
  }

  /** A run with the rate that is found here is planned with this speed. */
  private async rememberSpeed(hyper: Hyper, perStep: number): Promise<void> {
    const place = { base: this.sweep.spec.base, method: hyper.method, backend: this.backend.name };
    const seconds = perStep / tokensPerStep(hyper);
    if (seconds > 0) await rememberCost(place, TRAINING, { seconds, items: 1 });
  }
}

interface SweepTexts extends TrialTexts, Closable {
  corpus: Corpus;
}

async function openTexts({ dir, spec }: Sweep): Promise<SweepTexts> {
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
  return { corpus, training, heldOut, close: training.close };
}

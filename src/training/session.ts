/** Training as a run sees it: goes on from a checkpoint, evaluates and saves at intervals, goes back when it must. */
import type { Corpus } from '../corpus/index.ts';
import { pairedIntervals } from '../statistics/intervals.ts';
import type { Interval, RatioItem } from '../statistics/statistics.ts';
import type { Sequence, SequenceSource } from '../corpus/tokens/sequences.ts';
import type { Model, Parameter } from '../model/index.ts';
import { UserError } from '../protocol/errors.ts';
import { survivingEvents } from '../protocol/events.ts';
import { tokensPerStep, type RunSpec } from '../protocol/run.ts';
import { readRun } from '../runs/index.ts';
import type { RunWriter } from '../runs/writer.ts';
import type { Backend } from '../tensor/index.ts';
import { CheckpointMeasuring } from './checkpoints/measuring.ts';
import {
  CheckpointPlan,
  goOnFrom,
  listCheckpoints,
  restoreCheckpoint,
  rewriteState,
  saveCheckpoint,
} from './checkpoints/store.ts';
import { diverged } from './divergence.ts';
import { Eta } from './eta.ts';
import { heldOutLoss, heldOutParts } from './held-out.ts';
import { afterRollback, progressSchema, runLoop, type LoopProgress, type StepReport } from './loop.ts';
import type { Optimizer } from './optimizers.ts';
import { RunLength } from './run-length.ts';

/** Floating-point operations. */
export interface MachineRate {
  perToken: number;
  perSecond: number;
}

export interface SessionOptions {
  dir: string;
  spec: RunSpec;
  writer: RunWriter;
  signal: AbortSignal;
  backend: Backend;
  corpus: Corpus;
  sequences: SequenceSource;
  model: Model;
  optimizer: Optimizer;
  /** A parameter before the first step. */
  initial(parameter: Parameter): Promise<Float32Array>;
  /** What a trained token takes, and what the machine makes in a second. */
  rate?: MachineRate;
  /** Seconds of the run's minutes that were spent on its learning rate. */
  secondsBefore?: number;
  /** Says what the run does now. */
  phase(name: string): Promise<void>;
}

/** Held-out windows looked at during training; the evaluator takes them all at the end. */
const LIVE_WINDOWS = 4;
/** Where checkpoints are held against each other. */
const DECIDING_WINDOWS = 8;

export interface Trained {
  /** The last one. */
  step: number;
  /** All that was asked for was done and looked at, or the person's rule ended it early; else it was cancelled. */
  finished: boolean;
  /** Median. */
  tokensPerSecond: number;
  /** The checkpoint to keep and why; undefined: the last one. */
  best: { step: number; why: string } | undefined;
}

export class Session {
  private readonly length: RunLength;
  private readonly plan: CheckpointPlan;
  private readonly eta: Eta;
  private readonly heldOut: Sequence[];
  private readonly measuring: CheckpointMeasuring;
  private progress: LoopProgress = progressSchema.parse({});
  private early = false;

  constructor(private readonly options: SessionOptions) {
    const { hyper, evaluation } = options.spec;
    this.length = new RunLength(hyper, options.spec.minutes, options.secondsBefore);
    this.plan = new CheckpointPlan(hyper.evalEvery);
    const { length } = this;
    this.eta = new Eta(length, hyper.evalEvery);
    const { config } = options.model;
    const backend = options.backend.name;
    this.measuring = new CheckpointMeasuring({ ...options, length, config, backend });
    const live = this.measuring.decides ? DECIDING_WINDOWS : LIVE_WINDOWS;
    const count = Math.min(live, evaluation.heldOutWindows);
    this.heldOut = options.corpus.heldOutSequences(hyper.sequenceLength, count);
  }

  /** Restores, trains, evaluates at intervals. */
  async train(): Promise<Trained> {
    const { dir, spec, model, optimizer, sequences, signal, phase } = this.options;
    const { hyper } = spec;
    const from = await this.begin();
    if (from === 0 && this.measuring.active) {
      await phase('Measuring the base');
      await this.measuring.base();
    }
    this.measuring.label = from ? `Training, resumed at step ${from}` : 'Training';
    await phase(this.measuring.label);
    if (from === 0) {
      const { trouble } = await this.evaluate(0);
      if (trouble) throw diverged(0, trouble);
      // What the first steps go back to.
      if (!signal.aborted) await this.checkpoint(0);
    } else if (this.isEvaluated(from)) await this.lookAgain(from);
    let step: number;
    try {
      step = await runLoop({
        hyper,
        length: this.length,
        model,
        optimizer,
        sequences,
        from,
        progress: this.progress,
        signal,
        onStep: (report) => this.onStep(report),
        goBack: (at, why, progress) => this.goBack(at, why, progress),
        isEnough: () => this.early,
      });
    } catch (error) {
      throw await withLastCheckpoint(error, dir);
    }
    // Cancelled between two checkpoints.
    const saved = (await listCheckpoints(dir)).at(-1) === step;
    if (step < this.length.steps && !saved) await this.checkpoint(step);
    const looked = !this.measuring.decides || this.measuring.record.measured === step;
    const finished = this.early || (step === this.length.steps && looked);
    const best = finished ? await this.measuring.best(step) : undefined;
    return { step, finished, tokensPerSecond: await this.speed(), best };
  }

  /** Restores the newest checkpoint and says with what the run begins. Returns the steps already done. */
  private async begin(): Promise<number> {
    const { dir, writer, backend, corpus, model } = this.options;
    const { state, damaged } = await restoreCheckpoint(dir, this.options);
    for (const bad of damaged) await this.warn(`Checkpoint ${bad} could not be read and was passed over.`);
    if (state && state.backend !== backend.name)
      await this.warn(
        `Resumed on ${backend.name} from a checkpoint made on ${state.backend}: close, but not bit for bit.`,
      );
    if (state) {
      this.progress = state.progress;
      this.measuring.record = state.record;
      if (state.record.steps) this.length.steps = state.record.steps;
    } else this.guessLength();
    await writer.state({ steps: this.length.steps });
    await writer.event({
      type: 'start',
      backend: backend.name,
      backendReason: backend.reason,
      step: state?.step ?? 0,
      steps: this.length.steps,
      trainableParameters: model.parameterCount,
      trainTokens: corpus.train.length,
      heldOutTokens: corpus.heldOut.length,
    });
    return state?.step ?? 0;
  }

  private async onStep(report: StepReport): Promise<string | undefined> {
    const { writer } = this.options;
    const { step, progress } = report;
    this.progress = progress;
    this.measuring.trained(report.seconds);
    this.eta.stepped(report.seconds);
    await this.fitLength(step);
    const etaSeconds = this.eta.after(step) + this.measuring.secondsAhead(step);
    // A step in which nothing counts has no loss to tell of.
    if (report.learned) await writer.event(this.stepEvent(report, etaSeconds));
    await writer.state({ step, etaSeconds });
    const evaluated = this.isEvaluated(step);
    // Measured first: weights that give no number are not worth keeping.
    const { trouble, windows } = evaluated ? await this.evaluate(step) : {};
    if (trouble) return trouble;
    if (step === this.length.steps || this.plan.due(step)) await this.checkpoint(step);
    if (evaluated) await this.look(step, windows);
    return undefined;
  }

  private isEvaluated(step: number): boolean {
    return step % this.options.spec.hyper.evalEvery === 0 || step === this.length.steps;
  }

  /** After its checkpoint: what is measured on that, and whether training goes on. */
  private async look(step: number, windows: readonly RatioItem[] | undefined): Promise<void> {
    const { dir, signal } = this.options;
    await this.measuring.look(step, windows);
    if (signal.aborted) return;
    await rewriteState(dir, step, { record: this.measuring.record });
    const why = step < this.length.steps ? this.measuring.reasonToStop() : undefined;
    if (why) await this.stopEarly(step, why);
  }

  /** A run that was stopped before it had looked at its last checkpoint in full does so first. */
  private async lookAgain(step: number): Promise<void> {
    const { model, signal } = this.options;
    const known = this.measuring.record.measured === step;
    if (known && step < this.length.steps) {
      const why = this.measuring.reasonToStop();
      if (why) await this.stopEarly(step, why);
    }
    if (known) return;
    await this.look(step, await heldOutParts(model, this.heldOut, signal));
  }

  private async stopEarly(step: number, why: string): Promise<void> {
    this.early = true;
    const { events } = await readRun(this.options.dir);
    const told = survivingEvents(events).some((event) => event.type === 'earlyStop' && event.step === step);
    if (!told) await this.options.writer.event({ type: 'earlyStop', step, why });
  }

  /** Of a run of so many minutes, by the rate that was measured on this machine. */
  private guessLength(): void {
    const { rate, spec } = this.options;
    if (!rate) return;
    const { perToken, perSecond } = rate;
    const perStep = tokensPerStep(spec.hyper) * perToken;
    if (this.length.guess({ perStep, perSecond }))
      this.measuring.record = { ...this.measuring.record, steps: this.length.steps };
  }

  /** Of a run of so many minutes, by what its steps take. */
  private async fitLength(step: number): Promise<void> {
    const { measuring, eta } = this;
    const pace = {
      trained: measuring.record.schedule.trained,
      perStep: eta.meanSecondsPerStep,
      perEvaluation: eta.secondsPerEvaluation,
    };
    const fitted = this.length.fit(step, pace);
    if (!fitted) return;
    const { steps } = fitted;
    measuring.record = { ...measuring.record, steps };
    await this.options.writer.event({ type: 'length', step, ...fitted });
    await this.options.writer.state({ steps });
  }

  private stepEvent(
    { step, loss, learningRate, gradientNorm, tokens, seconds }: StepReport,
    etaSeconds: number,
  ) {
    const { rate } = this.options;
    const tokensPerSecond = tokens / seconds;
    return {
      type: 'step' as const,
      step,
      loss,
      learningRate,
      gradientNorm,
      tokensPerSecond,
      ...(rate && { mfu: (tokensPerSecond * rate.perToken) / rate.perSecond }),
      peakMemory: peakMemoryBytes(),
      etaSeconds,
    };
  }

  /** Held-out loss: what is wrong with the weights, if they give no number, or else the counts of each window. */
  private async evaluate(step: number): Promise<{ trouble?: string; windows?: RatioItem[] }> {
    const { model, writer, signal } = this.options;
    const began = performance.now();
    // At step 0 the base's own, also where training begins with an adapter.
    const windows = await heldOutParts(model, this.heldOut, signal, step === 0);
    const result = windows && heldOutLoss(windows);
    if (result && !Number.isFinite(result.value))
      return { trouble: 'the held-out loss is no longer a number' };
    if (result) await writer.event({ type: 'evaluation', step, result, change: this.change(step, windows) });
    const seconds = (performance.now() - began) / 1000;
    this.eta.evaluated(seconds);
    this.measuring.trained(seconds);
    return windows ? { windows } : {};
  }

  /** From the held-out loss before the first step, paired over windows. */
  private change(step: number, windows: RatioItem[]): Interval | undefined {
    const { record } = this.measuring;
    if (step === 0) this.measuring.record = { ...record, start: windows };
    // Those of an earlier version have none.
    return step && record.start.length ? pairedIntervals(record.start, windows).difference : undefined;
  }

  private async checkpoint(step: number): Promise<void> {
    const { dir, backend, model, optimizer, writer } = this.options;
    const trained = { model, optimizer, backend: backend.name };
    const { progress, plan } = this;
    const began = performance.now();
    const path = await saveCheckpoint(dir, trained, { step, progress, plan, record: this.measuring.record });
    const seconds = (performance.now() - began) / 1000;
    this.measuring.trained(seconds);
    // Step 0 is the base: nothing is written of it.
    if (step === 0) return;
    this.eta.saved(seconds);
    await writer.event({ type: 'checkpoint', step, path });
  }

  private async goBack(
    step: number,
    why: string,
    progress: LoopProgress,
  ): Promise<{ step: number; progress: LoopProgress } | undefined> {
    const { dir, writer, phase } = this.options;
    const { state, damaged } = await restoreCheckpoint(dir, this.options, this.plan.before(step));
    for (const bad of damaged) await this.warn(`Checkpoint ${bad} could not be read and was passed over.`);
    if (!state) return undefined;
    const to = state.step;
    this.progress = afterRollback(progress, step, to, state.progress.watch);
    // What was measured after it belongs to what is left behind; the time that it took was spent.
    const { steps } = this.measuring.record;
    const { trained, spent, cost } = this.measuring.record.schedule;
    const schedule = { ...state.record.schedule, trained, spent, cost };
    this.measuring.record = { ...state.record, schedule, steps };
    await goOnFrom(dir, to, this.progress);
    await rewriteState(dir, to, { record: this.measuring.record });
    await writer.event({ type: 'rollback', step, to, why, rateScale: this.progress.rateScale });
    await phase(`Training, gone back from step ${step} to ${to}`);
    await writer.state({ step: to });
    return { step: to, progress: this.progress };
  }

  private warn(message: string): Promise<void> {
    return this.options.writer.event({ type: 'warning', message });
  }

  /** A run that was only evaluated anew trained nothing in this process: then that of the one that did. */
  private async speed(): Promise<number> {
    const { dir, spec } = this.options;
    if (this.eta.secondsPerStep) return tokensPerStep(spec.hyper) / this.eta.secondsPerStep;
    const { events } = await readRun(dir);
    return events.findLast((event) => event.type === 'step')?.tokensPerSecond ?? 0;
  }
}

/** Says which checkpoint a diverged run still has. */
async function withLastCheckpoint(error: unknown, dir: string): Promise<unknown> {
  if (!(error instanceof UserError) || error.code !== 'diverged') return error;
  const last = (await listCheckpoints(dir)).at(-1);
  const kept = last ? `the checkpoint of step ${last} is kept` : 'no checkpoint had been written yet';
  return new UserError('diverged', `${error.message}; ${kept}.`, error.next);
}

export const peakMemoryBytes = () => process.resourceUsage().maxRSS * 1024;

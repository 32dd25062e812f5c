/** The training of a run: resumes from a checkpoint, evaluates and saves at intervals, and goes back if it diverges. */
import type { Corpus } from '../corpus/index.ts';
import { pairedIntervals } from '../statistics/intervals.ts';
import type { Interval, RatioItem } from '../statistics/statistics.ts';
import type { Sequence, SequenceSource } from '../corpus/tokens/sequences.ts';
import type { Model, Parameter } from '../model/index.ts';
import { beforeOf } from '../findings/before.ts';
import { UserError } from '../text/errors.ts';
import { msg, type Text, withTexts } from '../text/message.ts';
import { survivingEvents } from '../protocol/events.ts';
import { tokensPerStep, type RunSpec } from '../protocol/run.ts';
import { readRun } from '../runs/index.ts';
import type { RunWriter } from '../runs/writer.ts';
import type { Backend } from '../tensor/index.ts';
import { CheckpointMeasuring } from './checkpoints/measuring.ts';
import type { BaseSizes } from './memory/plan.ts';
import {
  CheckpointPlan,
  resumeFrom,
  listCheckpoints,
  restoreCheckpoint,
  rewriteState,
  saveCheckpoint,
} from './checkpoints/store.ts';
import { diverged } from './divergence.ts';
import { Eta } from './eta.ts';
import { heldOutLoss, heldOutParts, LIVE_WINDOWS } from './held-out.ts';
import { afterRollback, progressSchema, runLoop, type LoopProgress, type StepReport } from './loop.ts';
import type { Optimizer } from './optimizers.ts';
import { RunLength } from './run-length.ts';
import { awakeMs } from '../platform/machine/awake.ts';

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
  /** The base's sizes, for the memory that measuring takes. */
  sizes: BaseSizes;
  corpus: Corpus;
  sequences: SequenceSource;
  model: Model;
  optimizer: Optimizer;
  /** The value of a parameter before the first step. */
  initial(parameter: Parameter): Promise<Float32Array>;
  /** Operations per trained token, and per second on this machine. */
  rate?: MachineRate;
  /** Reports what the run is doing. */
  phase(name: string): Promise<void>;
}

/** As LIVE_WINDOWS, if checkpoints are compared with each other. */
const COMPARISON_WINDOWS = 8;

export interface TrainingOutcome {
  /** The last step. */
  step: number;
  /** True if all steps were done and evaluated, or the user's rule ended the run early; false if it was cancelled. */
  finished: boolean;
  /** Median over the last steps. */
  tokensPerSecond: number;
  /** The checkpoint to keep and why; undefined means the last one. */
  best: { step: number; why: string } | undefined;
}

export class Session {
  private readonly length: RunLength;
  private readonly plan: CheckpointPlan;
  private readonly eta: Eta;
  private readonly heldOut: Sequence[];
  private readonly measuring: CheckpointMeasuring;
  private progress: LoopProgress = progressSchema.parse({});
  private endedEarly = false;
  /** Seconds of training at the last checkpoint. */
  private savedAt = 0;

  constructor(private readonly options: SessionOptions) {
    const { hyper, evaluation } = options.spec;
    this.length = new RunLength(hyper, options.spec.minutes);
    this.plan = new CheckpointPlan(hyper.evalEvery);
    const { length } = this;
    this.eta = new Eta(length, hyper.evalEvery);
    const { config } = options.model;
    const { name: backend, device } = options.backend;
    this.measuring = new CheckpointMeasuring({ ...options, length, config, backend, device });
    const live = this.measuring.comparesCheckpoints ? COMPARISON_WINDOWS : LIVE_WINDOWS;
    const count = Math.min(live, evaluation.heldOutWindows);
    this.heldOut = options.corpus.heldOutSequences(hyper.sequenceLength, count);
  }

  /** Restores, trains, evaluates at intervals. */
  async train(): Promise<TrainingOutcome> {
    const { dir, spec, model, optimizer, sequences, signal, phase } = this.options;
    const { hyper } = spec;
    const from = await this.restore();
    if (from === 0) await this.measuring.measureBase(() => phase('Measuring the base'));
    this.measuring.label = from ? `Training, resumed at step ${from}` : 'Training';
    await phase(this.measuring.label);
    if (from === 0) {
      const { problem } = await this.evaluateBase();
      if (problem) throw diverged(0, problem);
      // The checkpoint that the first steps can go back to.
      if (!signal.aborted) await this.checkpoint(0);
    } else if (this.isEvaluated(from)) await this.measureLastCheckpoint(from);
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
        rollBack: (at, why, progress) => this.rollBack(at, why, progress),
        isEnough: () => this.endedEarly,
      });
    } catch (error) {
      throw await withLastCheckpoint(error, dir);
    }
    // If it was cancelled between two checkpoints, writes one.
    const saved = (await listCheckpoints(dir)).at(-1) === step;
    if (step < this.length.steps && !saved) await this.checkpoint(step);
    const looked = !this.measuring.comparesCheckpoints || this.measuring.record.measured === step;
    const finished = this.endedEarly || (step === this.length.steps && looked);
    const best = finished ? await this.measuring.best(step) : undefined;
    return { step, finished, tokensPerSecond: await this.speed(), best };
  }

  /** Restores the newest checkpoint and emits the start event. Returns the steps already done. */
  private async restore(): Promise<number> {
    const { dir, writer, backend, corpus, model } = this.options;
    const { state, damaged } = await restoreCheckpoint(dir, this.options);
    for (const bad of damaged) await this.warn(msg`Checkpoint ${bad} could not be read and was skipped.`);
    const movedWarning = state && describeMove(state, backend);
    if (movedWarning) await this.warn(movedWarning);
    if (state) {
      this.progress = state.progress;
      // Its checkpoint may be measured before the first step.
      if (state.progress.leftF16) model.leaveF16();
      this.measuring.record = state.record;
      this.savedAt = state.record.schedule.trained;
      if (state.record.steps) this.length.steps = state.record.steps;
    } else this.guessLength();
    await writer.state({ steps: this.length.steps });
    await writer.event({
      type: 'start',
      backend: backend.name,
      ...withTexts({ backendReason: backend.reason }),
      step: state?.step ?? 0,
      steps: this.length.steps,
      trainableParameters: model.parameterCount,
      trainTokens: corpus.train.length,
      heldOutTokens: corpus.heldOut.length,
    });
    return state?.step ?? 0;
  }

  private async onStep(report: StepReport): Promise<Text | undefined> {
    const { writer } = this.options;
    const { step, progress } = report;
    if (progress.leftF16 && !this.progress.leftF16) await this.warnSwitchedToF32();
    this.progress = progress;
    this.measuring.addTrainingTime(report.seconds);
    this.eta.addStep(report.seconds);
    await this.fitLength(step);
    const etaSeconds = this.eta.secondsLeftAfter(step) + this.measuring.secondsAhead(step);
    // A step without learned tokens has no loss to report.
    if (report.skippedTo)
      await this.warn(
        msg`Step ${step} was skipped: its gradient is too large for f16. The loss scale is now ${report.skippedTo}.`,
      );
    else if (report.learned) await writer.event(this.stepEvent(report, etaSeconds));
    await writer.state({ step, etaSeconds });
    const evaluated = this.isEvaluated(step);
    // Measured before saving, so that weights without a finite loss are not saved.
    const { problem, windows } = evaluated ? await this.evaluate(step) : {};
    if (problem) return problem;
    const { trained } = this.measuring.record.schedule;
    const saving = { unsaved: trained - this.savedAt, cost: this.eta.secondsPerCheckpoint };
    if (step === this.length.steps || this.plan.isDue(step, saving)) await this.checkpoint(step);
    if (evaluated) await this.measureCheckpoint(step, windows);
    return undefined;
  }

  private isEvaluated(step: number): boolean {
    return step % this.options.spec.hyper.evalEvery === 0 || step === this.length.steps;
  }

  /** After a checkpoint was written: measures it, and decides whether training continues. */
  private async measureCheckpoint(step: number, windows: readonly RatioItem[] | undefined): Promise<void> {
    const { dir, signal } = this.options;
    await this.measuring.measureCheckpoint(step, windows);
    if (signal.aborted) return;
    await rewriteState(dir, step, { record: this.measuring.record });
    const why = step < this.length.steps ? this.measuring.reasonToStop() : undefined;
    if (why) await this.stopEarly(step, why);
  }

  /** A resumed run first measures its last checkpoint if that was not completed before. */
  private async measureLastCheckpoint(step: number): Promise<void> {
    const { model, signal } = this.options;
    const isMeasured = this.measuring.record.measured === step;
    if (isMeasured && step < this.length.steps) {
      const why = this.measuring.reasonToStop();
      if (why) await this.stopEarly(step, why);
    }
    if (isMeasured) return;
    await this.measureCheckpoint(step, await heldOutParts(model, this.heldOut, signal));
  }

  private async stopEarly(step: number, why: string): Promise<void> {
    this.endedEarly = true;
    const { events } = await readRun(this.options.dir);
    const isReported = survivingEvents(events).some(
      (event) => event.type === 'earlyStop' && event.step === step,
    );
    if (!isReported) await this.options.writer.event({ type: 'earlyStop', step, why });
  }

  /** Estimates the steps of a run with a budget in minutes, from the measured speed of this machine. */
  private guessLength(): void {
    const { rate, spec } = this.options;
    if (!rate) return;
    const { perToken, perSecond } = rate;
    const perStep = tokensPerStep(spec.hyper) * perToken;
    if (this.length.guess({ perStep, perSecond }))
      this.measuring.record = { ...this.measuring.record, steps: this.length.steps };
  }

  /** Fits the steps of a run with a budget in minutes to the time that its steps take. */
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

  /** The same before the first step. A base whose loss is not finite in f16 may have one in f32. */
  private async evaluateBase(): Promise<{ problem?: Text }> {
    const first = await this.evaluate(0);
    if (!first.problem || this.options.spec.hyper.precision !== 'f16') return first;
    this.options.model.leaveF16();
    const again = await this.evaluate(0);
    if (again.problem) return first;
    this.progress = { ...this.progress, leftF16: true };
    await this.warnSwitchedToF32();
    return again;
  }

  /** Measures the held-out loss. Returns what is wrong if it is not finite, else the counts of each window. */
  private async evaluate(step: number): Promise<{ problem?: Text; windows?: RatioItem[] }> {
    const { model, spec, writer, signal } = this.options;
    const startedAt = awakeMs();
    const isBase = step === 0 && beforeOf(spec) === 'base';
    const windows = await heldOutParts(model, this.heldOut, signal, isBase);
    const result = windows && heldOutLoss(windows);
    if (result && !Number.isFinite(result.value))
      return { problem: msg`the held-out loss is no longer a number` };
    const change = windows && this.change(step, windows);
    if (result) await writer.event({ type: 'evaluation', step, result, change, better: 'lower' });
    const seconds = (awakeMs() - startedAt) / 1000;
    this.eta.addEvaluation(seconds);
    this.measuring.addTrainingTime(seconds);
    return windows ? { windows } : {};
  }

  /** The change of the held-out loss since before the first step, paired over windows. */
  private change(step: number, windows: RatioItem[]): Interval | undefined {
    const { record } = this.measuring;
    if (step === 0) this.measuring.record = { ...record, start: windows };
    // Runs of an earlier version have no `start`.
    return step && record.start.length ? pairedIntervals(record.start, windows).difference : undefined;
  }

  private async checkpoint(step: number): Promise<void> {
    const { dir, backend, model, optimizer, writer } = this.options;
    const trained = { model, optimizer, backend: backend.name, device: backend.device?.name };
    const { progress, plan } = this;
    const startedAt = awakeMs();
    const path = await saveCheckpoint(dir, trained, { step, progress, plan, record: this.measuring.record });
    const seconds = (awakeMs() - startedAt) / 1000;
    this.measuring.addTrainingTime(seconds);
    this.savedAt = this.measuring.record.schedule.trained;
    // Step 0 has no weights of its own, so there is no event for it.
    if (step === 0) return;
    this.eta.addCheckpoint(seconds);
    await writer.event({ type: 'checkpoint', step, path });
  }

  private async rollBack(
    step: number,
    why: Text,
    progress: LoopProgress,
  ): Promise<{ step: number; progress: LoopProgress } | undefined> {
    const { dir, writer, phase } = this.options;
    const { state, damaged } = await restoreCheckpoint(dir, this.options, this.plan.rollbackStep(step));
    for (const bad of damaged) await this.warn(msg`Checkpoint ${bad} could not be read and was skipped.`);
    if (!state) return undefined;
    const to = state.step;
    this.progress = afterRollback(progress, step, to, state.progress.watch);
    // Measurements after that step are dropped, but the time that they took counts.
    const { steps } = this.measuring.record;
    const { trained, spent, cost } = this.measuring.record.schedule;
    const schedule = { ...state.record.schedule, trained, spent, cost };
    this.measuring.record = { ...state.record, schedule, steps };
    await resumeFrom(dir, to, this.progress);
    await rewriteState(dir, to, { record: this.measuring.record });
    await writer.event({
      type: 'rollback',
      step,
      to,
      ...withTexts({ why }),
      rateScale: this.progress.rateScale,
    });
    await phase(`Training, back from step ${step} to step ${to}`);
    await writer.state({ step: to });
    return { step: to, progress: this.progress };
  }

  private warnSwitchedToF32(): Promise<void> {
    return this.warn(
      msg`Some numbers of this model are too large for f16. The run continues in f32, which is slower.`,
    );
  }

  private warn(message: Text): Promise<void> {
    return this.options.writer.event({ type: 'warning', ...withTexts({ message }) });
  }

  /** Tokens per second; if this process trained nothing, the speed in the run's last step event. */
  private async speed(): Promise<number> {
    const { dir, spec } = this.options;
    if (this.eta.secondsPerStep) return tokensPerStep(spec.hyper) / this.eta.secondsPerStep;
    const { events } = await readRun(dir);
    return events.findLast((event) => event.type === 'step')?.tokensPerSecond ?? 0;
  }
}

/** A note that a run continues on another device than the one that made its checkpoint; undefined if it does not. */
function describeMove(
  state: { backend: string; device?: string | undefined },
  { name, device }: Pick<Backend, 'name' | 'device'>,
): Text | undefined {
  const [from, to] = state.backend === name ? [state.device, device?.name] : [state.backend, name];
  // Checkpoints of an earlier version don't say on which GPU they were made.
  if (from === undefined || to === undefined || from === to) return undefined;
  return msg`Resumed on ${to} from a checkpoint made on ${from}: results will be close, but not identical.`;
}

/** For a run that diverged, or whose GPU was lost or full: adds to the error which checkpoint is left. */
async function withLastCheckpoint(error: unknown, dir: string): Promise<unknown> {
  if (!(error instanceof UserError) || !keepsCheckpoint.has(error.code)) return error;
  const last = (await listCheckpoints(dir)).at(-1);
  const { code, what, whatNext } = error;
  const message = last
    ? msg`${what}; the checkpoint of step ${last} is kept.`
    : msg`${what}; no checkpoint had been written yet.`;
  return new UserError(code, message, whatNext);
}

const keepsCheckpoint: ReadonlySet<string> = new Set(['diverged', 'gpu-lost', 'memory']);

export const peakMemoryBytes = () => process.resourceUsage().maxRSS * 1024;

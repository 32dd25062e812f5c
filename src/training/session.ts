/** Training as a run sees it: goes on from a checkpoint, evaluates and saves at intervals, goes back when it must. */
import type { Corpus } from '../corpus/index.ts';
import type { Sequence, SequenceSource } from '../corpus/sequences.ts';
import type { Model } from '../model/index.ts';
import { UserError } from '../protocol/errors.ts';
import type { RunSpec } from '../protocol/run.ts';
import { readRun } from '../runs/index.ts';
import type { RunWriter } from '../runs/writer.ts';
import type { Backend } from '../tensor/index.ts';
import {
  CheckpointPlan,
  goOnFrom,
  listCheckpoints,
  restoreCheckpoint,
  saveCheckpoint,
} from './checkpoints.ts';
import { diverged } from './divergence.ts';
import { Eta } from './eta.ts';
import { measureHeldOut } from './held-out.ts';
import { afterRollback, progressSchema, runLoop, type Progress, type StepReport } from './loop.ts';
import type { Optimizer } from './optimizers.ts';

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
  /** Floating-point operations of a trained token, and what the machine makes of them in a second. */
  rate?: { perToken: number; perSecond: number };
  /** Says what the run does now. */
  phase(name: string): Promise<void>;
}

/** Held-out windows looked at during training; the evaluator takes them all at the end. */
const LIVE_WINDOWS = 4;

export class Session {
  private readonly plan: CheckpointPlan;
  private readonly eta: Eta;
  private readonly heldOut: Sequence[];
  private progress: Progress = progressSchema.parse({});

  constructor(private readonly options: SessionOptions) {
    const { hyper, evaluation } = options.spec;
    this.plan = new CheckpointPlan(hyper.evalEvery);
    this.eta = new Eta(hyper.steps, hyper.evalEvery);
    const count = Math.min(LIVE_WINDOWS, evaluation.heldOutWindows);
    this.heldOut = options.corpus.heldOutSequences(hyper.sequenceLength, count);
  }

  /** Restores, trains, evaluates at intervals. Returns the last step and the median speed. */
  async train(): Promise<{ step: number; tokensPerSecond: number }> {
    const { dir, spec, model, optimizer, sequences, signal, phase } = this.options;
    const { hyper } = spec;
    const from = await this.begin();
    await phase(from ? `Training, resumed at step ${from}` : 'Training');
    if (from === 0) {
      const trouble = await this.evaluate(0);
      if (trouble) throw diverged(0, trouble);
      // What the first steps go back to.
      if (!signal.aborted) await this.checkpoint(0);
    }
    let step: number;
    try {
      step = await runLoop({
        hyper,
        model,
        optimizer,
        sequences,
        from,
        progress: this.progress,
        signal,
        onStep: (report) => this.onStep(report),
        goBack: (at, why, progress) => this.goBack(at, why, progress),
      });
    } catch (error) {
      throw await withLastCheckpoint(error, dir);
    }
    // Cancelled between two checkpoints.
    const saved = (await listCheckpoints(dir)).at(-1) === step;
    if (step < hyper.steps && !saved) await this.checkpoint(step);
    return { step, tokensPerSecond: await this.speed() };
  }

  /** Restores the newest checkpoint and says with what the run begins. Returns the steps already done. */
  private async begin(): Promise<number> {
    const { dir, spec, writer, backend, corpus, model } = this.options;
    const { state, damaged } = await restoreCheckpoint(dir, this.options);
    for (const bad of damaged) await this.warn(`Checkpoint ${bad} could not be read and was passed over.`);
    if (state && state.backend !== backend.name)
      await this.warn(
        `Resumed on ${backend.name} from a checkpoint made on ${state.backend}: close, but not bit for bit.`,
      );
    if (state) this.progress = state.progress;
    await writer.event({
      type: 'start',
      backend: backend.name,
      backendReason: backend.reason,
      step: state?.step ?? 0,
      steps: spec.hyper.steps,
      trainableParameters: model.parameterCount,
      trainTokens: corpus.train.length,
      heldOutTokens: corpus.heldOut.length,
    });
    return state?.step ?? 0;
  }

  private async onStep(report: StepReport): Promise<string | undefined> {
    const { writer, spec } = this.options;
    const { step, progress } = report;
    this.progress = progress;
    const etaSeconds = this.eta.step(step, report.seconds);
    // A step in which nothing counts has no loss to tell of.
    if (report.learned) await writer.event(this.stepEvent(report, etaSeconds));
    await writer.state({ step, etaSeconds });
    const last = step === spec.hyper.steps;
    // Measured first: weights that give no number are not worth keeping.
    const trouble = step % spec.hyper.evalEvery === 0 || last ? await this.evaluate(step) : undefined;
    if (!trouble && (last || this.plan.due(step))) await this.checkpoint(step);
    return trouble;
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

  /** Returns what is wrong with the weights, if they give no number. */
  private async evaluate(step: number): Promise<string | undefined> {
    const { model, writer, signal } = this.options;
    const began = performance.now();
    const result = await measureHeldOut(model, this.heldOut, signal);
    if (result && !Number.isFinite(result.value)) return 'the held-out loss is no longer a number';
    if (result) await writer.event({ type: 'evaluation', step, result });
    this.eta.evaluation((performance.now() - began) / 1000);
    return undefined;
  }

  private async checkpoint(step: number): Promise<void> {
    const { dir, backend, model, optimizer, writer } = this.options;
    const trained = { model, optimizer, backend: backend.name };
    const path = await saveCheckpoint(dir, trained, { step, progress: this.progress, plan: this.plan });
    await writer.event({ type: 'checkpoint', step, path });
  }

  private async goBack(
    step: number,
    why: string,
    progress: Progress,
  ): Promise<{ step: number; progress: Progress } | undefined> {
    const { dir, writer, phase } = this.options;
    const { state, damaged } = await restoreCheckpoint(dir, this.options, this.plan.before(step));
    for (const bad of damaged) await this.warn(`Checkpoint ${bad} could not be read and was passed over.`);
    if (!state) return undefined;
    const to = state.step;
    this.progress = afterRollback(progress, step, to, state.progress.watch);
    await goOnFrom(dir, to, this.progress);
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
    const { batch, accumulate, sequenceLength } = spec.hyper;
    if (this.eta.secondsPerStep) return (batch * accumulate * sequenceLength) / this.eta.secondsPerStep;
    const { events } = await readRun(dir);
    return events.findLast((event) => event.type === 'step')?.tokensPerSecond ?? 0;
  }
}

/** Says which checkpoint a diverged run still has. */
async function withLastCheckpoint(error: unknown, dir: string): Promise<unknown> {
  if (!(error instanceof UserError) || error.code !== 'diverged') return error;
  const last = (await listCheckpoints(dir)).at(-1);
  const kept =
    last === undefined ? 'no checkpoint had been written yet' : `the checkpoint of step ${last} is kept`;
  return new UserError('diverged', `${error.message}; ${kept}.`, error.next);
}

export const peakMemoryBytes = () => process.resourceUsage().maxRSS * 1024;

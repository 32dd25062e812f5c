/** One trial of a sweep: a short run from the base at one rate, measured on the same held-out text as the base. */
import type { Sequence, SequenceSource } from '../../corpus/tokens/sequences.ts';
import { klDivergence, ratio, sum, type RatioItem } from '../../statistics/statistics.ts';
import type { TrainableModel } from '../../model/index.ts';
import { UserError } from '../../text/errors.ts';
import type { Hyper } from '../../protocol/run.ts';
import type { BaseLine, Trial } from '../../protocol/sweep.ts';
import { stepSequences } from '../batches.ts';
import { learnedLoss } from '../held-out.ts';
import { runLoop } from '../loop.ts';
import { Optimizer } from '../optimizers.ts';
import { endedAboveBase, divergenceReason } from './choice.ts';
import type { TrialCheckpoints, TrialState } from './trial-checkpoints.ts';
import { withTexts } from '../../text/message.ts';
import { awakeMs } from '../../platform/machine/awake.ts';

/** The texts that all trials use. */
export interface TrialTexts {
  training: SequenceSource;
  /** The text on which they are compared: none of them learns from it. */
  heldOut: Sequence[];
}

/** The base's distributions at the beginning of a held-out sequence, with which a trial's are compared. */
export interface Probe {
  tokens: Int32Array;
  /** A distribution over the vocabulary for each token. */
  base: Float32Array[];
}

/** Mean loss in nats over the learned tokens of each held-out sequence. */
async function heldOutMeans(model: TrainableModel, { heldOut }: TrialTexts): Promise<number[]> {
  const means: number[] = [];
  for (const sequence of heldOut) means.push(ratio([await learnedLoss(model, sequence)]));
  return means;
}

/** Measures the untrained model on the held-out text and on the tokens of every step. Undefined if `signal` fires. */
export async function measureBase(
  model: TrainableModel,
  hyper: Hyper,
  texts: TrialTexts,
  signal: AbortSignal,
): Promise<BaseLine | undefined> {
  const losses: number[] = [];
  for (let step = 1; step <= hyper.steps; step += 1) {
    const parts: RatioItem[] = [];
    for (const sequence of stepSequences(texts.training, hyper, step)) {
      if (signal.aborted) return undefined;
      parts.push(await learnedLoss(model, sequence));
    }
    // 0 if nothing is learned in the step, as the loop reports it.
    losses.push(parts.some(({ weight }) => weight) ? ratio(parts) : 0);
  }
  const heldOut = await heldOutMeans(model, texts);
  const time = new Date().toISOString();
  const windowTokens = texts.heldOut.map(({ learned }) => sum(learned));
  const windowDocuments = texts.heldOut.map(({ document }, index) => String(document ?? `window ${index}`));
  return {
    type: 'base',
    time,
    method: hyper.method,
    backend: model.backend.name,
    losses,
    heldOut,
    windowTokens,
    windowDocuments,
  };
}

/** The most bytes of the base's probabilities that are kept. */
const PROBE_BYTES = 48e6;
const PROBE_TOKENS = 64;

/** As many beginnings of held-out sequences as fit in memory; at least one. The model is not trained yet. */
export async function takeProbes(model: TrainableModel, { heldOut }: TrialTexts): Promise<Probe[]> {
  const maxProbes = PROBE_BYTES / (4 * model.config.vocabularySize * PROBE_TOKENS);
  const probes: Probe[] = [];
  for (const sequence of heldOut.slice(0, Math.max(1, Math.floor(maxProbes)))) {
    const tokens = sequence.tokens.slice(0, PROBE_TOKENS);
    probes.push({ tokens, base: await model.probabilities(tokens) });
  }
  return probes;
}

/** Mean KL(base || model) over the probes' positions, nats. */
async function probeKl(model: TrainableModel, probes: readonly Probe[]): Promise<number> {
  let sum = 0;
  let count = 0;
  for (const { tokens, base } of probes) {
    const now = await model.probabilities(tokens);
    for (const [i, row] of base.entries()) sum += klDivergence(row, now[i]!);
    count += base.length;
  }
  return sum / count;
}

export interface TrialOptions {
  /** A freshly loaded model; it is trained and not restored. */
  model: TrainableModel;
  hyper: Hyper;
  texts: TrialTexts;
  base: BaseLine;
  probes: readonly Probe[];
  signal: AbortSignal;
  onStep(step: number, loss: number, seconds: number): void;
  /** The checkpoints that it continues from if it was interrupted, and keeps until it ends. */
  checkpoints?: TrialCheckpoints | undefined;
}

/** Trains to the end or until it diverges, and measures. Undefined if `signal` fired first. */
export async function runTrial(options: TrialOptions): Promise<Trial | undefined> {
  const { model, hyper, texts, base, probes } = options;
  const started = awakeMs();
  const trained = await train(options);
  if (!trained) return undefined;
  const { losses, secondsBefore } = trained;
  let { diverged } = trained;
  const measured = diverged ? undefined : await heldOutMeans(model, texts);
  const why = measured && endedAboveBase(base, measured);
  if (why) diverged = { step: hyper.steps, ...withTexts({ why }) };
  const kl = measured ? await probeKl(model, probes) : NaN;
  return {
    type: 'trial',
    time: new Date().toISOString(),
    method: hyper.method,
    learningRate: hyper.learningRate,
    losses,
    // JSON has no NaN.
    ...(measured?.every(Number.isFinite) && { heldOut: measured }),
    ...(Number.isFinite(kl) && { kl }),
    ...(diverged && { diverged }),
    seconds: secondsBefore + (awakeMs() - started) / 1000,
  };
}

interface TrainedTrial extends Pick<Trial, 'losses' | 'diverged'> {
  /** Seconds that an earlier process spent on it. */
  secondsBefore: number;
}

/** The training of a trial, from its newest checkpoint if it has one. Undefined if `signal` fired first. */
async function train(options: TrialOptions): Promise<TrainedTrial | undefined> {
  const { model, hyper, texts, base, signal, checkpoints } = options;
  const started = awakeMs();
  const optimizer = new Optimizer(model, hyper);
  const restored = await checkpoints?.restore({ model, optimizer });
  const losses = [...(restored?.losses ?? [])];
  const secondsBefore = restored?.seconds ?? 0;
  let diverged: Trial['diverged'];
  let last: TrialState | undefined;
  try {
    const step = await runLoop({
      hyper,
      model,
      optimizer,
      sequences: texts.training,
      from: restored?.step ?? 0,
      ...(restored && { progress: restored.progress }),
      signal,
      async onStep({ step, loss, seconds, progress }) {
        losses.push(loss);
        options.onStep(step, loss, seconds);
        const why = divergenceReason(losses, base.losses);
        if (why) return why;
        const spent = secondsBefore + (awakeMs() - started) / 1000;
        last = { step, progress, losses, seconds: spent };
        await checkpoints?.saveIfDue({ model, optimizer }, last);
        return undefined;
      },
      // A trial never goes back, because the sweep needs to know whether it diverges.
      async rollBack(step, why) {
        diverged = { step, ...withTexts({ why }) };
        return undefined;
      },
    });
    if (step === hyper.steps) return { losses, secondsBefore };
    if (last) await checkpoints?.save({ model, optimizer }, last);
    return undefined;
  } catch (error) {
    if (error instanceof UserError && error.code === 'diverged' && diverged)
      return { losses, diverged, secondsBefore };
    throw error;
  } finally {
    optimizer.dispose();
  }
}

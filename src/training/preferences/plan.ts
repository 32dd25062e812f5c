/**
 * Plans which texts the preference stage learns from in its share of the run, and which it is measured on. Pure
 * functions.
 */
import type { CursorContinuation } from '../../cursors/continuations.ts';
import { spread } from '../../statistics/statistics.ts';
import { mix } from '../../statistics/random.ts';
import { tokensPerStep, type EvaluationPlan, type RunSpec } from '../../protocol/run.ts';
import { expectedOperations } from '../run-length.ts';
import type { MachineRate } from '../session.ts';
import type { Example } from './examples.ts';

/** Share of the run's time. */
const SHARE = 0.2;
/** Texts per optimiser step, and how many of them are also combined with another place, for the reference point. */
export const BATCH = 8;
export const MISMATCHED = 4;
/** Fewer steps would have no effect. */
const LEAST_STEPS = 4;
export const LEAST_TEXTS = LEAST_STEPS * BATCH;
const MOST_HELD_OUT = 48;
/** Number of held-out cursors to check that code is still predicted as well as before. */
export const CURSORS = 24;

/** Cost of a forward pass, as a share of the cost of a trained token. */
const FORWARD = 1 / 3;

/** Seconds of a run's budget that are kept for the stage. */
export const preferenceSeconds = ({
  minutes,
  preferences,
}: Pick<RunSpec, 'minutes' | 'preferences'>): number =>
  preferences && minutes !== undefined ? SHARE * 60 * minutes : 0;

/**
 * Strengths at which the result of the stage must be better. If the strength is still to be chosen, it is often 0.5. A
 * stage that only undoes training that went too far would look like a gain at 1, but is a loss at 0.5.
 */
export const judgedAt = ({ strength }: Pick<EvaluationPlan, 'strength'>): number[] =>
  strength === 'measured' ? [1, 0.5] : [strength];

/** The texts that are available. */
export interface Material {
  /** The oldest first. */
  training: readonly Example[];
  heldOut: readonly Example[];
  cursors: readonly CursorContinuation[];
  /** The strengths at which it is judged. */
  strengths: readonly number[];
}

/** Tokens that the ordinary training will read; estimated from the machine's speed if the budget is in minutes. */
export function expectedTokens(
  { minutes, hyper }: Pick<RunSpec, 'minutes' | 'hyper'>,
  rate: MachineRate,
): number {
  if (minutes === undefined) return hyper.steps * tokensPerStep(hyper);
  return expectedOperations((1 - SHARE) * 60 * minutes, rate.perSecond) / rate.perToken;
}

/** The texts to learn from and to measure on. */
export interface StagePlan {
  /** A multiple of BATCH, in the order of the steps. */
  training: Example[];
  heldOut: Example[];
}

/**
 * Takes as many of the newest texts as fit into the stage's share, given the `trained` tokens of the ordinary training.
 * If that is too few, `needed` says by which factor the run would have to be longer.
 */
export function planStage(texts: Material, trained: number, seed: number): StagePlan | { needed: number } {
  const budget = (trained * SHARE) / (1 - SHARE);
  const heldOut = spread(texts.heldOut.length, Math.min(MOST_HELD_OUT, texts.heldOut.length)).map(
    (index) => texts.heldOut[index]!,
  );
  const tokensOf = (some: readonly { tokens: ArrayLike<number> }[]) =>
    some.reduce((sum, { tokens }) => sum + tokens.length, 0);
  // Measured before and after at each strength; preferences also by the reference.
  const times = 2 * texts.strengths.length;
  const measuring = FORWARD * (times * tokensOf(texts.cursors) + (times + 1) * tokensOf(heldOut));
  // Each text takes two forward passes and one training pass; mismatched ones two more forward passes.
  const perToken = 1 + 2 * FORWARD * (1 + MISMATCHED / BATCH);
  const newest: Example[] = [];
  let spent = measuring;
  for (const example of [...texts.training].reverse()) {
    spent += perToken * example.tokens.length;
    if (spent > budget) break;
    newest.push(example);
  }
  const count = newest.length - (newest.length % BATCH);
  if (count >= LEAST_TEXTS) return { training: inAnyOrder(newest.slice(0, count), seed), heldOut };
  const each = (perToken * tokensOf(texts.training)) / Math.max(1, texts.training.length);
  return { needed: (measuring + LEAST_TEXTS * each) / budget };
}

/** Shuffles, depending only on the seed. */
function inAnyOrder(examples: readonly Example[], seed: number): Example[] {
  return [...examples.entries()]
    .map(([index, example]) => ({ example, rank: mix(seed, index, 7) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ example }) => example);
}

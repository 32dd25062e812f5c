/** What the stage of preferences learns from in its share of the run, and what it is measured on. Pure functions. */
import type { CursorContinuation } from '../../cursors/continuations.ts';
import { spread } from '../../statistics/statistics.ts';
import { mix } from '../../statistics/random.ts';
import { tokensPerStep, type EvaluationPlan, type RunSpec } from '../../protocol/run.ts';
import { expectedOperations } from '../run-length.ts';
import type { MachineRate } from '../session.ts';
import type { Example } from './examples.ts';

/** Of the run's time. */
const SHARE = 0.2;
/** Texts of an optimiser step, and how many of its places get another's text, for the reference point. */
export const BATCH = 8;
export const MISMATCHED = 4;
/** Fewer steps move nothing. */
const LEAST_STEPS = 4;
export const LEAST_TEXTS = LEAST_STEPS * BATCH;
const MOST_HELD_OUT = 48;
/** Held-out cursors that tell whether code is known as well as before. */
export const CURSORS = 24;

/** What is read, as a share of what a trained token takes: a pass forward is a third of it. */
const FORWARD = 1 / 3;

/** Seconds of a run's minutes that are left for the stage. */
export const preferenceSeconds = ({
  minutes,
  preferences,
}: Pick<RunSpec, 'minutes' | 'preferences'>): number =>
  preferences && minutes !== undefined ? SHARE * 60 * minutes : 0;

/**
 * Strengths at which what is learned has to be better. One that is still to be chosen is often a half: there, what only
 * takes back a training that went too far is a loss, and at 1 it looks like a gain.
 */
export const judgedAt = ({ strength }: Pick<EvaluationPlan, 'strength'>): number[] =>
  strength === 'measured' ? [1, 0.5] : [strength];

/** What is there. */
export interface Material {
  /** The oldest first. */
  training: readonly Example[];
  heldOut: readonly Example[];
  cursors: readonly CursorContinuation[];
  /** What it is judged at. */
  strengths: readonly number[];
}

/** What the ordinary training will have read, by the machine's rate where its length is time. */
export function expectedTokens(
  { minutes, hyper }: Pick<RunSpec, 'minutes' | 'hyper'>,
  rate: MachineRate,
): number {
  if (minutes === undefined) return hyper.steps * tokensPerStep(hyper);
  return expectedOperations((1 - SHARE) * 60 * minutes, rate.perSecond) / rate.perToken;
}

/** What is learned from and measured on. */
export interface StagePlan {
  /** A multiple of BATCH, in the order of the steps. */
  training: Example[];
  heldOut: Example[];
}

/**
 * As many of the newest texts as the run's share has room for, by the tokens that it trains on before. Where those are too
 * few, `needed` says how many times as long a run would have to be.
 */
export function planStage(texts: Material, trained: number, seed: number): StagePlan | { needed: number } {
  const budget = (trained * SHARE) / (1 - SHARE);
  const heldOut = spread(texts.heldOut.length, Math.min(MOST_HELD_OUT, texts.heldOut.length)).map(
    (index) => texts.heldOut[index]!,
  );
  const tokensOf = (some: readonly { tokens: ArrayLike<number> }[]) =>
    some.reduce((sum, { tokens }) => sum + tokens.length, 0);
  // Before and after, at each strength; of preferences, the reference too.
  const times = 2 * texts.strengths.length;
  const measuring = FORWARD * (times * tokensOf(texts.cursors) + (times + 1) * tokensOf(heldOut));
  // Twice forward and once trained, and of the mismatched again twice forward.
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

/** A function of the seed alone. */
function inAnyOrder(examples: readonly Example[], seed: number): Example[] {
  return [...examples.entries()]
    .map(([index, example]) => ({ example, rank: mix(seed, index, 7) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ example }) => example);
}

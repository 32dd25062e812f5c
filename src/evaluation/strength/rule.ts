/**
 * Which strength of a result is offered: the one that learned most on held-out code and forgot no more than the limit.
 * The base is one of them (strength 0), so that nobody is given a worse model. Pure; explained in docs/science.md.
 */
import type { StrengthChoice, StrengthPoint } from '../../protocol/evaluation.ts';
import { formatDifference } from '../../protocol/units.ts';
import { pairedIntervals } from '../../statistics/intervals.ts';
import type { Interval, RatioItem } from '../../statistics/statistics.ts';

/** What was counted at one strength: of each item a part, the same items each time. */
export interface StrengthCounts {
  /** Bits and bytes of what stands at held-out cursors. */
  learned: readonly RatioItem[];
  /** Nats and positions of the base's own texts; empty where there are none. */
  kl: readonly RatioItem[];
  /** Nats and tokens of HumanEval's solutions; empty where they could not be had. */
  solutions: readonly RatioItem[];
}

/** Solutions may take so many nats per token more before a rise that noise does not explain counts as forgetting. */
const SOLUTIONS_SLACK = 0.01;
/** With fewer documents, Student's t says nothing of any gain: each cursor then stands for itself. */
const FEW_DOCUMENTS = 4;

/** A strength's figures against the base's. */
export function pointOf(strength: number, base: StrengthCounts, at: StrengthCounts): StrengthPoint {
  const apart = new Set(base.learned.map(({ document }) => document)).size < FEW_DOCUMENTS;
  const own = (parts: readonly RatioItem[]) =>
    apart ? parts.map(({ sum, weight }) => ({ sum, weight })) : parts;
  const { kl, solutions } = at;
  return {
    strength,
    learned: pairedIntervals(own(base.learned), own(at.learned)).difference,
    ...(kl.length && { kl: pairedIntervals(kl, kl).after }),
    ...(solutions.length && { solutions: pairedIntervals(base.solutions, solutions).difference }),
  };
}

/** Those that are measured however long they take. */
const LEAST = 2;
/** Strengths that are measured at most. */
export const MOST = 4;
/** Below it hardly anything that was learned is left. */
const WEAKEST = 0.1;
/** KL is of few texts, and grows a little slower than expected. */
const MARGIN = 0.95;

/**
 * The strength to measure next, after `points`; undefined when enough is known. `late`: no time is left for more than
 * has to be known, which is one within the limit, if there is any.
 */
export function nextStrength(
  points: readonly StrengthPoint[],
  limit: number,
  late: boolean,
): number | undefined {
  if (points.length >= MOST) return undefined;
  const within = points.some((point) => forgotLittle(point, limit));
  if (within && late && points.length >= LEAST) return undefined;
  if (!within && points.length >= LEAST) return weaker(points, limit);
  // What forgets too much does so at every strength above it.
  const tooStrong = points.filter((point) => !forgotLittle(point, limit)).map(({ strength }) => strength);
  const below = points.length < LEAST ? Infinity : Math.min(...tooStrong);
  return [1, 0.5, 0.75, 0.25].find(
    (strength) => strength < below && !points.some((point) => point.strength === strength),
  );
}

/** The strength below all of these that is expected to forget just less than the limit: KL goes with its square. */
function weaker(points: readonly StrengthPoint[], limit: number): number | undefined {
  const { strength, kl } = points.toSorted((a, b) => a.strength - b.strength)[0]!;
  const share = kl && kl.value > limit ? Math.sqrt((MARGIN * limit) / kl.value) : 0.5;
  const next = Math.floor(20 * strength * share) / 20;
  return next >= WEAKEST ? next : undefined;
}

type Decision = Pick<StrengthChoice, 'strength' | 'why' | 'next'>;

/** Of these strengths, in any order, the one to offer; 0 where none is better than the base. */
export function chooseStrength(points: readonly StrengthPoint[], limit: number): Decision {
  const within = points.filter((point) => forgotLittle(point, limit));
  const best = within.toSorted((a, b) => a.learned.value - b.learned.value)[0];
  if (best && best.learned.high < 0) return { strength: best.strength, why: whyThis(best, points, limit) };
  const strongest = points.toSorted((a, b) => b.strength - a.strength)[0]!;
  const lost = points.find(({ learned }) => learned.high < 0);
  if (lost)
    return {
      strength: 0,
      why: `what was learned of this code cost too much of what the base knew: ${forgot(lost)} at strength ${lost.strength}`,
      next: 'A lower learning rate or replay forgets less.',
    };
  return {
    strength: 0,
    why: `at held-out cursors nothing was gained that can be told from noise: ${learned((best ?? strongest).learned)}`,
    next: 'Longer training, or more code to learn from, may help.',
  };
}

const forgotLittle = ({ kl, solutions }: StrengthPoint, limit: number): boolean =>
  (!kl || kl.value <= limit) && !(solutions && solutions.low > 0 && solutions.value > SOLUTIONS_SLACK);

function whyThis(best: StrengthPoint, points: readonly StrengthPoint[], limit: number): string {
  const stronger = points.filter(({ strength }) => strength > best.strength);
  const costly = stronger.some((point) => point.learned.value < best.learned.value);
  const why =
    stronger.length === 0
      ? ''
      : costly
        ? `; stronger, it forgets more than the limit of ${limit}`
        : '; stronger, it completes no better';
  return `at strength ${best.strength} it learned most: ${learned(best.learned)}, ${forgot(best)}${why}`;
}

const learned = ({ value, low, high }: Interval) =>
  `${formatDifference(value)} bits per byte [${formatDifference(low)}, ${formatDifference(high)}] of what stands at held-out cursors`;
const forgot = ({ kl, solutions }: StrengthPoint) =>
  [
    kl ? `KL from the base ${kl.value.toFixed(3)} nats per token` : '',
    solutions ? `loss of HumanEval's solutions ${formatDifference(solutions.value)}` : '',
  ]
    .filter(Boolean)
    .join(', ') || 'forgetting was not measured';

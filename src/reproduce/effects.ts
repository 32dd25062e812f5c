/**
 * Effects with their intervals, and the verdict that follows from them by a stated rule (docs/science.md). Items are
 * resampled: each stratum (held-out windows, texts, problems) by itself, all models on the same draw of its items.
 */
import { uniform } from '../model/random.ts';
import { percentile, ratio, type Interval, type Part } from '../evaluation/statistics.ts';
import type { Effect, Verdict } from '../protocol/reproduction.ts';

/** Of each model, one part for each item; the same items in the same order. */
export type Stratum = readonly (readonly Part[])[];
/** By stratum and model. */
export type Figures = readonly (readonly number[])[];

const RESAMPLES = 4000;
const SEED = 20240905;
/** Two-sided 95%, as everywhere. */
const TAIL = 0.025;

/**
 * A statistic of the figures with its 95% percentile bootstrap interval. Undefined where it has no value, or none in
 * more draws than an interval leaves out at one end.
 */
export function bootstrap(
  strata: readonly Stratum[],
  statistic: (figures: Figures) => number,
  { resamples = RESAMPLES, seed = SEED } = {},
): Interval | undefined {
  if (strata.some((stratum) => !stratum[0]?.length)) return undefined;
  const value = statistic(strata.map((stratum) => stratum.map(ratio)));
  if (!Number.isFinite(value)) return undefined;
  const random = uniform(seed);
  const drawn: number[] = [];
  for (let i = 0; i < resamples; i += 1) {
    const one = statistic(strata.map((stratum) => draw(stratum, random)));
    if (Number.isFinite(one)) drawn.push(one);
  }
  if (drawn.length < (1 - TAIL) * resamples) return undefined;
  const sorted = Float64Array.from(drawn).sort();
  return { value, low: percentile(sorted, TAIL), high: percentile(sorted, 1 - TAIL) };
}

/** The same of the median of plain values, each of which is an item. Undefined where there are none. */
export function bootstrapMedian(values: readonly number[]): Interval | undefined {
  if (values.length === 0) return undefined;
  const random = uniform(SEED);
  const drawn = Float64Array.from({ length: RESAMPLES }, () =>
    medianOf(values.map(() => values[Math.floor(random() * values.length)]!)),
  ).sort();
  return {
    value: medianOf(values),
    low: percentile(drawn, TAIL),
    high: percentile(drawn, 1 - TAIL),
  };
}

const medianOf = (values: readonly number[]) => percentile(Float64Array.from(values).sort(), 0.5);

/** Each model's ratio of totals over one draw of items. */
function draw(stratum: Stratum, random: () => number): number[] {
  const items = stratum[0]!.length;
  const sums = new Float64Array(stratum.length);
  const weights = new Float64Array(stratum.length);
  for (let i = 0; i < items; i += 1) {
    const item = Math.floor(random() * items);
    for (const [model, parts] of stratum.entries()) {
      sums[model]! += parts[item]!.sum;
      weights[model]! += parts[item]!.weight;
    }
  }
  return [...sums].map((sum, model) => sum / weights[model]!);
}

/** A run from its base to its end: held-out loss (learning) and forgetting at each point, the base first. */
export interface Path {
  losses: readonly number[];
  forgetting: readonly number[];
}

/**
 * Forgetting of each path at the held-out loss that all of them reach, along straight lines between points. NaN where
 * one of them learned nothing.
 */
export function matchedForgetting(paths: readonly Path[]): number[] {
  const target = Math.max(...paths.map(({ losses }) => Math.min(...losses)));
  return paths.map((path) => (target < path.losses[0]! ? forgettingAt(path, target) : NaN));
}

/** Where the path first comes down to the loss. */
function forgettingAt({ losses, forgetting }: Path, target: number): number {
  const to = losses.findIndex((loss) => loss <= target);
  const [above, below] = [losses[to - 1]!, losses[to]!];
  const share = (above - target) / (above - below);
  return forgetting[to - 1]! + share * (forgetting[to]! - forgetting[to - 1]!);
}

/** Is the interval where the claim wants it, elsewhere altogether, or across the border? */
export function sideOf({ low, high, above, below }: Effect): 'inside' | 'outside' | 'across' {
  if (low > (above ?? -Infinity) && high < (below ?? Infinity)) return 'inside';
  if (high < (above ?? -Infinity) || low > (below ?? Infinity)) return 'outside';
  return 'across';
}

/** Every effect that decides on the claim's side: holds. One on the other side: does not hold. Else: can't tell. */
export function verdictOf(effects: readonly Effect[]): Exclude<Verdict, 'not run'> {
  const deciding = effects.filter(({ above, below }) => above !== undefined || below !== undefined);
  const sides = deciding.map(sideOf);
  if (sides.includes('outside')) return 'does not hold';
  return sides.length > 0 && sides.every((side) => side === 'inside') ? 'holds' : "can't tell";
}

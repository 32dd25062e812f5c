/**
 * Statistics of an evaluation: pass@k, bits per byte, and bootstrap intervals over items.
 * Base and result always answer the same items, so their difference is resampled in pairs, which removes
 * the variance that the items themselves bring in.
 */
import { uniform } from '../model/random.ts';

export interface Interval {
  value: number;
  low: number;
  high: number;
}

/** Two-sided level of every interval here. */
const TAIL = 0.025;
const DEFAULTS = { resamples: 4000, seed: 20240905 };

/** A ratio's two parts for one item, such as summed loss and tokens of a window. A plain mean has weight 1. */
export interface Part {
  sum: number;
  weight: number;
}

/** Sum of the sums over sum of the weights: a ratio of totals, never a mean of ratios. */
export function ratio(parts: readonly Part[]): number {
  let sum = 0;
  let weight = 0;
  for (const part of parts) {
    sum += part.sum;
    weight += part.weight;
  }
  return sum / weight;
}

/** Percentile with linear interpolation between order statistics (numpy's default). `sorted` is ascending. */
export function percentile(sorted: ArrayLike<number>, q: number): number {
  const at = (sorted.length - 1) * q;
  const below = Math.floor(at);
  const low = sorted[below] ?? NaN;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? NaN;
  return low + (high - low) * (at - below);
}

function interval(value: number, statistics: Float64Array): Interval {
  statistics.sort();
  return { value, low: percentile(statistics, TAIL), high: percentile(statistics, 1 - TAIL) };
}

/** The same items in the same order. */
export interface Pair {
  before: readonly Part[];
  after: readonly Part[];
}
export type Intervals = Record<'before' | 'after' | 'difference', Interval>;

/**
 * Ratio of totals of `before` and `after` (same items, same order), and their difference after - before, each
 * with its 95% percentile bootstrap interval. One draw of items serves all three: the difference is paired.
 */
export const pairedBootstrap = (
  before: readonly Part[],
  after: readonly Part[],
  options?: Partial<typeof DEFAULTS>,
): Intervals => stratifiedBootstrap([{ before, after }], options);

/** The same of the mean over strata, such as tasks, each of which is resampled by itself. */
export function stratifiedBootstrap(
  strata: readonly Pair[],
  options: Partial<typeof DEFAULTS> = {},
): Intervals {
  const { resamples, seed } = { ...DEFAULTS, ...options };
  for (const { before, after } of strata) {
    if (before.length !== after.length)
      throw new Error(`pairs differ: ${before.length} and ${after.length} items`);
    if (before.length === 0) throw new Error('no items to resample');
  }
  const random = uniform(seed);
  const [drawnBefore, drawnAfter] = [new Float64Array(resamples), new Float64Array(resamples)];
  for (const pair of strata)
    for (let draw = 0; draw < resamples; draw += 1) {
      const [before, after] = drawn(pair, random);
      drawnBefore[draw]! += before / strata.length;
      drawnAfter[draw]! += after / strata.length;
    }
  const mean = (side: keyof Pair) =>
    strata.reduce((total, pair) => total + ratio(pair[side]), 0) / strata.length;
  const [before, after] = [mean('before'), mean('after')];
  const difference = interval(
    after - before,
    drawnAfter.map((value, draw) => value - drawnBefore[draw]!),
  );
  return { before: interval(before, drawnBefore), after: interval(after, drawnAfter), difference };
}

/** Both ratios over one draw of items. */
function drawn({ before, after }: Pair, random: () => number): [before: number, after: number] {
  let sumBefore = 0, weightBefore = 0, sumAfter = 0, weightAfter = 0; // prettier-ignore
  for (let i = 0; i < before.length; i += 1) {
    const item = Math.floor(random() * before.length);
    const b = before[item]!;
    const a = after[item]!;
    sumBefore += b.sum;
    weightBefore += b.weight;
    sumAfter += a.sum;
    weightAfter += a.weight;
  }
  return [sumBefore / weightBefore, sumAfter / weightAfter];
}

/**
 * pass@k of one problem with `c` right among `n` samples: 1 - C(n-c, k) / C(n, k), the unbiased estimator of
 * Chen et al. 2021 (arXiv 2107.03374), as the product 1 - prod(1 - k / i), i = n-c+1 .. n, which never overflows.
 */
export function passAtK(n: number, c: number, k: number): number {
  if (!(
    Number.isInteger(n) &&
    Number.isInteger(c) &&
    Number.isInteger(k) &&
    c >= 0 &&
    c <= n &&
    k >= 1 &&
    k <= n
  ))
    throw new RangeError(`pass@k wants 0 <= c <= n and 1 <= k <= n, not n=${n} c=${c} k=${k}`);
  if (n - c < k) return 1;
  let none = 1;
  for (let i = n - c + 1; i <= n; i += 1) none *= 1 - k / i;
  return 1 - none;
}

/** A proportion's Wilson score interval at 95%. Used where all items agree and a bootstrap would have width zero. */
export function wilson(successes: number, n: number): { low: number; high: number } {
  const z = 1.959963984540054;
  const p = successes / n;
  const centre = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return { low: successes === 0 ? 0 : centre - half, high: successes === n ? 1 : centre + half };
}

export function sum(values: Float32Array | Uint8Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Bits per UTF-8 byte from a summed loss in nats. */
export const bitsPerByte = (nats: number, bytes: number): number => nats / Math.LN2 / bytes;

/** `count` indices spread evenly over 0 .. length-1, ascending, without repeats; all of them if there are fewer. */
export function spread(length: number, count: number): number[] {
  const taken = Math.min(length, count);
  return Array.from({ length: taken }, (_, i) => Math.floor(((i + 0.5) * length) / taken));
}

/** Statistics of an evaluation: ratios of totals, pass@k, bits per byte. intervals.ts has their intervals. */

export interface Interval {
  value: number;
  low: number;
  high: number;
}

/** The probability that an interval misses the true value: 1 minus the confidence level. */
export const MISSED = 0.05;
/** The normal quantile: |x| > Z has probability MISSED. */
export const Z = 1.959963984540054;

/** A ratio's two parts for one item, such as summed loss and tokens of a window. A plain mean has weight 1. */
export interface RatioItem {
  sum: number;
  weight: number;
  /** The item's group, such as a file, whose items are correlated. By default each item is its own. */
  document?: string | undefined;
}

/** Sum of the sums over sum of the weights: a ratio of totals, never a mean of ratios. */
export function ratio(parts: readonly RatioItem[]): number {
  let sum = 0;
  let weight = 0;
  for (const part of parts) {
    sum += part.sum;
    weight += part.weight;
  }
  return sum / weight;
}

/** Percentile with linear interpolation between order statistics (NumPy's default). `sorted` is ascending. */
export function percentile(sorted: ArrayLike<number>, q: number): number {
  const at = (sorted.length - 1) * q;
  const below = Math.floor(at);
  const low = sorted[below] ?? NaN;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? NaN;
  return low + (high - low) * (at - below);
}

/**
 * pass@k of one problem with `c` right among `n` samples: 1 - C(n-c, k) / C(n, k), the unbiased estimator of
 * Chen et al. 2021 (arXiv 2107.03374), computed as 1 - prod(1 - k / i), i = n-c+1 .. n, which can't overflow.
 * Throws a RangeError unless they are integers with 0 <= c <= n and 1 <= k <= n.
 */
export function passAtK(n: number, c: number, k: number): number {
  if (
    !(
      Number.isInteger(n) &&
      Number.isInteger(c) &&
      Number.isInteger(k) &&
      c >= 0 &&
      c <= n &&
      k >= 1 &&
      k <= n
    )
  )
    throw new RangeError(`pass@k needs 0 <= c <= n and 1 <= k <= n, not n=${n} c=${c} k=${k}`);
  if (n - c < k) return 1;
  let none = 1;
  for (let i = n - c + 1; i <= n; i += 1) none *= 1 - k / i;
  return 1 - none;
}

/** The 95% Wilson score interval of a proportion. `successes` and `n` need not be integers. */
export function wilson(successes: number, n: number): { low: number; high: number } {
  const p = successes / n;
  const centre = (p + (Z * Z) / (2 * n)) / (1 + (Z * Z) / n);
  const half = (Z / (1 + (Z * Z) / n)) * Math.sqrt((p * (1 - p)) / n + (Z * Z) / (4 * n * n));
  return { low: successes === 0 ? 0 : centre - half, high: successes === n ? 1 : centre + half };
}

/** The arithmetic mean; NaN if there are no values. */
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export function sum(values: Float32Array | Uint8Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

export const natsToBits = (nats: number): number => nats / Math.LN2;

/** `count` distinct indices spread evenly over 0 .. length-1, ascending; all of them if there are fewer. */
export function spread(length: number, count: number): number[] {
  const taken = Math.min(length, count);
  return Array.from({ length: taken }, (_, i) => Math.floor(((i + 0.5) * length) / taken));
}

const SMALLEST_F32 = 2 ** -126;

/**
 * KL(p || q) in nats; throws an Error if the lengths differ. A zero in q counts as the smallest normal f32, since it
 * may have been rounded to zero. NaN if either contains NaN.
 */
export function klDivergence(p: ArrayLike<number>, q: ArrayLike<number>): number {
  if (p.length !== q.length) throw new Error(`distributions over ${p.length} and ${q.length} tokens`);
  let sum = 0;
  for (let i = 0; i < p.length; i += 1)
    if (p[i] !== 0) sum += p[i]! * Math.log(p[i]! / Math.max(q[i]!, SMALLEST_F32));
  return Math.max(0, sum);
}

/** Probabilities of all tokens at each position of a text. */
export type Rows = readonly ArrayLike<number>[];

/** `kl` at each position. Throws an Error if there are none or their numbers differ. */
export function atPositions<P, Q>(p: readonly P[], q: readonly Q[], kl: (p: P, q: Q) => number): number[] {
  if (p.length === 0 || p.length !== q.length) throw new Error(`${p.length} and ${q.length} positions`);
  return p.map((row, position) => kl(row, q[position]!));
}

/** KL(p || q) at each position, in nats, of the rows scaled to a sum of 1. Throws like atPositions and klDivergence. */
export const divergences = (p: Rows, q: Rows): number[] =>
  atPositions(p, q, (a, b) => klDivergence(normalise(a), normalise(b)));

/**
 * In single precision, probabilities add up to 1 only within 1e-4, which is more than the difference between two
 * correct implementations.
 */
function normalise(row: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(row);
  const total = values.reduce((sum, value) => sum + value, 0);
  return values.map((value) => value / total);
}

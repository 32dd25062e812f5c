/** Training weights of text by the time of its last change. Pure functions. */

/** Smallest weight: text that has not changed for long is still learned. */
const MIN_WEIGHT = 0.25;

/**
 * Weights in thousandths: 2^(-age / half-life), at least a quarter. `times` in seconds; ages are relative to the
 * newest.
 */
export function recencyWeights(times: readonly number[], halfLifeDays: number): number[] {
  const newest = times.reduce((latest, time) => Math.max(latest, time), -Infinity);
  const halfLife = halfLifeDays * 24 * 3600;
  return times.map((time) => Math.round(1000 * Math.max(MIN_WEIGHT, 2 ** ((time - newest) / halfLife))));
}

/** A range of tokens with one weight; it ends where the next one begins. */
export interface WeightedRange {
  begin: number;
  /** In thousandths, 0 to 1000; at least one is not 0. */
  weight: number;
}

/**
 * Tokens on a ring, each with a length equal to its weight: evenly spaced positions visit tokens in proportion to it.
 */
export interface Ring {
  size: number;
  /** The token at a position on the ring. */
  tokenAt(position: number): number;
}

/** `ranges` begins at 0 and ascends; undefined if all tokens have the same weight. */
export function createRing(length: number, ranges?: readonly WeightedRange[]): Ring {
  if (!ranges) return { size: length, tokenAt: (position) => position };
  // Start of each range on the ring, in integer thousandths, to avoid rounding errors.
  const starts = new Float64Array(ranges.length + 1);
  for (const [index, { begin, weight }] of ranges.entries())
    starts[index + 1] = starts[index]! + weight * ((ranges[index + 1]?.begin ?? length) - begin);
  const thousandths = starts[ranges.length]!;
  return {
    size: Math.max(1, Math.floor(thousandths / 1000)),
    tokenAt(position) {
      const at = 1000 * position;
      let low = 0;
      for (let high = ranges.length; high - low > 1;) {
        const middle = (low + high) >> 1;
        if (starts[middle]! <= at) low = middle;
        else high = middle;
      }
      const { begin, weight } = ranges[low]!;
      return begin + Math.floor((at - starts[low]!) / weight);
    },
  };
}

/** Weights of text in training, by when it was last changed. Pure functions. */

/** Smallest weight: text that was changed long ago is still learned. */
const LEAST = 0.25;

/**
 * Weights in thousandths: 2^(-age / half-life), at least a quarter. `times` in seconds; ages are relative to the
 * newest.
 */
export function recencyWeights(times: readonly number[], halfLifeDays: number): number[] {
  const newest = times.reduce((latest, time) => Math.max(latest, time), -Infinity);
  const halfLife = halfLifeDays * 24 * 3600;
  return times.map((time) => Math.round(1000 * Math.max(LEAST, 2 ** ((time - newest) / halfLife))));
}

/** A range of tokens with one weight; it ends where the next one begins. */
export interface Weighted {
  begin: number;
  /** In thousandths, 1 to 1000. */
  weight: number;
}

/** Tokens as a ring on which each has a length equal to its weight: going round evenly visits each in proportion. */
export interface Ring {
  size: number;
  /** The token at a position on the ring. */
  tokenAt(place: number): number;
}

/** `weighted` begins at 0 and ascends; undefined if all tokens have the same weight. */
export function ringOf(length: number, weighted?: readonly Weighted[]): Ring {
  if (!weighted) return { size: length, tokenAt: (place) => place };
  // Where on the ring each range begins, in whole thousandths, so that nothing is lost to rounding.
  const places = new Float64Array(weighted.length + 1);
  for (const [index, { begin, weight }] of weighted.entries())
    places[index + 1] = places[index]! + weight * ((weighted[index + 1]?.begin ?? length) - begin);
  const thousandths = places[weighted.length]!;
  return {
    size: Math.max(1, Math.floor(thousandths / 1000)),
    tokenAt(place) {
      const at = 1000 * place;
      let low = 0;
      for (let high = weighted.length; high - low > 1;) {
        const middle = (low + high) >> 1;
        if (places[middle]! <= at) low = middle;
        else high = middle;
      }
      const { begin, weight } = weighted[low]!;
      return begin + Math.floor((at - places[low]!) / weight);
    },
  };
}

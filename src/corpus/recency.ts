/** How much each part of the text counts in training, by when it was changed. Pure functions. */

/** What was changed long ago is still learned. */
const LEAST = 0.25;

/**
 * 2^(-age / half-life) of each time, in seconds, its age being against the newest; a quarter at least. In thousandths.
 */
export function recencyWeights(times: readonly number[], halfLifeDays: number): number[] {
  const newest = times.reduce((latest, time) => Math.max(latest, time), -Infinity);
  const halfLife = halfLifeDays * 24 * 3600;
  return times.map((time) => Math.round(1000 * Math.max(LEAST, 2 ** ((time - newest) / halfLife))));
}

/** A run of tokens that ends where the next one begins. */
export interface Weighted {
  begin: number;
  /** In thousandths, 1 to 1000. */
  weight: number;
}

/** Tokens as a ring on which each takes up as much room as it counts: who goes round it evenly passes it as often. */
export interface Ring {
  size: number;
  /** The token at a place on it. */
  tokenAt(place: number): number;
}

/** `weighted` begins at 0 and ascends; undefined where all tokens count alike. */
export function ringOf(length: number, weighted?: readonly Weighted[]): Ring {
  if (!weighted) return { size: length, tokenAt: (place) => place };
  // Where on the ring each run begins: whole numbers, so that nothing is lost to rounding.
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

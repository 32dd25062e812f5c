/** Shuffles and random numbers as pure functions of a seed, so that there is no state to save and restore. */

const ROUNDS = 6;

/**
 * The position of item `index` of `count` in the shuffle given by `key`, without a table: a Feistel network over the
 * next power of four, repeated until the result is below `count`.
 */
export function shuffled(index: number, count: number, key: number): number {
  const half = Math.max(1, Math.ceil(Math.log2(count) / 2));
  const mask = 2 ** half - 1;
  let value = index;
  do {
    let left = Math.floor(value / 2 ** half);
    let right = value & mask;
    for (let round = 0; round < ROUNDS; round += 1)
      [left, right] = [right, left ^ (mix(key, round, right) & mask)];
    value = left * 2 ** half + right;
  } while (value >= count);
  return value;
}

/** A 32-bit hash of some integers: MurmurHash3's mixing and finaliser. */
export function mix(...values: number[]): number {
  let hash = 0x9747b28c;
  for (const value of values) {
    let k = Math.imul(value | 0, 0xcc9e2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    hash ^= k;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A pseudo-random number in [0, 1) from some integers. */
export const uniform = (...values: number[]): number => mix(...values) / 2 ** 32;

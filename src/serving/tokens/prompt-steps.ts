/**
 * Decides how many rows of a prompt are computed at once. Long steps are faster; with short steps, an abandoned request
 * ends sooner, because llama.cpp can't be interrupted within a step.
 */

/** Rows per step until the speed is known. */
export const FIRST_STEP = 16;
/**
 * From this many rows on, llama.cpp's attention computes in tiles. With fewer, a row takes up to a fifth longer after a
 * few hundred tokens.
 */
export const TILE = 64;
/** Maximum rows that a context computes at once: its buffers grow with that number. */
export const MAX_ROWS = 96;
const MIN_STEP = 4;
/** Time limits of a step, and of a tile, because shorter steps are much slower. */
const STEP_MS = 190;
const TILE_MS = 300;
/**
 * A step of up to a tile may also take this share of the time spent on the prompt so far, up to a second. Most
 * abandoned requests are abandoned early, by the next key; after a second, the user wants the answer, and short steps
 * would delay it further. A busy machine would even slow itself down: slower rows lead to shorter steps, which make
 * rows slower.
 */
const WAITED_SHARE = 1 / 2;
const MAX_MS = 1000;
/**
 * Fixed cost of a step, in rows: all weights are read from memory once, and attention is slow without a tile. Between 2
 * (a base of 1.5 billion weights) and 7 (0.5 billion) on an AMD EPYC.
 */
const STEP_ROWS = 6;
/** Weight of the newest step in the average, so that a single delayed step doesn't count too much. */
const NEWEST_WEIGHT = 0.3;

/** The new estimate of milliseconds per row, after a step of `rows` took `milliseconds`; `before`: the old estimate. */
export function rowTime(before: number | undefined, rows: number, milliseconds: number): number {
  const now = milliseconds / (rows + STEP_ROWS);
  return before === undefined ? now : before + NEWEST_WEIGHT * (now - before);
}

/** The maximum rows to compute at once, in a prompt that has been processed for `waitedMs`. */
export function maxRows(msPerRow: number | undefined, waitedMs: number): number {
  if (msPerRow === undefined) return FIRST_STEP;
  const rowsIn = (milliseconds: number) => Math.floor(milliseconds / msPerRow - STEP_ROWS);
  const quick = rowsIn(STEP_MS);
  if (quick >= TILE) return Math.min(MAX_ROWS, quick);
  const waited = Math.min(MAX_MS, WAITED_SHARE * waitedMs);
  if (rowsIn(Math.max(TILE_MS, waited)) >= TILE) return TILE;
  // A multiple of 8, because llama.cpp multiplies that many rows at a time.
  return Math.max(MIN_STEP, Math.floor(rowsIn(Math.max(STEP_MS, waited)) / 8) * 8);
}

/**
 * Rows of the next step if `rest` are left: as few steps as possible, all of equal size. If these would not be whole
 * tiles, the remainder comes first, while attention has the fewest keys.
 */
export function nextStep(rest: number, most: number): number {
  const even = Math.ceil(rest / Math.ceil(rest / most));
  return even < TILE && most >= TILE && rest > TILE ? rest % TILE || TILE : even;
}

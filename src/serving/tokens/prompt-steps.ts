/**
 * Decides how many rows of a prompt are computed at once. Long steps are faster; with short steps, an abandoned request
 * ends sooner, because llama.cpp can't be stopped within a step.
 */

/** Rows per step until the speed is known. */
export const FIRST_STEP = 16;
/**
 * From so many rows on, llama.cpp's attention computes tiles. With fewer, a row costs up to a fifth more after a few
 * hundred tokens.
 */
export const TILE = 64;
/** The most rows that a context computes at once: its buffers grow with that number. */
export const MOST_ROWS = 96;
const SHORTEST_STEP = 4;
/** How long a step may take, and how long a tile may, because shorter steps are much slower. */
const STEP_MS = 190;
const TILE_MS = 300;
/**
 * A step of up to a tile may also take this share of the time that the prompt has been read for, up to a second. Most
 * requests that are abandoned are so soon, by the next key; who has waited for a second wants the answer, which short
 * steps delay further. A busy machine would even slow itself down: the slower a row, the shorter the steps, and the
 * slower a row.
 */
const WAITED_SHARE = 1 / 2;
const LONGEST_MS = 1000;
/**
 * What a step costs besides its rows, in rows: all weights come from memory once, and attention is slow without a tile.
 * Between 2 (a base of 1.5 billion weights) and 7 (0.5 billion) on an AMD EPYC.
 */
const STEP_ROWS = 6;
/** Weight of the newest step in the average, so that one delayed step does not count too much. */
const NEWEST = 0.3;

/** The new estimate of milliseconds per row, after a step of `rows` took `milliseconds`; `before`: the old estimate. */
export function rowTime(before: number | undefined, rows: number, milliseconds: number): number {
  const now = milliseconds / (rows + STEP_ROWS);
  return before === undefined ? now : before + NEWEST * (now - before);
}

/** The most rows that may be computed at once, in a prompt that has been read for `waitedMs`. */
export function mostRows(msPerRow: number | undefined, waitedMs: number): number {
  if (msPerRow === undefined) return FIRST_STEP;
  const rowsIn = (milliseconds: number) => Math.floor(milliseconds / msPerRow - STEP_ROWS);
  const quick = rowsIn(STEP_MS);
  if (quick >= TILE) return Math.min(MOST_ROWS, quick);
  const waited = Math.min(LONGEST_MS, WAITED_SHARE * waitedMs);
  if (rowsIn(Math.max(TILE_MS, waited)) >= TILE) return TILE;
  // A multiple of 8, because llama.cpp multiplies that many rows at a time.
  return Math.max(SHORTEST_STEP, Math.floor(rowsIn(Math.max(STEP_MS, waited)) / 8) * 8);
}

/**
 * Rows of the next step if `rest` are left: as few steps as possible, all of equal size. If these would not be whole
 * tiles, the remainder comes first, while attention has the fewest keys.
 */
export function nextStep(rest: number, most: number): number {
  const even = Math.ceil(rest / Math.ceil(rest / most));
  return even < TILE && most >= TILE && rest > TILE ? rest % TILE || TILE : even;
}

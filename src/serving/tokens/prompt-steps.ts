/**
 * Decides how many rows of a prompt are computed at once. Long steps are faster; with short steps, an abandoned request
 * ends sooner, because llama.cpp can't be stopped within a step.
 */

/** Rows per step until the speed is known. */
export const FIRST_STEP = 16;
/**
 * Rows that llama.cpp's attention computes as one tile, at almost twice the speed; a few more rows cost a second tile.
 * Also the most rows that a context computes at once, because its buffers grow with that number.
 */
export const TILE = 64;
const SHORTEST_STEP = 4;
/** Longest time of a step, and of a whole tile, which may take more because smaller steps are much slower. */
const STEP_MS = 190;
const TILE_MS = 240;
/** Time of a row in a tile, relative to a row in a smaller step. */
const TILE_GAIN = 0.8;
/** Weight of the newest step in the average, so that one delayed step does not count too much. */
const NEWEST = 0.3;

/** The new estimate of milliseconds per row in a tile, after `rows` took `milliseconds`; `before`: the old estimate. */
export function rowTime(before: number | undefined, rows: number, milliseconds: number): number {
  const now = (milliseconds / rows) * (rows < TILE ? TILE_GAIN : 1);
  return before === undefined ? now : before + NEWEST * (now - before);
}

/** The most rows that may be computed at once. */
export function mostRows(msPerRow: number | undefined): number {
  if (msPerRow === undefined) return FIRST_STEP;
  if (TILE * msPerRow <= TILE_MS) return TILE;
  // A multiple of 8, because llama.cpp multiplies that many rows at a time.
  return Math.max(SHORTEST_STEP, Math.floor((STEP_MS * TILE_GAIN) / msPerRow / 8) * 8);
}

/**
 * Rows of the next step if `rest` are left: as few steps as possible, all of equal size. If these would not be whole
 * tiles, the remainder comes first, while attention has the fewest keys.
 */
export function nextStep(rest: number, most: number): number {
  const even = Math.ceil(rest / Math.ceil(rest / most));
  return even < TILE && most >= TILE && rest > TILE ? rest % TILE || TILE : even;
}

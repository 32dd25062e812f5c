/**
 * How many rows of a prompt are computed at once. Long steps are faster, short ones let go of a request that nobody waits
 * for any more sooner: nothing stops llama.cpp within a step.
 */

/** Until the speed is known. */
export const FIRST_STEP = 16;
/**
 * Rows over which llama.cpp's attention goes as one tile, at almost twice its speed; a few rows more cost a second tile.
 * Also the most that a context computes at once: its buffers grow with it.
 */
export const TILE = 64;
const SHORTEST_STEP = 4;
/** So long a step takes at most; a tile may take more, since less than one is so much slower. */
const STEP_MS = 190;
const TILE_MS = 240;
/** Time of a row in a tile to one in a smaller step. */
const TILE_GAIN = 0.8;
/** Weight of the newest step: one that something else held up must not count for all. */
const NEWEST = 0.3;

/** Milliseconds that a row takes in a tile, after `rows` took so long; `before` is what was thought until then. */
export function rowTime(before: number | undefined, rows: number, milliseconds: number): number {
  const now = (milliseconds / rows) * (rows < TILE ? TILE_GAIN : 1);
  return before === undefined ? now : before + NEWEST * (now - before);
}

/** The most rows that may be computed at once. */
export function mostRows(msPerRow: number | undefined): number {
  if (msPerRow === undefined) return FIRST_STEP;
  if (TILE * msPerRow <= TILE_MS) return TILE;
  // Whole eights: llama.cpp multiplies so many rows at a time.
  return Math.max(SHORTEST_STEP, Math.floor((STEP_MS * TILE_GAIN) / msPerRow / 8) * 8);
}

/**
 * Rows of the next step when `rest` are left: in as few steps as can be, all alike. Where those would be no tiles, what is
 * left over of tiles comes first, while attention has least to look at.
 */
export function nextStep(rest: number, most: number): number {
  const even = Math.ceil(rest / Math.ceil(rest / most));
  return even < TILE && most >= TILE && rest > TILE ? rest % TILE || TILE : even;
}

/**
 * How many rows of a prompt are computed at once. Long steps are faster, short ones let go of a request that nobody waits
 * for any more sooner: nothing stops llama.cpp within a step.
 */

/** Until the speed is known. */
export const FIRST_STEP = 16;
/** Rows from which llama.cpp's attention goes over tiles of queries, at almost twice its speed. */
const TILE = 64;
/** The most that a context computes at once: its buffers grow with it. */
export const LONGEST_STEP = 96;
const SHORTEST_STEP = 4;
/** Longest that a step may take, where that is enough for a tile, and else. */
const TILE_MS = 225;
const STEP_MS = 160;
/** Time of a row in a tile to one in a smaller step. */
const TILE_GAIN = 0.8;

/** Rows that may be computed at once from now on, after `rows` took so long and `most` were allowed. */
export function mostAfter(most: number, rows: number, milliseconds: number): number {
  const next = mostAt(milliseconds / rows, rows < TILE);
  // A short step says too little of how fast a whole one would be, unless even it was slow.
  const telling = rows >= Math.min(most, TILE) || (rows >= FIRST_STEP && next < most);
  return telling ? next : most;
}

function mostAt(msPerRow: number, untiled: boolean): number {
  const tiled = Math.floor(TILE_MS / (untiled ? msPerRow * TILE_GAIN : msPerRow));
  if (tiled >= TILE) return Math.min(LONGEST_STEP, tiled);
  // Whole eights: llama.cpp multiplies so many rows at a time.
  return Math.max(SHORTEST_STEP, Math.floor(STEP_MS / msPerRow / 8) * 8);
}

/**
 * Rows of the next step when `rest` are left: in as few steps as can be, all alike. Where those would be no tiles, what is
 * left over of tiles comes first, while attention has least to look at.
 */
export function nextStep(rest: number, most: number): number {
  const even = Math.ceil(rest / Math.ceil(rest / most));
  return even < TILE && most >= TILE && rest > TILE ? rest % TILE || TILE : even;
}

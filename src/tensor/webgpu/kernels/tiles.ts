/**
 * Tile shapes for matrix products. The fastest one depends on the GPU and is measured there (self-test/tile-choice.ts).
 * All sum along the inner axis in the same order, so results are bit-identical. Matrix units (subgroup matrices) are
 * not used: no adapter here lists them, so a kernel for them could not be tested.
 */

export interface Tile {
  /** Rows and columns of C per workgroup, and how much of the inner axis is loaded at a time. */
  rows: number;
  columns: number;
  inner: number;
  /** Rows and columns of C whose sums a thread keeps in registers: multiples of 4. */
  thread: { rows: number; columns: number };
}

const FOUR = { rows: 4, columns: 4 };
const EIGHT = { rows: 8, columns: 8 };

/** All fit in the 16 KB of workgroup memory that every device has. */
export const tiles = {
  middle: { rows: 64, columns: 64, inner: 16, thread: FOUR },
  small: { rows: 32, columns: 32, inner: 16, thread: FOUR },
  /** Fewer threads, each with four times the work: more arithmetic per loaded value. */
  coarse: { rows: 64, columns: 64, inner: 16, thread: EIGHT },
  large: { rows: 128, columns: 128, inner: 8, thread: EIGHT },
  tall: { rows: 128, columns: 32, inner: 16, thread: { rows: 8, columns: 4 } },
  wide: { rows: 32, columns: 128, inner: 16, thread: { rows: 4, columns: 8 } },
} satisfies Record<string, Tile>;

export type TileName = keyof typeof tiles;
export const tileNames = Object.keys(tiles) as TileName[];

/** Shape classes of products; tiles are chosen per class. */
export const forms = ['square', 'tall', 'wide'] as const;
export type Form = (typeof forms)[number];
/** Tiles by form. */
export type Tiles = Record<Form, TileName>;

/** Products with fewer rows or columns than this, such as LoRA's, are tall or wide. */
const FEW = 48;
export const formOf = (rows: number, columns: number): Form =>
  Math.min(rows, columns) > FEW ? 'square' : columns <= rows ? 'tall' : 'wide';

/** The defaults without a measurement. These must work: there is no fallback. */
export const defaultTiles: Tiles = { square: 'middle', tall: 'small', wide: 'small' };

/** The tiles worth measuring for each form, the default first. */
export const candidates: Readonly<Record<Form, readonly TileName[]>> = {
  square: ['middle', 'coarse', 'large', 'small'],
  tall: ['small', 'tall', 'middle', 'coarse'],
  wide: ['small', 'wide', 'middle', 'coarse'],
};

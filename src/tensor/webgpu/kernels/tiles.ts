/**
 * Shapes of the tiles that workgroups make of a matrix product. Which one is the fastest depends on the GPU, so it is
 * measured there (self-test/tile-choice.ts). All add up the inner axis in order: they come to the same bits.
 */

export interface Tile {
  /** Rows and columns of C that a workgroup makes, and how much of the inner axis it takes at a time. */
  rows: number;
  columns: number;
  inner: number;
  /** Rows and columns of C whose sums a thread keeps in registers: multiples of 4. */
  thread: { rows: number; columns: number };
}

const FOUR = { rows: 4, columns: 4 };
const EIGHT = { rows: 8, columns: 8 };

/** Workgroup memory for all of them is within the 16 KB that every device has. */
export const tiles = {
  middle: { rows: 64, columns: 64, inner: 16, thread: FOUR },
  small: { rows: 32, columns: 32, inner: 16, thread: FOUR },
  /** More is computed with each number that is read, by a quarter of the threads. */
  coarse: { rows: 64, columns: 64, inner: 16, thread: EIGHT },
  large: { rows: 128, columns: 128, inner: 8, thread: EIGHT },
  tall: { rows: 128, columns: 32, inner: 16, thread: { rows: 8, columns: 4 } },
  wide: { rows: 32, columns: 128, inner: 16, thread: { rows: 4, columns: 8 } },
} satisfies Record<string, Tile>;

export type TileName = keyof typeof tiles;
export const tileNames = Object.keys(tiles) as TileName[];

/** Forms of products: a tile suits all products of a form, or none. */
export const forms = ['square', 'tall', 'wide'] as const;
export type Form = (typeof forms)[number];
/** Tiles by form. */
export type Tiles = Record<Form, TileName>;

/** Products with fewer rows or columns, such as LoRA's, are tall or wide. */
const FEW = 48;
export const formOf = (rows: number, columns: number): Form =>
  Math.min(rows, columns) > FEW ? 'square' : columns <= rows ? 'tall' : 'wide';

/** Where nothing was measured. Nothing can take the place of these. */
export const usualTiles: Tiles = { square: 'middle', tall: 'small', wide: 'small' };

/** What is worth measuring for each form, the usual one first. */
export const candidates: Readonly<Record<Form, readonly TileName[]>> = {
  square: ['middle', 'coarse', 'large', 'small'],
  tall: ['small', 'tall', 'middle', 'coarse'],
  wide: ['small', 'wide', 'middle', 'coarse'],
};

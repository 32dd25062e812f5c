/** How a matrix product is divided among workgroups, and into pieces where a matrix is larger than a kernel can see. */
import type { Tensor } from '../tensor.ts';
import type { Binding } from './gpu.ts';
import { product, sumSlices, type Extras } from './kernels/products.ts';
import { formOf, tiles as shapes } from './kernels/tiles.ts';
import { ELEMENT, type Launcher } from './launcher.ts';
import { elements, rowPieces, type Rows } from './walk.ts';

/** C [batch, rows, columns] = A B, over an inner axis, each of A and B as it lies in memory or transposed. */
export interface Product {
  rows: number;
  columns: number;
  inner: number;
  batch: number;
  transposeA: boolean;
  transposeB: boolean;
}

/** So many workgroups keep a large GPU busy. */
const ENOUGH = 256;
/** The least of the inner axis that is worth a workgroup. */
const MIN_SPAN = 512;

/** Rows and columns of the tiles that are counted for slices: not the measured ones, which may be others tomorrow. */
const COUNTED = { square: 64, tall: 32, wide: 32 };

/**
 * Into how many slices of its inner axis a product is divided, since it has too few tiles to keep a GPU busy: a
 * gradient of LoRA's, or of the head's input. Each slice makes a product of its own, and those are added up.
 */
export function slicesOf(rows: number, columns: number, inner: number): number {
  const side = COUNTED[formOf(rows, columns)];
  const tiles = Math.ceil(rows / side) * Math.ceil(columns / side);
  return Math.max(1, Math.min(Math.ceil(ENOUGH / tiles), Math.floor(inner / MIN_SPAN)));
}

/** A product of two matrices, and what is made of it in the same pass. */
export interface Whole {
  a: Tensor;
  b: Tensor;
  sizes: Omit<Product, 'batch'>;
  /** Where the block of A^T (of B) begins, and elements between its rows: only a part of the columns is multiplied. */
  beginA?: number;
  beginB?: number;
  strides?: { a: number; b: number };
  /** Another product a b that is added, b being transposed if the first one's is; a and b have `inner` in common. */
  second?: { a: Tensor; b: Tensor; inner: number };
  mask?: { of: 'a' | 'b' | 'second'; table: Tensor; begin: number } | undefined;
  /** [rows, columns], or [columns]: added to each row. */
  plus?: Tensor | undefined;
  /** Default 1. */
  scale?: number;
  /** Whether it is added to what c contains. */
  adds?: boolean;
  /**
   * So many such products, where it is not cut into slices: elements from each one's blocks of A, of B and from its
   * result to the next one's. c is the first result, and all lie in its buffer.
   */
  times?: Times | undefined;
}

export interface Times {
  count: number;
  a: number;
  b: number;
  c: number;
}

/** c [rows, columns] = scale (a b + the second product + plus) (+ c). Throws UserError `memory` for what has no pieces. */
export function multiplyWhole(launcher: Launcher, whole: Whole, c: Tensor): void {
  const { sizes, second, mask, plus, scale = 1, adds = false, times } = whole;
  const { rows, columns, inner, transposeA, transposeB } = sizes;
  const slices = times ? 1 : slicesOf(rows, columns, inner);
  const parts = slices > 1 ? launcher.fresh([slices, rows, columns]) : undefined;
  const stridePlus = plus && plus.shape.length > 1 ? columns : 0;
  const span = Math.ceil(inner / slices);
  const inner2 = second?.inner ?? 0;
  const has: Extras = { second: second !== undefined, mask: mask?.of, plus: plus !== undefined && !parts };
  const bindings = {
    a: launcher.whole(whole.a),
    b: launcher.whole(whole.b),
    c: times
      ? launcher.bytes(c, 0, ((times.count - 1) * times.c + rows * columns) * ELEMENT)
      : launcher.whole(parts ?? c),
    a2: second && launcher.whole(second.a),
    b2: second && launcher.whole(second.b),
    mask: mask && maskOf(launcher, mask, whole),
    plus: plus && launcher.whole(plus),
  };
  run(launcher, bindings, [transposeA, transposeB, times?.count ?? slices], has, {
    // Written out: spreading an object takes ten times as long, and a step makes some 700 products.
    rows,
    columns,
    inner,
    beginA: whole.beginA ?? 0,
    beginB: whole.beginB ?? 0,
    beginC: 0,
    batchA: times?.a ?? 0,
    batchB: times?.b ?? 0,
    strideA: whole.strides?.a ?? (transposeA ? rows : inner),
    strideB: whole.strides?.b ?? (transposeB ? inner : columns),
    strideC: columns,
    batchC: times?.c ?? (parts ? rows * columns : 0),
    span,
    step: parts ? span : 0,
    adds: Number(adds && !parts),
    scale: parts ? 1 : scale,
    inner2,
    strideA2: inner2,
    strideB2: transposeB ? inner2 : columns,
    beginMask: mask?.begin ?? 0,
    stridePlus,
    beforeX: 0,
    beforeY: 0,
    beforeZ: 0,
  });
  if (!parts) return;
  const addends = {
    parts: launcher.whole(parts),
    c: launcher.whole(c),
    plus: plus ? launcher.whole(plus) : launcher.gpu.nothing,
  };
  const numbers = {
    slices,
    columns,
    scale,
    adds: Number(adds),
    pluses: Number(plus !== undefined),
    stridePlus,
  };
  launcher.threads(sumSlices, addends, numbers, rows * columns);
}

/** The table is as large as the largest mask. */
function maskOf(
  launcher: Launcher,
  { of, table }: NonNullable<Whole['mask']>,
  { a, b, sizes }: Whole,
): Binding {
  const binding = launcher.whole(table);
  binding.used =
    ELEMENT * (of === 'second' ? sizes.rows * sizes.columns : elements((of === 'a' ? a : b).shape));
  return binding;
}

/** Whether a kernel can see all of these tensors, so that their product needs no pieces. */
export const fitsWhole = ({ gpu }: Launcher, sizes: Product, ...tensors: (Tensor | undefined)[]): boolean =>
  sizes.batch === 1 &&
  tensors.every((x) => !x || elements(x.shape) * ELEMENT <= gpu.mostBound) &&
  slicesOf(sizes.rows, sizes.columns, sizes.inner) * sizes.rows * sizes.columns * ELEMENT <= gpu.mostBound;

/** c = a b. Throws UserError `memory` for matrices of a batch that are too large for a kernel. */
export function multiply(launcher: Launcher, a: Tensor, b: Tensor, c: Tensor, sizes: Product): void {
  const { rows, columns, inner } = sizes;
  if (sizes.batch === 1) return multiplyPieces(launcher, a, b, c, sizes);
  const [batchA, batchB, batchC] = [rows * inner, inner * columns, rows * columns] as const;
  launcher.byRows(sizes.batch, [batchA, batchB, batchC], ({ count }, bind) => {
    const bindings = { a: bind(a, batchA), b: bind(b, batchB), c: bind(c, batchC) };
    const places = { ...plain, batchA, batchB, batchC };
    tiles(launcher, bindings, sizes, sizes, { ...places, grid: count, span: inner });
  });
}

/** A single product. Rows, columns and the inner axis are cut where a matrix has too many rows in memory. */
function multiplyPieces(launcher: Launcher, a: Tensor, b: Tensor, c: Tensor, sizes: Product): void {
  const { rows, columns, inner, transposeA, transposeB } = sizes;
  const pieces = (count: number, widths: (number | false)[]) => {
    const bytes = widths.flatMap((width) => (width ? [width * ELEMENT] : []));
    return rowPieces(count, bytes, launcher.gpu.mostBound);
  };
  const part = (x: Tensor, along: Rows, across: Rows, width: number) => ({
    binding: launcher.bytes(x, along.begin * width * ELEMENT, along.count * width * ELEMENT),
    begin: across.begin,
  });
  for (const m of pieces(rows, [columns, !transposeA && inner]))
    for (const n of pieces(columns, [transposeB && inner]))
      for (const k of pieces(inner, [transposeA && rows, !transposeB && columns])) {
        const left = transposeA ? part(a, k, m, rows) : part(a, m, k, inner);
        const right = transposeB ? part(b, n, k, inner) : part(b, k, n, columns);
        const out = part(c, m, n, columns);
        const bindings = { a: left.binding, b: right.binding, c: out.binding };
        const begins = { beginA: left.begin, beginB: right.begin, beginC: out.begin };
        tiles(launcher, bindings, { ...sizes, rows: m.count, columns: n.count, inner: k.count }, sizes, {
          ...plain,
          ...begins,
          grid: 1,
          span: k.count,
          adds: Number(k.begin > 0),
        });
      }
}

/** The numbers of a product of two matrices from their beginnings, with nothing else. */
const plain = {
  beginA: 0,
  beginB: 0,
  beginC: 0,
  batchA: 0,
  batchB: 0,
  batchC: 0,
  step: 0,
  adds: 0,
  scale: 1,
  inner2: 0,
  strideA2: 0,
  strideB2: 0,
  beginMask: 0,
  stridePlus: 0,
  beforeX: 0,
  beforeY: 0,
  beforeZ: 0,
};
type Places = typeof plain & { span: number };
type Shape = Record<'rows' | 'columns' | 'inner' | 'strideA' | 'strideB' | 'strideC', number>;

/**
 * Runs the plain kernel. `cut`: the product to make. `memory`: the one that it is a part of, as it lies in memory.
 * `grid`: workgroups in the third direction.
 */
function tiles(
  launcher: Launcher,
  bindings: Record<string, Binding>,
  { rows, columns, inner, transposeA, transposeB }: Product,
  memory: Product,
  { grid, ...places }: Places & { grid: number },
): void {
  const strideA = transposeA ? memory.rows : memory.inner;
  const strideB = transposeB ? memory.inner : memory.columns;
  const numbers = { ...places, rows, columns, inner, strideA, strideB, strideC: memory.columns };
  run(launcher, bindings, [transposeA, transposeB, grid], {}, numbers);
}

/** Runs a kernel, in several dispatches if it would keep the GPU busy for too long. */
function run(
  { gpu, tiles, half }: Launcher,
  bindings: Record<string, Binding | undefined>,
  [transposeA, transposeB, grid]: readonly [boolean, boolean, number],
  extras: Extras,
  numbers: Places & Shape,
): void {
  const { rows, columns, inner, inner2, step } = numbers;
  if (rows * columns * grid === 0) return;
  const name = tiles[formOf(rows, columns)];
  const tile = shapes[name];
  const kernel = product(name, transposeA, transposeB, half ? { ...extras, half } : extras);
  const [x, y] = [Math.ceil(columns / tile.columns), Math.ceil(rows / tile.rows)];
  const operations = 2 * rows * columns * ((step ? 1 : grid) * inner + inner2);
  if (operations <= gpu.mostOperations) return gpu.run(kernel, bindings, numbers, [x, y, grid], operations);
  const each = operations / (x * y * grid);
  for (const { begins, counts } of cut([x, y, grid], gpu.mostOperations / each)) {
    const [beforeX, beforeY, beforeZ] = begins;
    const [wide, high, deep] = counts;
    gpu.run(kernel, bindings, { ...numbers, beforeX, beforeY, beforeZ }, counts, each * wide * high * deep);
  }
}

type Three = [number, number, number];

/** Tiles in dispatches of at most `most`, or one: some matrices of a batch, else some rows, else a part of a row. */
export function* cut([x, y, z]: Three, most: number): Generator<{ begins: Three; counts: Three }> {
  const fitting = (all: number, size: number) => Math.max(1, Math.min(all, Math.floor(most / size)));
  const [wide, high, deep] = [fitting(x, 1), fitting(y, x), fitting(z, x * y)];
  for (let k = 0; k < z; k += deep)
    for (let j = 0; j < y; j += high)
      for (let i = 0; i < x; i += wide)
        yield {
          begins: [i, j, k],
          counts: [Math.min(wide, x - i), Math.min(high, y - j), Math.min(deep, z - k)],
        };
}

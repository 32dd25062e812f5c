/** Divides matrix products among workgroups, and into pieces where a matrix is too large for a kernel. */
import { elementCount } from '../../gguf/types.ts';
import type { Tensor } from '../tensor.ts';
import type { Binding } from './gpu.ts';
import { product, sumSlices, type Extras } from './kernels/products.ts';
import { formOf, tiles } from './kernels/tiles.ts';
import { ELEMENT, type Launcher } from './launcher.ts';
import { rowPieces, type Rows } from './walk.ts';

/** The shape of C [batch, rows, columns] = A B, where A and B may be transposed in memory. */
interface Product {
  rows: number;
  columns: number;
  inner: number;
  batch: number;
  transposeA: boolean;
  transposeB: boolean;
}

/** This many workgroups keep a large GPU busy. */
const MIN_WORKGROUPS = 256;
/** Minimum length of the inner axis that is worth a workgroup. */
const MIN_SPAN = 512;

/** Tile sizes assumed when choosing slices. Not the measured ones, so that results don't change when those do. */
const NOMINAL_TILES = { square: 64, tall: 32, wide: 32 };

/**
 * The number of slices of the inner axis that a product is divided into (split-K) if it has too few tiles to keep a GPU
 * busy, such as LoRA's gradients or that of the head's input. The slices' products are summed afterwards.
 */
export function slicesOf(rows: number, columns: number, inner: number): number {
  const side = NOMINAL_TILES[formOf(rows, columns)];
  const tiles = Math.ceil(rows / side) * Math.ceil(columns / side);
  return Math.max(1, Math.min(Math.ceil(MIN_WORKGROUPS / tiles), Math.floor(inner / MIN_SPAN)));
}

/** A product of two matrices with everything that is fused into it. */
export interface FusedProduct {
  a: Tensor;
  b: Tensor;
  sizes: Omit<Product, 'batch'>;
  /** Offset of the block of A^T (of B) and elements between its rows, if only some columns are multiplied. */
  beginA?: number;
  beginB?: number;
  strides?: { a: number; b: number };
  /** Another product a b to add, with inner axis `inner`; its b is transposed if the first one's is. */
  second?: { a: Tensor; b: Tensor; inner: number };
  mask?: { of: 'a' | 'b' | 'second'; table: Tensor; begin: number } | undefined;
  /** [rows, columns], or [columns]: added to each row. */
  plus?: Tensor | undefined;
  /** 1 by default. */
  scale?: number;
  /** Whether the result is added to c's contents. */
  adds?: boolean;
  /**
   * Repeats the product, if it is not sliced, at constant offsets of A, B and the result. c is the first result, and
   * all lie in its buffer.
   */
  times?: Repetition | undefined;
}

export interface Repetition {
  count: number;
  a: number;
  b: number;
  c: number;
}

/**
 * c [rows, columns] = scale (a b + the second product + plus) (+ c). Throws UserError `memory` if it can't be split.
 */
export function multiplyFused(launcher: Launcher, whole: FusedProduct, c: Tensor): void {
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
    // Written out, because spreading takes ten times as long and a step has some 700 products.
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

/** The mask's table is as large as the largest mask, so only a part of it may be bound. */
function maskOf(
  launcher: Launcher,
  { of, table }: NonNullable<FusedProduct['mask']>,
  { a, b, sizes }: FusedProduct,
): Binding {
  const binding = launcher.whole(table);
  binding.used =
    ELEMENT * (of === 'second' ? sizes.rows * sizes.columns : elementCount((of === 'a' ? a : b).shape));
  return binding;
}

/** Whether a kernel can access all these tensors, so that their product need not be split. */
export const fitsUnsplit = ({ gpu }: Launcher, sizes: Product, ...tensors: (Tensor | undefined)[]): boolean =>
  sizes.batch === 1 &&
  tensors.every((x) => !x || elementCount(x.shape) * ELEMENT <= gpu.maxBindingSize) &&
  slicesOf(sizes.rows, sizes.columns, sizes.inner) * sizes.rows * sizes.columns * ELEMENT <=
    gpu.maxBindingSize;

/** c = a b. Throws UserError `memory` if matrices of a batch are too large for a kernel. */
export function multiply(launcher: Launcher, a: Tensor, b: Tensor, c: Tensor, sizes: Product): void {
  const { rows, columns, inner } = sizes;
  if (sizes.batch === 1) return multiplyPieces(launcher, a, b, c, sizes);
  const [batchA, batchB, batchC] = [rows * inner, inner * columns, rows * columns] as const;
  launcher.byRows(sizes.batch, [batchA, batchB, batchC], ({ count }, bind) => {
    const bindings = { a: bind(a, batchA), b: bind(b, batchB), c: bind(c, batchC) };
    const places = { ...plain, batchA, batchB, batchC };
    runPlain(launcher, bindings, sizes, sizes, { ...places, grid: count, span: inner });
  });
}

/** A single product, split along rows, columns and the inner axis as far as matrices are too large for a kernel. */
function multiplyPieces(launcher: Launcher, a: Tensor, b: Tensor, c: Tensor, sizes: Product): void {
  const { rows, columns, inner, transposeA, transposeB } = sizes;
  const pieces = (count: number, widths: (number | false)[]) => {
    const bytes = widths.flatMap((width) => (width ? [width * ELEMENT] : []));
    return rowPieces(count, bytes, launcher.gpu.maxBindingSize);
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
        runPlain(launcher, bindings, { ...sizes, rows: m.count, columns: n.count, inner: k.count }, sizes, {
          ...plain,
          ...begins,
          grid: 1,
          span: k.count,
          adds: Number(k.begin > 0),
        });
      }
}

/** The kernel parameters of a plain product with all offsets zero. */
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
 * Runs the plain kernel. `cut`: the product to compute. `memory`: the product that it is a part of, whose layout
 * applies. `grid`: workgroups in the third dimension.
 */
function runPlain(
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
  { gpu, tiles: chosen, half }: Launcher,
  bindings: Record<string, Binding | undefined>,
  [transposeA, transposeB, grid]: readonly [boolean, boolean, number],
  extras: Extras,
  numbers: Places & Shape,
): void {
  const { rows, columns, inner, inner2, step } = numbers;
  if (rows * columns * grid === 0) return;
  const name = chosen[formOf(rows, columns)];
  const tile = tiles[name];
  const kernel = product(name, transposeA, transposeB, half ? { ...extras, half } : extras);
  const [x, y] = [Math.ceil(columns / tile.columns), Math.ceil(rows / tile.rows)];
  const operations = 2 * rows * columns * ((step ? 1 : grid) * inner + inner2);
  if (operations <= gpu.maxOperations) return gpu.run(kernel, bindings, numbers, [x, y, grid], operations);
  const each = operations / (x * y * grid);
  for (const { begins, counts } of splitTiles([x, y, grid], gpu.maxOperations / each)) {
    const [beforeX, beforeY, beforeZ] = begins;
    const [wide, high, deep] = counts;
    gpu.run(kernel, bindings, { ...numbers, beforeX, beforeY, beforeZ }, counts, each * wide * high * deep);
  }
}

type Three = [number, number, number];

/** Splits tiles into dispatches of at most `max`: by matrices of the batch, else by rows, else within a row. */
export function* splitTiles([x, y, z]: Three, max: number): Generator<{ begins: Three; counts: Three }> {
  const fitting = (all: number, size: number) => Math.max(1, Math.min(all, Math.floor(max / size)));
  const [wide, high, deep] = [fitting(x, 1), fitting(y, x), fitting(z, x * y)];
  for (let k = 0; k < z; k += deep)
    for (let j = 0; j < y; j += high)
      for (let i = 0; i < x; i += wide)
        yield {
          begins: [i, j, k],
          counts: [Math.min(wide, x - i), Math.min(high, y - j), Math.min(deep, z - k)],
        };
}

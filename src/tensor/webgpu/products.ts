/** How a matrix product is divided among workgroups, and into pieces where a matrix is larger than a kernel can see. */
import type { Tensor } from '../tensor.ts';
import type { Binding } from './gpu.ts';
import { product, tileFor } from './kernels/products.ts';
import { ELEMENT, type Launcher } from './launcher.ts';
import { rowPieces, type Rows } from './walk.ts';

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
const LEAST_SPAN = 512;

/**
 * Into how many slices of its inner axis a product is divided, since it has too few tiles to keep a GPU busy: a
 * gradient of LoRA's, or of the head's input. Each slice makes a product of its own, and those are added up.
 */
export function slicesOf(launcher: Launcher, sizes: Product): number {
  const { rows, columns, inner, batch } = sizes;
  const tile = tileFor(rows, columns);
  const tiles = Math.ceil(rows / tile.rows) * Math.ceil(columns / tile.columns);
  const slices = Math.min(Math.ceil(ENOUGH / tiles), Math.floor(inner / LEAST_SPAN));
  const whole = Math.max(rows, columns) * inner * ELEMENT <= launcher.gpu.mostBound;
  return batch === 1 && whole ? Math.max(1, slices) : 1;
}

/** Makes a product of a single matrix by each of several slices of the inner axis: parts [slices, rows, columns]. */
export function multiplySlices(
  launcher: Launcher,
  a: Tensor,
  b: Tensor,
  parts: Tensor,
  sizes: Product,
): void {
  const slices = parts.shape[0]!;
  const span = Math.ceil(sizes.inner / slices);
  const bindings = { a: launcher.whole(a), b: launcher.whole(b), c: launcher.whole(parts) };
  const places = { ...nowhere, batchC: sizes.rows * sizes.columns };
  tiles(launcher, bindings, sizes, sizes, { ...places, grid: slices, span, step: span, adds: 0 });
}

/** c = a b. Throws UserError `memory` for matrices of a batch that are too large for a kernel. */
export function multiply(launcher: Launcher, a: Tensor, b: Tensor, c: Tensor, sizes: Product): void {
  const { rows, columns, inner } = sizes;
  if (sizes.batch === 1) return multiplyPieces(launcher, a, b, c, sizes);
  const [batchA, batchB, batchC] = [rows * inner, inner * columns, rows * columns] as const;
  launcher.byRows(sizes.batch, [batchA, batchB, batchC], ({ count }, bind) => {
    const bindings = { a: bind(a, batchA), b: bind(b, batchB), c: bind(c, batchC) };
    const places = { ...nowhere, batchA, batchB, batchC };
    tiles(launcher, bindings, sizes, sizes, { ...places, grid: count, span: inner, step: 0, adds: 0 });
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
          ...nowhere,
          ...begins,
          grid: 1,
          span: k.count,
          step: 0,
          adds: Number(k.begin > 0),
        });
      }
}

/** Where elements and matrices begin, if all at the beginning. */
const nowhere = { beginA: 0, beginB: 0, beginC: 0, batchA: 0, batchB: 0, batchC: 0 };

/**
 * Runs the kernel. `cut`: the product to make. `memory`: the product that it is a part of, whose matrices lie in memory.
 * `grid`: workgroups in the third direction.
 */
function tiles(
  { gpu }: Launcher,
  bindings: Record<string, Binding>,
  { rows, columns, inner, transposeA, transposeB }: Product,
  memory: Product,
  { grid, ...places }: typeof nowhere & { grid: number; span: number; step: number; adds: number },
): void {
  if (rows * columns * grid === 0) return;
  const tile = tileFor(rows, columns);
  const strides = {
    strideA: transposeA ? memory.rows : memory.inner,
    strideB: transposeB ? memory.inner : memory.columns,
    strideC: memory.columns,
  };
  const numbers = { ...places, ...strides, rows, columns, inner };
  const workgroups = [Math.ceil(columns / tile.columns), Math.ceil(rows / tile.rows), grid];
  const operations = 2 * rows * columns * inner * (places.step ? 1 : grid);
  gpu.run(product(tile, transposeA, transposeB), bindings, numbers, workgroups, operations);
}

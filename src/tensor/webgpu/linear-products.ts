/**
 * The fused products of linear layers: one pass also adds LoRA's second product (with dropout's mask), the bias and the
 * residual. Matrices too large for a kernel fall back to basic operations.
 */
import type { Backend, Tensor } from '../backend.ts';
import type { LinearProducts, Mask, ProductBlock, ProductSum } from '../compound.ts';
import { ComposedProducts } from '../linear-products.ts';
import type { Launcher } from './launcher.ts';
import { fitsUnsplit, multiplyFused, slicesOf, type Repetition, type FusedProduct } from './products.ts';

export class GpuProducts implements LinearProducts {
  private readonly composed: ComposedProducts;

  constructor(
    private readonly b: Pick<Backend, 'matmul' | 'add' | 'compound' | 'arena'>,
    private readonly launcher: Launcher,
  ) {
    this.composed = new ComposedProducts(b);
  }

  masked(x: Tensor, w: Tensor, mask?: Mask): Tensor {
    if (!this.fits([rowsOf(x), rowsOf(w), columnsOf(x)], x, w, mask?.table))
      return this.composed.masked(x, w, mask);
    const sizes = {
      rows: rowsOf(x),
      columns: rowsOf(w),
      inner: columnsOf(x),
      transposeA: false,
      transposeB: true,
    };
    return this.made({ a: x, b: w, sizes, mask: mask && { of: 'a', ...mask } });
  }

  sum(x: Tensor, w: Tensor, { transposeB = false, bias, plus, second }: ProductSum): Tensor {
    const columns = transposeB ? rowsOf(w) : columnsOf(w);
    const mask = second?.mask;
    if (
      (bias && plus) ||
      !this.fits([rowsOf(x), columns, columnsOf(x)], x, w, second?.x, second?.w, mask?.table)
    )
      return this.composed.sum(x, w, { transposeB, bias, plus, second });
    return this.made({
      a: x,
      b: w,
      plus: plus ?? bias,
      mask: mask && { of: 'second', ...mask },
      ...(second && { second: { a: second.x, b: second.w, inner: columnsOf(second.x) } }),
      sizes: { rows: rowsOf(x), columns, inner: columnsOf(x), transposeA: false, transposeB },
    });
  }

  accumulate(a: Tensor, x: Tensor, blocks: readonly ProductBlock[], mask?: Mask): Tensor[] {
    if (!this.fits([columnsOf(a), columnsOf(x), rowsOf(a)], a, x, mask?.table))
      return this.composed.accumulate(a, x, blocks, mask);
    const results = blocks.map(({ sum, into, shape }) => sum ?? into ?? this.launcher.fresh(shape));
    for (const { first, times } of this.alike(blocks, results, rowsOf(a))) {
      const { sum, shape, place: { row = 0, column = 0, scale = 1 } = {} } = blocks[first]!;
      const [rows, columns] = shape as [number, number];
      const whole: FusedProduct = {
        a,
        b: x,
        beginA: row,
        beginB: column,
        scale,
        adds: sum !== undefined,
        times,
        sizes: { rows, columns, inner: rowsOf(a), transposeA: true, transposeB: false },
        strides: { a: columnsOf(a), b: columnsOf(x) },
        mask: mask && { of: 'b', ...mask },
      };
      this.b.arena(() => multiplyFused(this.launcher, whole, results[first]!));
    }
    return results;
  }

  /**
   * Groups blocks that one dispatch can compute, such as gate and up, or k and v: they differ only by a constant
   * offset, and their results share a buffer.
   */
  private alike(
    blocks: readonly ProductBlock[],
    results: readonly Tensor[],
    inner: number,
  ): { first: number; times?: Repetition | undefined }[] {
    const runs: { first: number; times?: Repetition | undefined }[] = [];
    for (const i of blocks.keys()) {
      const run = runs.at(-1);
      const times = run && this.next(run, i, blocks, results, inner);
      if (times) run.times = times;
      else runs.push({ first: i });
    }
    return runs;
  }

  /** The run extended by block i; undefined if that does not continue it. */
  private next(
    { first, times }: { first: number; times?: Repetition | undefined },
    i: number,
    blocks: readonly ProductBlock[],
    results: readonly Tensor[],
    inner: number,
  ): Repetition | undefined {
    const [before, block] = [blocks[i - 1]!, blocks[i]!];
    const [rows, columns] = block.shape as [number, number];
    const [from, to] = [before.place ?? {}, block.place ?? {}];
    const same =
      rows === before.shape[0] &&
      columns === before.shape[1] &&
      (from.scale ?? 1) === (to.scale ?? 1) &&
      (before.sum === undefined) === (block.sum === undefined) &&
      slicesOf(rows, columns, inner) === 1;
    const begins = same ? this.launcher.shared([results[i - 1]!, results[i]!])?.begins : undefined;
    if (!begins) return undefined;
    const a = (to.row ?? 0) - (from.row ?? 0);
    const b = (to.column ?? 0) - (from.column ?? 0);
    const c = begins[1]! - begins[0]!;
    if (a < 0 || b < 0 || c <= 0) return undefined;
    if (times && (times.a !== a || times.b !== b || times.c !== c)) return undefined;
    return { count: i - first + 1, a, b, c };
  }

  private made(whole: FusedProduct): Tensor {
    const c = this.launcher.fresh([whole.sizes.rows, whole.sizes.columns]);
    this.b.arena(() => multiplyFused(this.launcher, whole, c));
    return c;
  }

  private fits(
    [rows, columns, inner]: readonly [number, number, number],
    ...tensors: (Tensor | undefined)[]
  ): boolean {
    const sizes = { rows, columns, inner, batch: 1, transposeA: false, transposeB: false };
    return fitsUnsplit(this.launcher, sizes, ...tensors);
  }
}

const rowsOf = ({ shape }: Tensor) => shape[0]!;
const columnsOf = ({ shape }: Tensor) => shape[1]!;

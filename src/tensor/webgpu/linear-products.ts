/** The products of linear layers, each in one pass. Composed of small operations where a kernel can't see a matrix whole. */
import type { Backend, Tensor } from '../backend.ts';
import type { LinearProducts, Mask, ProductBlock, ProductSum } from '../compound.ts';
import { ComposedProducts } from '../linear-products.ts';
import type { Launcher } from './launcher.ts';
import { fitsWhole, multiplyWhole, type Whole } from './products.ts';

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
      ...{ a: x, b: w, plus: plus ?? bias, mask: mask && { of: 'second', ...mask } },
      ...(second && { second: { a: second.x, b: second.w, inner: columnsOf(second.x) } }),
      sizes: { rows: rowsOf(x), columns, inner: columnsOf(x), transposeA: false, transposeB },
    });
  }

  accumulate(a: Tensor, x: Tensor, blocks: readonly ProductBlock[], mask?: Mask): Tensor[] {
    if (!this.fits([columnsOf(a), columnsOf(x), rowsOf(a)], a, x, mask?.table))
      return this.composed.accumulate(a, x, blocks, mask);
    return blocks.map(({ sum, into, shape, place: { row = 0, column = 0, scale = 1 } = {} }) => {
      const c = sum ?? into ?? this.launcher.fresh(shape);
      const [rows, columns] = shape as [number, number];
      const whole: Whole = {
        ...{ a, b: x, beginA: row, beginB: column, scale, adds: sum !== undefined },
        sizes: { rows, columns, inner: rowsOf(a), transposeA: true, transposeB: false },
        strides: { a: columnsOf(a), b: columnsOf(x) },
        mask: mask && { of: 'b', ...mask },
      };
      this.b.arena(() => multiplyWhole(this.launcher, whole, c));
      return c;
    });
  }

  private made(whole: Whole): Tensor {
    const c = this.launcher.fresh([whole.sizes.rows, whole.sizes.columns]);
    this.b.arena(() => multiplyWhole(this.launcher, whole, c));
    return c;
  }

  private fits(
    [rows, columns, inner]: readonly [number, number, number],
    ...tensors: (Tensor | undefined)[]
  ): boolean {
    const sizes = { rows, columns, inner, batch: 1, transposeA: false, transposeB: false };
    return fitsWhole(this.launcher, sizes, ...tensors);
  }
}

const rowsOf = ({ shape }: Tensor) => shape[0]!;
const columnsOf = ({ shape }: Tensor) => shape[1]!;

/** The products of linear layers: the backend's fused ones if it has them, else composed of basic operations. */
import type { Backend, Tensor } from './backend.ts';
import type { LinearProducts, Mask, ProductBlock, ProductSum } from './compound.ts';

export const productsOf = (b: Backend): LinearProducts => b.compound.products ?? new ComposedProducts(b);

type Basics = Pick<Backend, 'matmul' | 'add'> & {
  compound: Pick<Backend['compound'], 'add' | 'multiply' | 'addInto' | 'accumulate'>;
};

export class ComposedProducts implements LinearProducts {
  constructor(private readonly b: Basics) {}

  masked(x: Tensor, w: Tensor, mask?: Mask): Tensor {
    const { b } = this;
    return b.matmul(mask ? b.compound.multiply(x, mask) : x, w, { transposeB: true });
  }

  sum(x: Tensor, w: Tensor, { transposeB = false, bias, plus, second }: ProductSum): Tensor {
    const { b } = this;
    const product = b.matmul(x, w, { transposeB });
    const biased = bias ? b.add(product, bias) : product;
    const y = second
      ? b.compound.addInto(biased, b.matmul(second.x, second.w, { transposeB }), second.mask)
      : biased;
    return plus ? b.compound.add(plus, y) : y;
  }

  accumulate(a: Tensor, x: Tensor, blocks: readonly ProductBlock[], mask?: Mask): Tensor[] {
    const { b } = this;
    const product = b.matmul(a, mask ? b.compound.multiply(x, mask) : x, { transposeA: true });
    return blocks.map(({ sum, shape, place, into }) =>
      b.compound.accumulate(sum, shape, product, place, into),
    );
  }
}

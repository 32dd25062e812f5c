import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import type { Mask } from '../tensor/compound.ts';
import { productsOf } from '../tensor/linear-products.ts';
import { cast } from '../tensor/forms.ts';
import { isSlot, type Slot } from './model.ts';
import type { Parameters } from './parameters.ts';
import { StoredWeight } from './stored-weight.ts';

/** LoRA on a linear: the A of all target modules stacked, and one B for each of them. */
export interface Lora {
  /** [target modules x rank, in] */
  a: Slot;
  rank: number;
  scale: number;
  /** [rows of the module, rank] for each of the linear's modules; undefined if it is not a target. */
  b: (Slot | undefined)[];
}

/** What a backward pass needs of the forward pass, besides the input. */
interface LinearSaved {
  /** LoRA's inner activations, [N, target modules x rank]. */
  z: Tensor | undefined;
}

/**
 * One or more linear modules with the same input, computed as one product: y = x W^T + bias + s (mask x) A^T B^T, where
 * the B of all target modules form a block-diagonal matrix. `compute` is the type of x, y and the products; parameter
 * gradients are f32.
 */
export class Linear {
  private derived: Derived | undefined;

  constructor(
    private readonly backend: Backend,
    private readonly parameters: Parameters,
    private readonly compute: DataType,
    /** [out, in]: frozen (of type `compute`, or as its file stores it), or trained. */
    private readonly weight: Tensor | StoredWeight | Slot,
    /** Rows of `weight` that belong to each module. */
    private readonly rows: readonly number[],
    private readonly lora?: Lora,
    /** [out]: frozen (of type `compute`), or trained. */
    private readonly bias?: Tensor | Slot,
  ) {}

  get hasLora(): boolean {
    return this.lora !== undefined;
  }

  /**
   * x [N, in] -> y [N, out]. `mask`: dropout on x with `keepRate`. `adapted`: whether LoRA is applied. `plus` f32:
   * added to y, which is then f32.
   */
  forward(x: Tensor, { mask, keepRate, adapted }: LinearMode, plus?: Tensor): { y: Tensor } & LinearSaved {
    const products = productsOf(this.backend);
    const derived = this.derive(keepRate);
    const { bias, a, b: block } = derived;
    const adapts = a && block && adapted;
    const z = adapts ? products.masked(x, a, mask) : undefined; // [N, target modules x rank]
    const second = z && { x: z, w: block! };
    const y = this.withWeight(derived, (weight) =>
      products.sum(x, weight, { transposeB: true, bias, plus, second }),
    );
    return { y, z };
  }

  /** dy [N, out] -> dx [N, in]; adds to the parameters' gradients. */
  backward(dy: Tensor, x: Tensor, { z }: LinearSaved, { mask, keepRate }: LinearMode): Tensor {
    const { backend: b, parameters } = this;
    const products = productsOf(b);
    const derived = this.derive(keepRate);
    const { a, b: block } = derived;
    if (isSlot(this.weight)) parameters.accumulateProduct(dy, x, [{ slot: this.weight }]);
    if (this.bias && isSlot(this.bias)) parameters.accumulate(this.bias, this.columnSums(dy));
    const lora = a && block && z ? this.lora : undefined;
    const dz = lora && b.matmul(dy, block!); // [N, target modules x rank]
    const second = dz && { x: dz, w: a!, mask };
    const dx = this.withWeight(derived, (weight) => products.sum(dy, weight, { second }));
    if (!lora) return dx;
    parameters.accumulateProduct(dz!, x, [{ slot: lora.a }], mask);
    // dyT z is [out, target modules x rank]; only the diagonal blocks count
    const blocks = this.blocks(lora).map(({ slot, row, column }) => ({
      slot,
      place: { row, column, scale: lora.scale / keepRate },
    }));
    parameters.accumulateProduct(dy, z!, blocks);
    return dx;
  }

  /** The position of each module's B on the diagonal of [out, target modules x rank]. */
  private blocks({ b: slots, rank }: Lora): { slot: Slot; row: number; column: number }[] {
    let row = 0;
    let column = -rank;
    return slots.flatMap((slot, module) => {
      const begin = row;
      row += this.rows[module]!;
      if (slot) column += rank;
      return slot ? [{ slot, row: begin, column }] : [];
    });
  }

  private columnSums(dy: Tensor): Tensor {
    const { backend: b } = this;
    return b.sum(cast(b, dy, 'f32'), 0);
  }

  /** Weights in the products' type, recomputed when a parameter has changed. */
  private derive(keepRate: number): Derived {
    const key = `${this.parameters.version} ${keepRate}`;
    if (this.derived?.key === key) return this.derived;
    const { backend: b, lora } = this;
    const before = this.derived;
    const made = b.arena(() => ({
      ...(!(this.weight instanceof StoredWeight) && {
        weight: this.computed(this.weight, before?.weight),
      }),
      ...(this.bias && { bias: this.computed(this.bias, before?.bias) }),
      ...(lora && {
        a: this.computed(lora.a, before?.a),
        b: this.blockDiagonal(lora, keepRate, before?.b),
      }),
    }));
    for (const tensor of Object.values(made)) b.keep(tensor);
    this.derived = { key, ...made };
    return this.derived;
  }

  private withWeight<T>({ weight }: Derived, use: (weight: Tensor) => T): T {
    return this.weight instanceof StoredWeight ? this.weight.with(use) : use(weight!);
  }

  /** Converts a trained tensor to the products' type, reusing `old` if possible. */
  private computed(x: Tensor | Slot, old: Tensor | undefined): Tensor {
    const { backend: b } = this;
    if (!isSlot(x)) return x;
    if (x.value.dtype === this.compute) return x.value;
    if (old && x.value.shape.length === 2) return b.compound.put(old, x.value);
    b.dispose(old);
    return b.cast(x.value, 'bf16');
  }

  /** [out, target modules x rank]: s B / keepRate of every module on the diagonal, zeros elsewhere. */
  private blockDiagonal(lora: Lora, keepRate: number, old: Tensor | undefined): Tensor {
    const { backend: b } = this;
    const blocks = this.blocks(lora);
    const rows = this.rows.reduce((sum, count) => sum + count, 0);
    const fresh = () => b.zeros([rows, lora.rank * blocks.length], this.compute);
    const scale = lora.scale / keepRate;
    const whole = old ?? fresh();
    const placed = blocks.map(({ slot, row, column }) => ({ block: slot.value, row, column }));
    return (
      b.compound.putAll?.(whole, placed, scale) ??
      placed.reduce(
        (sum, { block, row, column }) => b.compound.put(sum, block, { row, column, scale }),
        whole,
      )
    );
  }

  /** Frees the derived tensors; parameters and frozen weights are owned elsewhere. */
  forget(): void {
    const { derived, lora } = this;
    this.derived = undefined;
    if (!derived) return;
    const owned = (x: Tensor | Slot | undefined) => (x && isSlot(x) ? x.value : x);
    if (!(this.weight instanceof StoredWeight) && derived.weight !== owned(this.weight))
      this.backend.dispose(derived.weight);
    if (derived.bias !== owned(this.bias)) this.backend.dispose(derived.bias);
    if (derived.a !== lora?.a.value) this.backend.dispose(derived.a);
    this.backend.dispose(derived.b);
  }
}

interface Derived {
  key: string;
  /** Undefined if the weights stay as their file stores them. */
  weight?: Tensor;
  bias?: Tensor;
  a?: Tensor;
  b?: Tensor;
}

export interface LinearMode {
  mask?: Mask | undefined;
  keepRate: number;
  adapted: boolean;
}

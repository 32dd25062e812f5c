import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import type { Mask } from '../tensor/compound.ts';
import { cast } from './cast.ts';
import { isSlot, type Slot } from './model.ts';
import type { Parameters } from './parameters.ts';
import { StoredWeight } from './stored-weight.ts';

/** LoRA on a linear: the A of all target modules stacked, and a B for each of them. */
export interface Lora {
  /** [target modules x rank, in] */
  a: Slot;
  rank: number;
  scale: number;
  /** [rows of the module, rank] for each of the linear's modules; undefined if it is not a target. */
  b: (Slot | undefined)[];
}

/** What a backward pass needs of the forward pass, besides the input. */
export interface LinearSaved {
  /** LoRA's inner activations, [N, target modules x rank]. */
  z: Tensor | undefined;
}

/**
 * One or more linear modules with the same input, as one product: y = x W^T + bias + s (mask x) A^T B^T, with B of
 * all target modules as one block-diagonal matrix. `compute` is the type of x, y and the products; parameters'
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

  /** x [N, in] -> y [N, out]. `mask`: dropout on x with `keepRate`; `adapted` false leaves LoRA out. */
  forward(x: Tensor, { mask, keepRate, adapted }: LinearMode): { y: Tensor } & LinearSaved {
    const { backend: b } = this;
    const derived = this.derive(keepRate);
    const { bias, a, b: block } = derived;
    const product = this.withWeight(derived, (weight) => b.matmul(x, weight, { transposeB: true }));
    const y = bias ? b.add(product, bias) : product;
    if (!a || !block || !adapted) return { y, z: undefined };
    // [N, target modules x rank]
    const z = b.matmul(mask ? b.compound.multiply(x, mask) : x, a, { transposeB: true });
    return { y: b.compound.addInto(y, b.matmul(z, block, { transposeB: true })), z };
  }

  /** dy [N, out] -> dx [N, in]; adds to the parameters' gradients. */
  backward(dy: Tensor, x: Tensor, { z }: LinearSaved, { mask, keepRate }: LinearMode): Tensor {
    const { backend: b, parameters } = this;
    const derived = this.derive(keepRate);
    const { a, b: block } = derived;
    if (isSlot(this.weight)) parameters.accumulate(this.weight, b.matmul(dy, x, { transposeA: true }));
    if (this.bias && isSlot(this.bias)) parameters.accumulate(this.bias, this.columnSums(dy));
    const dx = this.withWeight(derived, (weight) => b.matmul(dy, weight));
    if (!this.lora || !a || !block || !z) return dx;
    const dz = b.matmul(dy, block); // [N, target modules x rank]
    const seen = mask ? b.compound.multiply(x, mask) : x;
    parameters.accumulate(this.lora.a, b.matmul(dz, seen, { transposeA: true }));
    const db = b.matmul(dy, z, { transposeA: true }); // [out, target modules x rank]; only the diagonal blocks count
    for (const { slot, row, column } of this.blocks(this.lora))
      parameters.accumulate(slot, db, { row, column, scale: this.lora.scale / keepRate });
    return b.compound.addInto(dx, b.matmul(dz, a), mask);
  }

  /** Where each module's B is on the diagonal of [out, target modules x rank], which makes one product of all. */
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

  /** Weights in the type of the products, computed again when a parameter has changed. */
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

  /** A trained tensor of another type is cast, into `old` if possible. */
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
    return blocks.reduce(
      (whole, { slot, row, column }) => b.compound.put(whole, slot.value, { row, column, scale }),
      old ?? fresh(),
    );
  }

  /** Frees the derived tensors; parameters and frozen weights belong to others. */
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

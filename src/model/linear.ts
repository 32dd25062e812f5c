import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import { isSlot, type Slot } from './model.ts';
import type { Parameters } from './parameters.ts';

/** LoRA on a linear: A of all targeted modules one below the other, and each module's own B. */
export interface Lora {
  /** [modules x rank, in] */
  a: Slot;
  rank: number;
  scale: number;
  /** In the order of the linear's modules; undefined where a module is no target. */
  b: (Slot | undefined)[];
}

/** What a backward pass needs of the forward pass, besides the input. */
export interface LinearSaved {
  /** LoRA's inner activations, [N, modules x rank]. */
  z: Tensor | undefined;
}

/**
 * One or more linear modules with the same input, as one product: y = x W^T + bias + s (mask x) A^T B^T.
 * `compute` is the type of x, y and of the products; gradients of parameters are f32.
 */
export class Linear {
  private derived: { key: string; weight: Tensor; bias?: Tensor; a?: Tensor; b?: Tensor } | undefined;

  constructor(
    private readonly backend: Backend,
    private readonly parameters: Parameters,
    private readonly compute: DataType,
    /** [out, in]: frozen (of type `compute`), or trained. */
    private readonly weight: Tensor | Slot,
    /** Rows of `weight` that belong to each module. */
    private readonly rows: readonly number[],
    private readonly lora?: Lora,
    /** [out]: frozen (of type `compute`), or trained. */
    private readonly bias?: Tensor | Slot,
  ) {}

  get hasLora(): boolean {
    return this.lora !== undefined;
  }

  /** `mask` [N, in] of zeros and ones is dropout at `keepRate`; `adapted` false leaves LoRA out. */
  forward(x: Tensor, { mask, keepRate, adapted }: LinearMode): { y: Tensor } & LinearSaved {
    const { backend: b } = this;
    const { weight, bias, a, b: block } = this.derive(keepRate);
    const product = b.matmul(x, weight, { transposeB: true });
    const y = bias ? b.add(product, bias) : product;
    if (!a || !block || !adapted) return { y, z: undefined };
    const z = b.matmul(mask ? b.mul(x, mask) : x, a, { transposeB: true });
    return { y: b.add(y, b.matmul(z, block, { transposeB: true })), z };
  }

  /** Adds to the parameters' gradients and returns dx. */
  backward(dy: Tensor, x: Tensor, { z }: LinearSaved, { mask, keepRate }: LinearMode): Tensor {
    const { backend: b } = this;
    const { weight, a, b: block } = this.derive(keepRate);
    if (isSlot(this.weight))
      this.parameters.accumulate(this.weight, this.f32(b.matmul(dy, x, { transposeA: true })));
    if (this.bias && isSlot(this.bias)) this.parameters.accumulate(this.bias, b.sum(this.f32(dy), 0));
    const dx = b.matmul(dy, weight);
    if (!this.lora || !a || !block || !z) return dx;
    const dz = b.matmul(dy, block);
    const da = b.matmul(dz, mask ? b.mul(x, mask) : x, { transposeA: true });
    this.parameters.accumulate(this.lora.a, this.f32(da));
    this.accumulateB(b.matmul(dy, z, { transposeA: true }), this.lora, keepRate);
    const through = b.matmul(dz, a);
    return b.add(dx, mask ? b.mul(through, mask) : through);
  }

  /** Each module's B is a diagonal block of the product's gradient [out, modules x rank]. */
  private accumulateB(gradient: Tensor, { b: slots, rank, scale }: Lora, keepRate: number): void {
    const { backend: b } = this;
    let row = 0;
    let column = 0;
    slots.forEach((slot, module) => {
      const rows = this.rows[module]!;
      if (slot) {
        const block = b.slice(gradient, [row, column], [rows, rank]);
        this.parameters.accumulate(slot, b.mul(this.f32(block), scale / keepRate));
        column += rank;
      }
      row += rows;
    });
  }

  /** Weights in the type of the products, made anew when a parameter has changed. */
  private derive(keepRate: number) {
    const { backend: b, lora } = this;
    const key = `${this.parameters.version} ${keepRate}`;
    if (this.derived?.key === key) return this.derived;
    this.forget();
    const made = b.arena(() => ({
      weight: isSlot(this.weight) ? this.computed(this.weight.value) : this.weight,
      ...(this.bias && { bias: isSlot(this.bias) ? this.computed(this.bias.value) : this.bias }),
      ...(lora && { a: this.computed(lora.a.value), b: this.computed(this.blockDiagonal(lora, keepRate)) }),
    }));
    for (const tensor of Object.values(made)) b.keep(tensor);
    this.derived = { key, ...made };
    return this.derived;
  }

  /** s B of every module on the diagonal, [out, modules x rank]: one product for all of them. */
  private blockDiagonal({ b: slots, rank, scale }: Lora, keepRate: number): Tensor {
    const { backend: b } = this;
    const columns = rank * slots.filter(Boolean).length;
    let column = 0;
    const blocks = slots.map((slot, module) => {
      const rows = this.rows[module]!;
      if (!slot) return b.zeros([rows, columns]);
      const left = column;
      column += rank;
      const parts = [left, columns - left - rank].map((width) => (width ? [b.zeros([rows, width])] : []));
      return b.concat([...parts[0]!, b.mul(slot.value, scale / keepRate), ...parts[1]!], 1);
    });
    return blocks.length === 1 ? blocks[0]! : b.concat(blocks, 0);
  }

  private computed(x: Tensor): Tensor {
    return this.compute === 'bf16' ? this.backend.cast(x, 'bf16') : x;
  }
  private f32(x: Tensor): Tensor {
    return x.dtype === 'f32' ? x : this.backend.cast(x, 'f32');
  }

  /** Frees what was derived; parameters and frozen weights belong to others. */
  forget(): void {
    const { derived, lora } = this;
    this.derived = undefined;
    if (!derived) return;
    const owned = (x: Tensor | Slot | undefined) => (x && isSlot(x) ? x.value : x);
    if (derived.weight !== owned(this.weight)) this.backend.dispose(derived.weight);
    if (derived.bias !== owned(this.bias)) this.backend.dispose(derived.bias);
    if (derived.a !== lora?.a.value) this.backend.dispose(derived.a);
    this.backend.dispose(derived.b);
  }
}

export interface LinearMode {
  mask?: Tensor | undefined;
  keepRate: number;
  adapted: boolean;
}

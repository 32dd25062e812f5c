import { elementCount } from '../gguf/types.ts';
import type { Backend, Tensor } from '../tensor/backend.ts';
import { MAX_COMBINED_ELEMENTS, type Mask, type MatrixBlock } from '../tensor/compound.ts';
import { productsOf } from '../tensor/linear-products.ts';
import type { Parameter, Slot } from './model.ts';

interface View {
  slot: Slot;
  /** This parameter's first row in the slot, and its number of rows. */
  begin: number;
  rows: number;
  shape: number[];
}

/**
 * Trained tensors: `slots` are updated by the optimiser; `list` has the parameters in files (several may share a slot).
 */
export class Parameters {
  readonly slots: Slot[] = [];
  private readonly views = new Map<string, View>();
  /** Contiguous memory for gradients of small slots; its contents are valid only while a slot refers to it. */
  private memory: Map<Slot, Tensor> | undefined;
  /** Incremented when values change, so that derived tensors can be invalidated. */
  version = 0;

  constructor(private readonly backend: Backend) {}

  get list(): Parameter[] {
    return [...this.views].map(([name, { shape }]) => ({ name, shape }));
  }

  get count(): number {
    return this.slots.reduce((sum, { value }) => sum + elementCount(value.shape), 0);
  }

  /** Adds a slot that stacks the parameters `parts`. */
  add(parts: readonly { name: string; shape: number[] }[], value: Tensor): Slot {
    const slot: Slot = {
      name: parts.map(({ name }) => name).join('+'),
      value: this.backend.keep(value),
      gradient: undefined,
    };
    this.slots.push(slot);
    let begin = 0;
    for (const { name, shape } of parts) {
      this.views.set(name, { slot, begin, rows: shape[0]!, shape });
      begin += shape[0]!;
    }
    return slot;
  }

  /** Call once all slots are added: makes the values of small ones contiguous if that saves time. */
  finalise(): void {
    const { slots, backend } = this;
    const values = backend.compound.makeContiguous?.(slots.map(({ value }) => value));
    for (const [i, value] of values?.entries() ?? []) slots[i]!.value = backend.keep(value);
  }

  /** Memory for the gradient of a slot that has none yet. */
  private place(slot: Slot): Tensor | undefined {
    const { backend } = this;
    const { compound } = backend;
    if (slot.gradient || !compound.makeContiguous) return undefined;
    if (!this.memory) {
      const small = this.slots.filter(({ value }) => elementCount(value.shape) <= MAX_COMBINED_ELEMENTS);
      const tensors = backend.arena(() =>
        compound.makeContiguous!(small.map(({ value }) => backend.zeros(value.shape))),
      );
      this.memory = new Map(small.map((parameter, i) => [parameter, backend.keep(tensors[i]!)]));
    }
    return this.memory.get(slot);
  }

  /** Adds `part` to a slot's gradient (f32). Consumes `part`. */
  accumulate(slot: Slot, part: Tensor): void {
    const { backend } = this;
    const { gradient, value } = slot;
    const into = this.place(slot);
    slot.gradient = backend.keep(backend.compound.accumulate(gradient, value.shape, part, undefined, into));
  }

  /** Adds to the gradient of each slot its block of aT (mask x): a [N, out], x [N, in]. */
  accumulateProduct(
    a: Tensor,
    x: Tensor,
    blocks: readonly { slot: Slot; place?: MatrixBlock }[],
    mask?: Mask,
  ): void {
    const { backend } = this;
    const parts = blocks.map(({ slot, place }) => ({
      sum: slot.gradient,
      into: this.place(slot),
      shape: slot.value.shape,
      place,
    }));
    const sums = backend.arena(() => productsOf(backend).accumulate(a, x, parts, mask));
    for (const [i, { slot }] of blocks.entries()) slot.gradient = backend.keep(sums[i]!);
  }

  /** Adds `rows` to the rows `indices` of a slot's gradient. */
  accumulateRows(slot: Slot, rows: Tensor, indices: Tensor): void {
    const { backend } = this;
    slot.gradient = backend.keep(
      backend.addRows(slot.gradient ?? backend.zeros(slot.value.shape), rows, indices),
    );
  }

  zeroGradients(): void {
    for (const slot of this.slots) {
      if (slot.gradient !== this.memory?.get(slot)) this.backend.dispose(slot.gradient);
      slot.gradient = undefined;
    }
  }

  replace(slot: Slot, value: Tensor): void {
    if (value !== slot.value) this.backend.dispose(slot.value);
    slot.value = this.backend.keep(value);
    this.version += 1;
  }

  async read(name: string): Promise<Float32Array> {
    const { slot, begin, rows } = this.view(name);
    const part = this.backend.arena(() => this.rows(slot.value, begin, rows));
    try {
      return await this.backend.read(part);
    } finally {
      this.backend.dispose(part);
    }
  }

  write(name: string, values: Float32Array): void {
    const { slot, begin, shape } = this.view(name);
    if (values.length !== elementCount(shape))
      throw new Error(`${name} needs ${elementCount(shape)} values, not ${values.length}.`);
    const value = this.backend.arena(() =>
      this.backend.setRows(slot.value, this.backend.tensor(values.slice(), shape), begin),
    );
    this.replace(slot, value);
  }

  dispose(): void {
    this.zeroGradients();
    this.backend.dispose(this.memory);
    for (const { value } of this.slots) this.backend.dispose(value);
  }

  /** A copy of some rows, possibly all. */
  private rows(x: Tensor, begin: number, rows: number): Tensor {
    return this.backend.slice(x, [begin, ...x.shape.slice(1).map(() => 0)], [rows, ...x.shape.slice(1)]);
  }

  private view(name: string): View {
    const view = this.views.get(name);
    if (!view) throw new Error(`The model has no parameter ${name}.`);
    return view;
  }
}

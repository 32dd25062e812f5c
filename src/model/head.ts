/** The last norm's output against the vocabulary, a chunk of rows at a time: all logits are never held at once. */
import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import { isSlot, type Slot } from './model.ts';
import type { Parameters } from './parameters.ts';

const CHUNK = 128;

export class Head {
  constructor(
    private readonly backend: Backend,
    private readonly parameters: Parameters,
    private readonly compute: DataType,
    /** [vocabulary, width]: frozen (of type `compute`), or trained. */
    private readonly weight: Tensor | Slot,
  ) {}

  /**
   * Cross-entropy of h [N, width] f32 against `labels`. Returns each row's loss in nats and, with `weight`, the
   * gradient of weight x (sum of the losses that are `learned`, else all) by h; the head's own gradient is added up.
   */
  async lossAndGradient(
    h: Tensor,
    labels: Int32Array,
    { weight, learned }: { weight?: number; learned?: Uint8Array | undefined } = {},
  ): Promise<{ losses: Float32Array; dh: Tensor | undefined }> {
    const { backend: b } = this;
    const losses = new Float32Array(labels.length);
    const gradients: Tensor[] = [];
    for (const { begin, rows } of chunksOf(labels.length)) {
      const part = b.arena(() => {
        const { logits, input, matrix } = this.logits(h, begin, rows);
        const { losses: chunk, gradient } = b.crossEntropy(
          logits,
          b.tensor(labels.slice(begin, begin + rows), [rows]),
        );
        if (weight === undefined) return { chunk };
        const d = this.computed(
          learned ? this.only(gradient, learned.subarray(begin, begin + rows)) : gradient,
        );
        if (isSlot(this.weight))
          this.parameters.accumulate(
            this.weight,
            b.mul(this.f32(b.matmul(d, input, { transposeA: true })), weight),
          );
        return { chunk, dh: b.mul(this.f32(b.matmul(d, matrix)), weight) };
      });
      losses.set(await b.read(part.chunk), begin);
      b.dispose(part.chunk);
      if (part.dh) gradients.push(part.dh);
      await breathe();
    }
    const dh = gradients.length ? b.arena(() => b.concat(gradients, 0)) : undefined;
    b.dispose(gradients);
    return { losses, dh };
  }

  /** The gradient's rows that count; the others zero. */
  private only(gradient: Tensor, learned: Uint8Array): Tensor {
    const { backend: b } = this;
    return learned.includes(0)
      ? b.mul(gradient, b.tensor(Float32Array.from(learned), [learned.length, 1]))
      : gradient;
  }

  /** Softmax of each row. */
  async probabilities(h: Tensor): Promise<Float32Array[]> {
    const { backend: b } = this;
    const all: Float32Array[] = [];
    for (const { begin, rows } of chunksOf(h.shape[0]!)) {
      const chunk = b.arena(() => b.softmax(this.logits(h, begin, rows).logits));
      const values = await b.read(chunk);
      b.dispose(chunk);
      const width = values.length / rows;
      for (let row = 0; row < rows; row += 1) all.push(values.slice(row * width, (row + 1) * width));
      await breathe();
    }
    return all;
  }

  /** KL(this head on h || other on otherH) of each row, nats. */
  async divergence(h: Tensor, other: Head, otherH: Tensor): Promise<Float32Array> {
    const { backend: b } = this;
    const all = new Float32Array(h.shape[0]!);
    for (const { begin, rows } of chunksOf(all.length)) {
      const chunk = b.arena(() => {
        const from = this.logits(h, begin, rows).logits;
        const difference = b.sub(b.logSoftmax(from), b.logSoftmax(other.logits(otherH, begin, rows).logits));
        return b.sum(b.mul(b.softmax(from), difference), 1);
      });
      all.set(await b.read(chunk), begin);
      b.dispose(chunk);
      await breathe();
    }
    return all;
  }

  private logits(h: Tensor, begin: number, rows: number): { logits: Tensor; input: Tensor; matrix: Tensor } {
    const { backend: b } = this;
    const input = this.computed(b.slice(h, [begin, 0], [rows, h.shape[1]!]));
    const matrix = isSlot(this.weight) ? this.trained(this.weight) : this.weight;
    return { logits: this.f32(b.matmul(input, matrix, { transposeB: true })), input, matrix };
  }

  private copy: { version: number; tensor: Tensor } | undefined;

  /** The trained matrix in the products' type; a cast is kept until a parameter changes. */
  private trained(slot: Slot): Tensor {
    if (slot.value.dtype === this.compute) return slot.value;
    if (this.copy?.version !== this.parameters.version) {
      this.forget();
      this.copy = { version: this.parameters.version, tensor: this.backend.keep(this.computed(slot.value)) };
    }
    return this.copy!.tensor;
  }

  forget(): void {
    this.backend.dispose(this.copy?.tensor);
    this.copy = undefined;
  }

  private computed(x: Tensor): Tensor {
    return x.dtype === this.compute ? x : this.backend.cast(x, this.compute as 'f32' | 'bf16');
  }
  private f32(x: Tensor): Tensor {
    return x.dtype === 'f32' ? x : this.backend.cast(x, 'f32');
  }
}

function* chunksOf(rows: number): Generator<{ begin: number; rows: number }> {
  for (let begin = 0; begin < rows; begin += CHUNK) yield { begin, rows: Math.min(CHUNK, rows - begin) };
}

/** Lets timers and signals of the process run between pieces of work. */
export const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));

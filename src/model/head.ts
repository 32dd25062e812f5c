/** From the last norm's output to logits, a chunk of rows at a time, so that never all logits are in memory. */
import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import { isSlot, type Slot } from './model.ts';
import type { Parameters } from './parameters.ts';
import { StoredWeight } from './stored-weight.ts';

const CHUNK = 128;

export class Head {
  constructor(
    private readonly backend: Backend,
    private readonly parameters: Parameters,
    private readonly compute: DataType,
    /** [vocabulary, width]: frozen (of type `compute`, or as its file stores it), or trained. */
    private readonly weight: Tensor | StoredWeight | Slot,
  ) {}

  /**
   * Cross-entropy of h [N, width] (in the products' type) against `labels` [N]. Returns the losses [N] in nats and,
   * if `weights` [N] are given, dh [N, width]: the gradient of the weighted sum of losses. A trained head's own
   * gradient is accumulated.
   */
  async lossAndGradient(
    h: Tensor,
    labels: Int32Array,
    weights?: Float32Array,
  ): Promise<{ losses: Tensor; dh: Tensor | undefined }> {
    const { backend: b } = this;
    const parts: { losses: Tensor; dh?: Tensor }[] = [];
    const { matrix, done } = this.open();
    for (const { begin, rows } of chunksOf(labels.length)) {
      parts.push(
        b.arena(() => {
          const { logits, input } = logitsOf(b, matrix, h, begin, rows);
          const { losses, gradient } = b.compound.crossEntropy(
            logits,
            b.tensor(labels.slice(begin, begin + rows), [rows]),
            weights && b.tensor(weights.slice(begin, begin + rows), [rows]),
          );
          if (!gradient) return { losses };
          if (isSlot(this.weight))
            this.parameters.accumulate(this.weight, b.matmul(gradient, input, { transposeA: true }));
          return { losses, dh: b.matmul(gradient, matrix) };
        }),
      );
      await breathe();
    }
    done();
    const joined = b.arena(() => ({
      losses: b.concat(
        parts.map(({ losses }) => losses),
        0,
      ),
      dh:
        weights &&
        b.concat(
          parts.map(({ dh }) => dh!),
          0,
        ),
    }));
    b.dispose(parts);
    return joined;
  }

  /** Softmax of each row of logits: N arrays of the vocabulary's size. */
  async probabilities(h: Tensor): Promise<Float32Array[]> {
    const { backend: b } = this;
    const all: Float32Array[] = [];
    const { matrix, done } = this.open();
    for (const { begin, rows } of chunksOf(h.shape[0]!)) {
      const chunk = b.arena(() => b.softmax(this.f32(logitsOf(b, matrix, h, begin, rows).logits)));
      const values = await b.read(chunk);
      b.dispose(chunk);
      const width = values.length / rows;
      for (let row = 0; row < rows; row += 1) all.push(values.slice(row * width, (row + 1) * width));
      await breathe();
    }
    done();
    return all;
  }

  /** KL(this head on h || `other` on `otherH`) of each row [N], in nats. */
  async divergence(h: Tensor, other: Head, otherH: Tensor): Promise<Float32Array> {
    const { backend: b } = this;
    const all = new Float32Array(h.shape[0]!);
    const [mine, others] = [this.open(), other === this ? undefined : other.open()];
    for (const { begin, rows } of chunksOf(all.length)) {
      const chunk = b.arena(() => {
        const from = this.f32(logitsOf(b, mine.matrix, h, begin, rows).logits);
        const to = this.f32(logitsOf(b, (others ?? mine).matrix, otherH, begin, rows).logits);
        const difference = b.sub(b.logSoftmax(from), b.logSoftmax(to));
        return b.sum(b.mul(b.softmax(from), difference), 1);
      });
      all.set(await b.read(chunk), begin);
      b.dispose(chunk);
      await breathe();
    }
    mine.done();
    others?.done();
    return all;
  }

  /** The matrix in the products' type, until `done`. */
  private open(): { matrix: Tensor; done(): void } {
    const { weight, backend } = this;
    if (weight instanceof StoredWeight) {
      const matrix = backend.keep(weight.numbers());
      return { matrix, done: () => backend.dispose(matrix) };
    }
    return { matrix: isSlot(weight) ? this.trained(weight) : weight, done: () => undefined };
  }

  private copy: { version: number; tensor: Tensor } | undefined;

  /** The trained matrix in the products' type; a cast copy is kept until a parameter changes. */
  private trained(slot: Slot): Tensor {
    if (slot.value.dtype === this.compute) return slot.value;
    if (this.copy?.version !== this.parameters.version) {
      this.forget();
      this.copy = { version: this.parameters.version, tensor: this.backend.keep(this.computed(slot.value)) };
    }
    return this.copy!.tensor;
  }

  /** Frees the cast copy. */
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

/** logits [rows, vocabulary] of some rows of h, and those rows. */
function logitsOf(
  b: Backend,
  matrix: Tensor,
  h: Tensor,
  begin: number,
  rows: number,
): { logits: Tensor; input: Tensor } {
  const input = b.slice(h, [begin, 0], [rows, h.shape[1]!]);
  return { logits: b.matmul(input, matrix, { transposeB: true }), input };
}

function* chunksOf(rows: number): Generator<{ begin: number; rows: number }> {
  for (let begin = 0; begin < rows; begin += CHUNK) yield { begin, rows: Math.min(CHUNK, rows - begin) };
}

/** Lets the process handle timers and signals between pieces of work. */
export const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));

/** From the last norm's output to logits, a chunk of rows at a time, so that never all logits are in memory. */
import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import { cast } from './cast.ts';
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
  lossAndGradient(
    h: Tensor,
    labels: Int32Array,
    weights?: Float32Array,
  ): Promise<{ losses: Tensor; dh: Tensor | undefined }> {
    return this.withMatrix(async (matrix) => {
      const { backend: b } = this;
      const parts: { losses: Tensor; dh?: Tensor }[] = [];
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
    });
  }

  /** Softmax of each row of logits: N arrays of the vocabulary's size. */
  probabilities(h: Tensor): Promise<Float32Array[]> {
    return this.withMatrix(async (matrix) => {
      const { backend: b } = this;
      const all: Float32Array[] = [];
      for (const { begin, rows } of chunksOf(h.shape[0]!)) {
        const chunk = b.arena(() => b.softmax(cast(b, logitsOf(b, matrix, h, begin, rows).logits, 'f32')));
        const values = await b.read(chunk);
        b.dispose(chunk);
        const width = values.length / rows;
        for (let row = 0; row < rows; row += 1) all.push(values.slice(row * width, (row + 1) * width));
        await breathe();
      }
      return all;
    });
  }

  /** KL(this head on h || `other` on `otherH`) of each row [N], in nats. */
  divergence(h: Tensor, other: Head, otherH: Tensor): Promise<Float32Array> {
    const both = (matrix: Tensor, otherMatrix: Tensor) =>
      this.divergenceOf({ h, matrix }, { h: otherH, matrix: otherMatrix });
    return this.withMatrix((matrix) =>
      other === this ? both(matrix, matrix) : other.withMatrix((its) => both(matrix, its)),
    );
  }

  private async divergenceOf(from: Logits, to: Logits): Promise<Float32Array> {
    const { backend: b } = this;
    const all = new Float32Array(from.h.shape[0]!);
    for (const { begin, rows } of chunksOf(all.length)) {
      const chunk = b.arena(() => {
        const [p, q] = [from, to].map(({ h, matrix }) =>
          cast(b, logitsOf(b, matrix, h, begin, rows).logits, 'f32'),
        ) as [Tensor, Tensor];
        return b.sum(b.mul(b.softmax(p), b.sub(b.logSoftmax(p), b.logSoftmax(q))), 1);
      });
      all.set(await b.read(chunk), begin);
      b.dispose(chunk);
      await breathe();
    }
    return all;
  }

  /** Calls `use` with the matrix in the products' type; the numbers of a stored one are freed afterwards. */
  private async withMatrix<T>(use: (matrix: Tensor) => Promise<T>): Promise<T> {
    const { weight, backend } = this;
    if (!(weight instanceof StoredWeight)) return use(isSlot(weight) ? this.trained(weight) : weight);
    const matrix = backend.keep(weight.numbers());
    try {
      return await use(matrix);
    } finally {
      backend.dispose(matrix);
    }
  }

  private copy: { version: number; tensor: Tensor } | undefined;

  /** The trained matrix in the products' type; a cast copy is kept until a parameter changes. */
  private trained(slot: Slot): Tensor {
    if (slot.value.dtype === this.compute) return slot.value;
    if (this.copy?.version !== this.parameters.version) {
      this.forget();
      this.copy = {
        version: this.parameters.version,
        tensor: this.backend.keep(cast(this.backend, slot.value, this.compute)),
      };
    }
    return this.copy!.tensor;
  }

  /** Frees the cast copy. */
  forget(): void {
    this.backend.dispose(this.copy?.tensor);
    this.copy = undefined;
  }
}

/** What logits are made of: h [N, width], and a head's matrix [vocabulary, width]. */
interface Logits {
  h: Tensor;
  matrix: Tensor;
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

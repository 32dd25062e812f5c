/**
 * Computes logits from the last norm's output. To save memory, logits exist only for a chunk of rows at a time, and a
 * quantised matrix is dequantised for a piece of the vocabulary at a time.
 */
import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import { cast } from '../tensor/forms.ts';
import { isSlot, type Slot } from './model.ts';
import type { Parameters } from './parameters.ts';
import type { RowSource } from './stored-weight.ts';

/** Rows whose logits are in memory at a time. With more rows, pieces are dequantised less often. */
export const HEAD_ROWS = 256;
/** Rows of the vocabulary that are dequantised at a time. */
export const VOCABULARY_PIECE = 8192;
/** Rows of logits that are converted to f32 at a time. */
export const F32_ROWS = 32;

export class Head {
  private readonly pieces: readonly Piece[];

  constructor(
    private readonly backend: Backend,
    private readonly parameters: Parameters,
    private readonly compute: DataType,
    /** [vocabulary, width]: frozen (of type `compute`, or made in pieces), or trained. */
    private readonly weight: Tensor | RowSource | Slot,
    private readonly vocabularySize: number,
    /** [vocabulary], f32: added to the logits of the loss. */
    private readonly bias?: Tensor,
  ) {
    this.pieces = spans(vocabularySize, VOCABULARY_PIECE).map(({ begin, count }) => ({
      begin,
      count,
      rows: Int32Array.from({ length: count }, (_, i) => begin + i),
    }));
  }

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
    const parts: { losses: Tensor; dh: Tensor | undefined }[] = [];
    for (const { begin, count } of spans(labels.length, HEAD_ROWS)) {
      const input = b.slice(h, [begin, 0], [count, h.shape[1]!]);
      const logits = await this.lossLogits(input);
      const { losses, gradient } = b.arena(() =>
        b.compound.crossEntropy(
          logits,
          b.tensor(labels.slice(begin, begin + count), [count]),
          weights && b.tensor(weights.slice(begin, begin + count), [count]),
        ),
      );
      parts.push({ losses, dh: gradient && (await this.inputGradient(gradient, input)) });
      b.dispose(logits, gradient, input);
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
  }

  /** Softmax of each row of logits: N arrays of the vocabulary's size. */
  async probabilities(h: Tensor): Promise<Float32Array[]> {
    const { backend: b, vocabularySize: width } = this;
    const all: Float32Array[] = [];
    for (const span of spans(h.shape[0]!, HEAD_ROWS)) {
      const logits = await this.logitsOf(h, span);
      for (const rows of spans(span.count, F32_ROWS)) {
        const some = b.arena(() => b.softmax(this.inF32(logits, rows)));
        const values = await b.read(some);
        b.dispose(some);
        for (let row = 0; row < rows.count; row += 1) all.push(values.slice(row * width, (row + 1) * width));
      }
      b.dispose(logits);
    }
    return all;
  }

  /** The most likely token after each row of h [N, width]: [N]. */
  async mostLikely(h: Tensor): Promise<Int32Array> {
    const { backend: b, vocabularySize: width } = this;
    const all = new Int32Array(h.shape[0]!);
    for (const span of spans(all.length, HEAD_ROWS)) {
      const logits = await this.logitsOf(h, span);
      for (const rows of spans(span.count, F32_ROWS)) {
        const some = b.arena(() => this.inF32(logits, rows));
        const values = await b.read(some);
        b.dispose(some);
        for (let row = 0; row < rows.count; row += 1)
          all[span.begin + rows.begin + row] = largestAt(values.subarray(row * width, (row + 1) * width));
      }
      b.dispose(logits);
    }
    return all;
  }

  /** KL(this head on h || `other` on `otherH`) of each row [N], in nats. */
  async divergence(h: Tensor, other: Head, otherH: Tensor): Promise<Float32Array> {
    const { backend: b } = this;
    const all = new Float32Array(h.shape[0]!);
    for (const span of spans(all.length, HEAD_ROWS)) {
      const from = await this.logitsOf(h, span);
      const to = await other.logitsOf(otherH, span);
      for (const rows of spans(span.count, F32_ROWS)) {
        const some = b.arena(() => {
          const [p, q] = [this.inF32(from, rows), this.inF32(to, rows)];
          return b.sum(b.mul(b.softmax(p), b.sub(b.logSoftmax(p), b.logSoftmax(q))), 1);
        });
        all.set(await b.read(some), span.begin + rows.begin);
        b.dispose(some);
      }
      b.dispose(from, to);
    }
    return all;
  }

  /** With the bias, for the caller to free. */
  private async lossLogits(input: Tensor): Promise<Tensor> {
    const { backend: b, bias, compute } = this;
    const logits = await this.logits(input);
    if (!bias) return logits;
    const raised = b.arena(() => b.add(logits, cast(b, bias, compute)));
    b.dispose(logits);
    return raised;
  }

  private async logitsOf(h: Tensor, { begin, count }: Span): Promise<Tensor> {
    const input = this.backend.slice(h, [begin, 0], [count, h.shape[1]!]);
    const logits = await this.logits(input);
    this.backend.dispose(input);
    return logits;
  }

  /** input [rows, width] -> logits [rows, vocabulary], for the caller to free. */
  private async logits(input: Tensor): Promise<Tensor> {
    const { backend: b, compute, vocabularySize } = this;
    const product = (piece: Piece) =>
      this.withPiece(piece, (matrix) => b.matmul(input, matrix, { transposeB: true }));
    if (!isInPieces(this.weight)) return b.matmul(input, this.numbers(this.weight), { transposeB: true });
    if (this.pieces.length === 1) return product(this.pieces[0]!);
    let logits = b.zeros([input.shape[0]!, vocabularySize], compute);
    for (const piece of this.pieces) {
      const before = logits;
      logits = b.arena(() => b.compound.put(before, cast(b, product(piece), 'f32'), { column: piece.begin }));
      await yieldToEventLoop();
    }
    return logits;
  }

  /** gradient [rows, vocabulary] of the logits -> the input's [rows, width]; adds a trained head's own gradient. */
  private async inputGradient(gradient: Tensor, input: Tensor): Promise<Tensor> {
    const { backend: b, compute, weight } = this;
    if (!isInPieces(weight) && isSlot(weight))
      b.arena(() => this.parameters.accumulate(weight, b.matmul(gradient, input, { transposeA: true })));
    // In f32, an unquantised matrix need not be split.
    if (compute === 'f32' && !isInPieces(weight))
      return b.arena(() => b.matmul(gradient, this.numbers(weight)));
    let sum: Tensor | undefined;
    for (const piece of this.pieces) {
      const before = sum;
      sum = b.arena(() => {
        const part = b.slice(gradient, [0, piece.begin], [input.shape[0]!, piece.count]);
        const product = this.withPiece(piece, (matrix) => b.matmul(part, matrix));
        return b.compound.accumulate(before, input.shape, product);
      });
      await yieldToEventLoop();
    }
    const dh = cast(b, sum!, compute);
    if (dh !== sum) b.dispose(sum);
    return dh;
  }

  private inF32(logits: Tensor, { begin, count }: Span): Tensor {
    const { backend: b, vocabularySize } = this;
    return cast(b, b.slice(logits, [begin, 0], [count, vocabularySize]), 'f32');
  }

  /** Calls `use` with a piece [rows, width] of the matrix, in the products' type. */
  private withPiece<T>({ begin, count, rows }: Piece, use: (matrix: Tensor) => T): T {
    const { weight, backend: b, vocabularySize } = this;
    if (isInPieces(weight)) return b.arena(() => use(weight.rows(rows)));
    const whole = this.numbers(weight);
    return use(count === vocabularySize ? whole : b.slice(whole, [begin, 0], [count, whole.shape[1]!]));
  }

  private numbers(weight: Tensor | Slot): Tensor {
    return isSlot(weight) ? this.trained(weight) : weight;
  }

  private copy: { version: number; tensor: Tensor } | undefined;

  /** The trained matrix in the products' type; a converted copy is cached until a parameter changes. */
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

  /** Frees the converted copy. */
  forget(): void {
    this.backend.dispose(this.copy?.tensor);
    this.copy = undefined;
  }
}

const isInPieces = (weight: Tensor | RowSource | Slot): weight is RowSource => 'rows' in weight;

function largestAt(values: Float32Array): number {
  let at = 0;
  for (let i = 1; i < values.length; i += 1) if (values[i]! > values[at]!) at = i;
  return at;
}

interface Span {
  begin: number;
  count: number;
}

/** A part of the vocabulary: its range, and its rows of the matrix. */
interface Piece extends Span {
  rows: Int32Array;
}

/** Splits 0 .. total into spans of at most `max`. */
function spans(total: number, max: number): Span[] {
  return Array.from({ length: Math.ceil(total / max) }, (_, i) => ({
    begin: i * max,
    count: Math.min(max, total - i * max),
  }));
}

/** Yields to the event loop, so that timers and signals are handled between pieces of work. */
export const yieldToEventLoop = () => new Promise<void>((resolve) => setImmediate(resolve));

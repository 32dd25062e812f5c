/** The compound operations implemented by the kernels in native/, which the binding registers with TensorFlow. */
import type { DataType, Tensor } from './backend.ts';
import { byteLengthOf, tensorTypeId, type TensorType } from '../gguf/types.ts';
import {
  MAX_STACKED,
  type AdamNumbers,
  type AdamState,
  type Angles,
  type Compound,
  type HeadLayout,
  type LionState,
  type Mask,
  type MatrixBlock,
  type Updated,
  type QueryChunk,
  type StoredMatrix,
} from './compound.ts';

export interface KernelCaller {
  /** Runs an operation, with `type` as its type attribute "T" if it has one. */
  call(name: string, type: DataType | undefined, inputs: readonly Tensor[], outputs: number): Tensor[];
  ints(values: readonly number[]): Tensor;
  floats(values: readonly number[]): Tensor;
  zeros(shape: readonly number[]): Tensor;
  /** A new i32 tensor of these values, for the caller to free. */
  indices(values: Int32Array): Tensor;
  free(x: Tensor): void;
  /** A new i32 tensor of these bytes, padded with zeros; it outlives every arena. */
  bytes(values: Uint8Array): Tensor;
  /** An empty tensor that stands for an absent input. */
  nothing(type: DataType): Tensor;
}

export class Fused implements Compound {
  constructor(
    private readonly caller: KernelCaller,
    readonly keepsQuantised: boolean,
  ) {}

  store(type: TensorType, bytes: Uint8Array, [rows, columns]: readonly [number, number]): StoredMatrix {
    return { type, rows, columns, bytes: this.caller.bytes(bytes) };
  }
  dequantise(matrices: readonly StoredMatrix[], dtype: DataType, indices?: Int32Array): Tensor {
    const none = this.nothing('i32');
    const stacked = Array.from({ length: MAX_STACKED }, (_, i) => matrices[i]);
    const layout = stacked.flatMap((matrix) =>
      matrix
        ? [tensorTypeId(matrix.type), matrix.rows, byteLengthOf(matrix.type, matrix.columns)]
        : [0, 0, 0],
    );
    const chosen = indices ? this.caller.indices(indices) : none;
    const inputs = [
      ...stacked.map((matrix) => (matrix ? (matrix.bytes as Tensor) : none)),
      chosen,
      this.caller.ints([matrices[0]!.columns, ...layout]),
    ];
    const numbers = this.one('FmnDequantise', dtype, inputs);
    if (indices) this.caller.free(chosen);
    return numbers;
  }

  norm(x: Tensor, gain: Tensor, epsilon: number, dtype: DataType): { y: Tensor; inverse: Tensor } {
    const inputs = [x, gain, this.caller.floats([epsilon])];
    const [y, inverse] = this.caller.call('FmnNorm', dtype, inputs, 2);
    return { y: y!, inverse: inverse! };
  }
  normGradient(dy: Tensor, x: Tensor, inverse: Tensor, gain: Tensor, residual?: Tensor): Tensor {
    return this.one('FmnNormGradient', dy.dtype, [dy, x, inverse, gain, residual ?? this.nothing('f32')]);
  }

  add = (x: Tensor, y: Tensor): Tensor => this.one('FmnAdd', y.dtype, [x, y]);
  addInto(x: Tensor, y: Tensor, mask?: Mask): Tensor {
    const { table, begin } = mask ?? { table: this.nothing(x.dtype), begin: 0 };
    return this.inPlace(x, 'FmnAddInto', x.dtype, [x, y, table, this.caller.ints([begin])]);
  }
  multiply(x: Tensor, { table, begin }: Mask): Tensor {
    return this.one('FmnMultiply', x.dtype, [x, table, this.caller.ints([begin])]);
  }

  swiglu = (gateUp: Tensor): Tensor => this.one('FmnSwiglu', gateUp.dtype, [gateUp]);
  swigluGradient(gateUp: Tensor, dProduct: Tensor): Tensor {
    return this.one('FmnSwigluGradient', gateUp.dtype, [gateUp, dProduct]);
  }

  splitHeads(qkv: Tensor, { cos, sin }: Angles, layout: HeadLayout): { q: Tensor; k: Tensor; v: Tensor } {
    const inputs = [qkv, cos, sin, this.layout(layout)];
    const [q, k, v] = this.caller.call('FmnSplitHeads', qkv.dtype, inputs, 3);
    return { q: q!, k: k!, v: v! };
  }
  joinHeads(dq: Tensor, dk: Tensor, dv: Tensor, { cos, sin }: Angles, layout: HeadLayout): Tensor {
    return this.one('FmnJoinHeads', dq.dtype, [dq, dk, dv, cos, sin, this.layout(layout)]);
  }
  maskedSoftmax(scores: Tensor, chunk: QueryChunk): Tensor {
    const inputs = [scores, chunk.starts ?? this.nothing('i32'), this.chunk(chunk)];
    return this.inPlace(scores, 'FmnSoftmax', scores.dtype, inputs);
  }
  softmaxGradient(p: Tensor, dp: Tensor): Tensor {
    return this.inPlace(dp, 'FmnSoftmaxGradient', p.dtype, [p, dp]);
  }
  addKeys(sum: Tensor, part: Tensor, chunk: QueryChunk): Tensor {
    return this.inPlace(sum, 'FmnAddKeys', part.dtype, [sum, part, this.chunk(chunk)]);
  }

  crossEntropy(
    logits: Tensor,
    labels: Tensor,
    weights?: Tensor,
  ): { losses: Tensor; gradient: Tensor | undefined } {
    const inputs = [logits, labels, weights ?? this.nothing('f32')];
    const losses = this.one('FmnCrossEntropy', logits.dtype, inputs);
    return { losses, gradient: weights && logits };
  }

  accumulate(
    sum: Tensor | undefined,
    shape: readonly number[],
    part: Tensor,
    place: MatrixBlock = {},
  ): Tensor {
    const { scale = 1 } = place;
    if (!sum && scale === 1 && part.dtype === 'f32' && part.shape.join() === shape.join()) return part;
    const whole = sum ?? this.caller.zeros(shape);
    return this.inPlace(whole, 'FmnAccumulate', part.dtype, [whole, part, ...this.place(place)]);
  }
  put(whole: Tensor, block: Tensor, place: MatrixBlock = {}): Tensor {
    return this.inPlace(whole, 'FmnPut', whole.dtype, [whole, block, ...this.place(place)]);
  }

  adamw(states: readonly AdamState[], numbers: AdamNumbers): Updated<AdamState>[] {
    return states.map(({ value, first, second, gradient }) => {
      this.caller.call('FmnAdamw', undefined, [value, first, second, gradient, this.adam(numbers)], 0);
      return { value, first, second };
    });
  }
  lionw(states: readonly LionState[], numbers: AdamNumbers): Updated<LionState>[] {
    return states.map(({ value, first, gradient }) => {
      this.caller.call('FmnLionw', undefined, [value, first, gradient, this.adam(numbers)], 0);
      return { value, first };
    });
  }

  private one(name: string, type: DataType, inputs: readonly Tensor[]): Tensor {
    return this.caller.call(name, type, inputs, 1)[0]!;
  }
  private inPlace(x: Tensor, name: string, type: DataType, inputs: readonly Tensor[]): Tensor {
    this.caller.call(name, type, inputs, 0);
    return x;
  }
  private nothing = (type: DataType) => this.caller.nothing(type);

  // Field order: the structs in native/kernels.h.

  private layout({ length, heads, kvHeads, headSize, pairing }: HeadLayout): Tensor {
    return this.caller.ints([length, heads, kvHeads, headSize, pairing === 'neighbours' ? 1 : 0]);
  }
  private chunk({ length, begin, from, group, rows, kvHeads }: QueryChunk): Tensor {
    return this.caller.ints([length, begin, from, group, rows, kvHeads]);
  }
  private place({ row = 0, column = 0, scale = 1 }: MatrixBlock): Tensor[] {
    return [this.caller.ints([row, column]), this.caller.floats([scale])];
  }
  private adam({
    learningRate,
    beta1,
    beta2,
    epsilon = 0,
    weightDecay,
    step,
    gradientScale,
  }: AdamNumbers): Tensor {
    const corrections = [1 - beta1 ** step, 1 - beta2 ** step];
    return this.caller.floats([
      learningRate,
      beta1,
      beta2,
      epsilon,
      weightDecay,
      ...corrections,
      gradientScale,
    ]);
  }
}

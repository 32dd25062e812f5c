/** The compound operations built from basic ones: the reference for the kernels, and the fallback without them. */
import type { Backend, DataType, Tensor } from './backend.ts';
import { dequantise } from '../gguf/dequantise.ts';
import { byteLengthOf, elementCount, type TensorType } from '../gguf/types.ts';
import type {
  AdamNumbers,
  AdamState,
  Angles,
  Compound,
  HeadLayout,
  LionState,
  Mask,
  MatrixBlock,
  Updated,
  QueryChunk,
  StoredMatrix,
} from './compound.ts';

/** Added to the score of a masked key. */
const MASKED = -1e9;
/** Elements that an optimiser updates at a time, so that temporary tensors fit in the processor's cache. */
const PIECE = 2 ** 20;

type Basics = Omit<Backend, 'compound' | 'name' | 'reason'>;

export class Composed implements Compound {
  /** @param keepsQuantised false where each use would mean a transfer to a GPU */
  constructor(
    private readonly b: Basics,
    readonly keepsQuantised = true,
  ) {}

  store(type: TensorType, bytes: Uint8Array, [rows, columns]: readonly [number, number]): StoredMatrix {
    return { type, rows, columns, bytes };
  }

  dequantise(matrices: readonly StoredMatrix[], dtype: DataType, indices?: Int32Array): Tensor {
    const { columns } = matrices[0]!;
    const numbersOf = ({ type, bytes }: StoredMatrix, from: number, count: number) => {
      const stride = byteLengthOf(type, columns);
      const part = (bytes as Uint8Array).subarray(from * stride, (from + count) * stride);
      return dequantise(type, part, count * columns);
    };
    const parts = indices
      ? Array.from(indices, (row) => numbersOf(matrices[0]!, row, 1))
      : matrices.map((matrix) => numbersOf(matrix, 0, matrix.rows));
    const rows = indices?.length ?? matrices.reduce((sum, matrix) => sum + matrix.rows, 0);
    const numbers = parts.length > 1 ? joined(parts, rows * columns) : parts[0]!;
    return this.b.arena(() => this.as(dtype, this.b.tensor(numbers, [rows, columns])));
  }

  norm(x: Tensor, gain: Tensor, epsilon: number, dtype: DataType): { y: Tensor; inverse: Tensor } {
    const { b } = this;
    return b.arena(() => {
      const inverse = b.rsqrt(b.add(b.mean(b.square(x), 1, true), epsilon)); // [N, 1]
      return { y: this.as(dtype, b.mul(b.mul(x, inverse), gain)), inverse };
    });
  }

  /** With g = gain dy [N, d]: dx = g / rms - x mean(g x) / rms^3. */
  normGradient(dy: Tensor, x: Tensor, inverse: Tensor, gain: Tensor, residual?: Tensor): Tensor {
    const { b } = this;
    return b.arena(() => {
      const g = b.mul(this.f32(dy), gain);
      const pull = b.mul(b.mean(b.mul(g, x), 1, true), b.mul(inverse, b.square(inverse)));
      const dx = b.sub(b.mul(g, inverse), b.mul(x, pull));
      return residual ? b.add(dx, residual) : dx;
    });
  }

  add = (x: Tensor, y: Tensor): Tensor => this.b.arena(() => this.b.add(x, this.f32(y)));

  addInto(x: Tensor, y: Tensor, mask?: Mask): Tensor {
    const { b } = this;
    return this.consuming(x, () => b.add(x, mask ? this.multiply(y, mask) : y));
  }

  multiply(x: Tensor, { table, begin }: Mask): Tensor {
    const { b } = this;
    const count = elementCount(x.shape);
    return b.arena(() => b.mul(x, b.reshape(b.slice(table, [begin], [count]), x.shape)));
  }

  swiglu(gateUp: Tensor): Tensor {
    const { b } = this;
    return b.arena(() => {
      const { gate, up } = this.halves(gateUp); // [N, w] each
      return this.as(gateUp.dtype, b.mul(b.mul(gate, b.sigmoid(gate)), up));
    });
  }

  /** y = silu(g) u; silu'(g) = s + g s (1 - s) with s = sigmoid(g). */
  swigluGradient(gateUp: Tensor, dProduct: Tensor): Tensor {
    const { b } = this;
    return b.arena(() => {
      const { gate, up } = this.halves(gateUp);
      const d = this.f32(dProduct);
      const s = b.sigmoid(gate);
      const silu = b.mul(gate, s);
      const slope = b.sub(b.add(s, silu), b.mul(s, silu));
      const parts = [b.mul(b.mul(d, up), slope), b.mul(d, silu)].map((x) => this.as(gateUp.dtype, x));
      return b.concat(parts, 1);
    });
  }

  splitHeads(qkv: Tensor, angles: Angles, layout: HeadLayout): { q: Tensor; k: Tensor; v: Tensor } {
    const { b } = this;
    const { heads, kvHeads, headSize } = layout;
    const part = (from: number, count: number) =>
      b.slice(qkv, [0, from * headSize], [qkv.shape[0]!, count * headSize]);
    return b.arena(() => {
      const turned = (from: number, count: number, scale: number) =>
        this.as(qkv.dtype, b.mul(this.rotate(this.f32(part(from, count)), angles, layout), scale));
      return {
        q: this.split(turned(0, heads, headSize ** -0.5), layout),
        k: this.split(turned(heads, kvHeads, 1), layout),
        v: this.split(part(heads + kvHeads, kvHeads), layout),
      };
    });
  }

  joinHeads(dq: Tensor, dk: Tensor, dv: Tensor, angles: Angles, layout: HeadLayout): Tensor {
    const { b } = this;
    return b.arena(() => {
      const back = (x: Tensor) => this.rotate(this.join(x, layout), angles, layout, true);
      const parts = [b.mul(back(this.f32(dq)), layout.headSize ** -0.5), back(dk), this.join(dv, layout)];
      return this.as(dq.dtype, b.concat(parts, 1));
    });
  }

  maskedSoftmax(scores: Tensor, chunk: QueryChunk): Tensor {
    const { b } = this;
    chunk.hidden ??= b.keep(b.arena(() => this.hide(chunk, scores.shape[2]!)));
    const { hidden } = chunk;
    return this.consuming(scores, () => {
      // [batch, kvHeads, rows x group, keys], or [1, batch x kvHeads, ..] if all sequences share one mask
      const apart = b.reshape(this.f32(scores), [hidden.shape[0]!, -1, ...scores.shape.slice(1)]);
      return this.as(scores.dtype, b.reshape(b.softmax(b.add(apart, hidden)), scores.shape));
    });
  }

  softmaxGradient(p: Tensor, dp: Tensor): Tensor {
    const { b } = this;
    return this.consuming(dp, () => {
      const [probabilities, d] = [this.f32(p), this.f32(dp)];
      const dot = b.sum(b.mul(probabilities, d), 2, true); // [batch x kvHeads, rows x group, 1]
      return this.as(dp.dtype, b.mul(probabilities, b.sub(d, dot)));
    });
  }

  addKeys(sum: Tensor, part: Tensor, { from }: QueryChunk): Tensor {
    const { b } = this;
    const [outer, length, width] = sum.shape as [number, number, number];
    const end = from + part.shape[1]!;
    const rows = (begin: number, stop: number) =>
      stop > begin ? [b.slice(sum, [0, begin, 0], [outer, stop - begin, width])] : [];
    return this.consuming(sum, () => {
      const added = b.add(rows(from, end)[0]!, this.f32(part));
      return b.concat([...rows(0, from), added, ...rows(end, length)], 1);
    });
  }

  crossEntropy(
    logits: Tensor,
    labels: Tensor,
    weights?: Tensor,
  ): { losses: Tensor; gradient: Tensor | undefined } {
    const { b } = this;
    const made = b.arena(() => {
      const { losses, gradient } = b.crossEntropy(this.f32(logits), labels);
      if (!weights) return { losses, gradient: undefined };
      return {
        losses,
        gradient: this.as(logits.dtype, b.mul(gradient, b.reshape(weights, [labels.shape[0]!, 1]))),
      };
    });
    b.dispose(logits);
    return made;
  }

  accumulate(
    sum: Tensor | undefined,
    shape: readonly number[],
    part: Tensor,
    place: MatrixBlock = {},
  ): Tensor {
    const { b } = this;
    const { row = 0, column = 0, scale = 1 } = place;
    const block = b.arena(() => {
      const whole = part.shape.join() === shape.join();
      const cut = whole ? part : b.slice(part, shape.length > 1 ? [row, column] : [column], shape);
      return scale === 1 ? this.f32(cut) : b.mul(this.f32(cut), scale);
    });
    return sum ? b.addRows(sum, block) : block;
  }

  put(whole: Tensor, block: Tensor, { row = 0, column = 0, scale = 1 }: MatrixBlock = {}): Tensor {
    const { b } = this;
    const [rows, columns] = whole.shape as [number, number];
    const [height, width] = block.shape as [number, number];
    const cut = (top: number, left: number, bottom: number, right: number) =>
      bottom > top && right > left ? [b.slice(whole, [top, left], [bottom - top, right - left])] : [];
    return this.consuming(whole, () => {
      const middle = b.concat(
        [
          ...cut(row, 0, row + height, column),
          this.as(whole.dtype, b.mul(block, scale)),
          ...cut(row, column + width, row + height, columns),
        ],
        1,
      );
      return b.concat([...cut(0, 0, row, columns), middle, ...cut(row + height, 0, rows, columns)], 0);
    });
  }

  adamw(states: readonly AdamState[], numbers: AdamNumbers): Updated<AdamState>[] {
    const { b } = this;
    const { learningRate, beta1, beta2, epsilon = 0, step } = numbers;
    return states.map(({ gradient, ...state }) =>
      this.inPieces(state, gradient, numbers, ({ value, first, second }, g) => {
        const m = this.blend(first, g, beta1);
        const v = this.blend(second, b.square(g), beta2);
        const root = b.add(b.mul(b.sqrt(v), (1 - beta2 ** step) ** -0.5), epsilon);
        const change = b.mul(b.div(m, root), learningRate / (1 - beta1 ** step));
        return { value: b.sub(this.decayed(value, numbers), change), first: m, second: v };
      }),
    );
  }

  lionw(states: readonly LionState[], numbers: AdamNumbers): Updated<LionState>[] {
    const { b } = this;
    const { learningRate, beta1, beta2 } = numbers;
    return states.map(({ gradient, ...state }) =>
      this.inPieces(state, gradient, numbers, ({ value, first }, g) => {
        const change = b.mul(b.sign(this.blend(first, g, beta1)), learningRate);
        return { value: b.sub(this.decayed(value, numbers), change), first: this.blend(first, g, beta2) };
      }),
    );
  }

  /** Applies `rule` to a slice of rows at a time, about PIECE elements. */
  private inPieces<S extends Record<string, Tensor>>(
    state: S,
    gradient: Tensor,
    { gradientScale }: AdamNumbers,
    rule: (rows: S, gradient: Tensor) => S,
  ): S {
    const { b } = this;
    const [rows, ...rest] = gradient.shape as [number, ...number[]];
    const count = Math.max(1, Math.floor(PIECE / elementCount(rest)));
    let changed = state;
    for (let begin = 0; begin < rows; begin += count) {
      const take = (x: Tensor) =>
        b.slice(x, [begin, ...rest.map(() => 0)], [Math.min(count, rows - begin), ...rest]);
      changed = b.arena(() => {
        const parts = Object.entries(changed).map(([name, x]) => [name, take(x)]);
        const after = rule(Object.fromEntries(parts) as S, b.mul(take(gradient), gradientScale));
        const whole = Object.entries(after).map(([name, x]) => [name, b.setRows(changed[name]!, x, begin)]);
        return Object.fromEntries(whole) as S;
      });
    }
    return changed;
  }

  private blend(old: Tensor, fresh: Tensor, beta: number): Tensor {
    return this.b.add(this.b.mul(old, beta), this.b.mul(fresh, 1 - beta));
  }

  private decayed(value: Tensor, { learningRate, weightDecay }: AdamNumbers): Tensor {
    return weightDecay ? this.b.mul(value, 1 - learningRate * weightDecay) : value;
  }

  /** RoPE: rotates each head of x f32 [N, heads x headSize] by its position: x cos + (x R) sin, where R swaps pairs. */
  private rotate(
    x: Tensor,
    { cos, sin }: Angles,
    { length, headSize, pairing }: HeadLayout,
    back = false,
  ): Tensor {
    const { b } = this;
    const half = headSize / 2;
    const heads = x.shape[1]! / headSize;
    // Both components of a pair share an angle: [length, headSize / 2] -> [1, length, 1, headSize].
    const twice = (angle: Tensor) =>
      pairing === 'halves'
        ? b.reshape(b.concat([angle, angle], 1), [1, length, 1, headSize])
        : b.reshape(
            b.concat(
              [0, 1].map(() => b.reshape(angle, [length, half, 1])),
              2,
            ),
            [1, length, 1, headSize],
          );
    const swap = new Float32Array(headSize * headSize);
    for (let i = 0; i < half; i += 1) {
      const [first, other] = pairing === 'halves' ? [i, i + half] : [2 * i, 2 * i + 1];
      swap[other * headSize + first] = back ? 1 : -1;
      swap[first * headSize + other] = back ? -1 : 1;
    }
    // [N x heads, headSize]
    const swapped = b.matmul(b.reshape(x, [-1, headSize]), b.tensor(swap, [headSize, headSize]));
    const apart = [-1, length, heads, headSize];
    const turned = b.add(
      b.mul(b.reshape(x, apart), twice(cos)),
      b.mul(b.reshape(swapped, apart), twice(sin)),
    );
    return b.reshape(turned, x.shape);
  }

  /** [batch x length, kvHeads x w] -> [batch x kvHeads, length, w] */
  private split(x: Tensor, { length, kvHeads }: HeadLayout): Tensor {
    const { b } = this;
    const width = x.shape[1]! / kvHeads;
    const parted = b.transpose(b.reshape(x, [-1, length, kvHeads, width]), [0, 2, 1, 3]);
    return b.reshape(parted, [-1, length, width]);
  }

  /** The reverse of split. */
  private join(x: Tensor, { length, kvHeads }: HeadLayout): Tensor {
    const { b } = this;
    const width = x.shape[2]!;
    const parted = b.transpose(b.reshape(x, [-1, kvHeads, length, width]), [0, 2, 1, 3]);
    return b.reshape(parted, [-1, kvHeads * width]);
  }

  /** [1 or batch, 1, rows x group, keys]: HIDDEN for keys after the query or before its document, else 0. */
  private hide({ length, begin, rows, from, group, starts }: QueryChunk, keys: number): Tensor {
    const { b } = this;
    const queries = rows * group;
    const position = Float32Array.from({ length: queries }, (_, i) => begin + Math.floor(i / group));
    const query = b.tensor(position, [1, 1, queries, 1]);
    const key = b.tensor(
      Float32Array.from({ length: keys }, (_, i) => from + i),
      [1, 1, 1, keys],
    );
    // 1 where x is larger, else 0; both hold integers.
    const larger = (x: Tensor, y: Tensor) => b.mul(b.add(b.sign(b.sub(b.sub(x, y), 0.5)), 1), 0.5);
    const after = larger(key, query); // [1, 1, rows x group, keys]
    if (!starts) return b.mul(after, MASKED);
    // [batch, rows], then each repeated for its group: [batch, rows, group]
    const own = b.slice(b.reshape(starts, [-1, length]), [0, begin], [starts.shape[0]! / length, rows]);
    const repeated = b.reshape(b.cast(own, 'f32'), [-1, rows, 1]);
    const each = b.concat(
      Array.from({ length: group }, () => repeated),
      2,
    );
    return b.mul(b.add(after, larger(b.reshape(each, [-1, 1, queries, 1]), key)), MASKED);
  }

  /** The two halves [N, w] of [N, 2 w], in f32. */
  private halves(gateUp: Tensor): { gate: Tensor; up: Tensor } {
    const [rows, columns] = gateUp.shape as [number, number];
    const half = (begin: number) => this.f32(this.b.slice(gateUp, [0, begin], [rows, columns / 2]));
    return { gate: half(0), up: half(columns / 2) };
  }

  /** Returns the result of `body` and frees `old`, which it consumes. */
  private consuming(old: Tensor, body: () => Tensor): Tensor {
    const made = this.b.arena(body);
    this.b.dispose(old);
    return made;
  }

  private as(dtype: DataType, x: Tensor): Tensor {
    return x.dtype === dtype ? x : this.b.cast(x, dtype as 'f32' | 'bf16');
  }
  private f32(x: Tensor): Tensor {
    return this.as('f32', x);
  }
}

function joined(parts: readonly Float32Array[], count: number): Float32Array {
  const whole = new Float32Array(count);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

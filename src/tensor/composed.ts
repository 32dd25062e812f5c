/** The compound operations built from basic ones: the reference for the kernels, and the fallback without them. */
import type { DataType, Tensor } from './backend.ts';
import { dequantise } from '../gguf/dequantise.ts';
import { byteLengthOf, elementCount, type TensorType } from '../gguf/types.ts';
import { cast, f32, halves, joinByHead, splitByHead, type Basics } from './forms.ts';
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
    return this.b.arena(() => cast(this.b, this.b.tensor(numbers, [rows, columns]), dtype));
  }

  norm(x: Tensor, gain: Tensor, epsilon: number, dtype: DataType): { y: Tensor; inverse: Tensor } {
    const { b } = this;
    return b.arena(() => {
      const inverse = b.rsqrt(b.add(b.mean(b.square(x), 1, true), epsilon)); // [N, 1]
      return { y: cast(b, b.mul(b.mul(x, inverse), gain), dtype), inverse };
    });
  }

  /** With g = gain dy [N, d]: dx = g / rms - x mean(g x) / rms^3. */
  normGradient(dy: Tensor, x: Tensor, inverse: Tensor, gain: Tensor, residual?: Tensor): Tensor {
    const { b } = this;
    return b.arena(() => {
      const g = b.mul(f32(b, dy), gain);
      const pull = b.mul(b.mean(b.mul(g, x), 1, true), b.mul(inverse, b.square(inverse)));
      const dx = b.sub(b.mul(g, inverse), b.mul(x, pull));
      return residual ? b.add(dx, residual) : dx;
    });
  }

  add = (x: Tensor, y: Tensor): Tensor => this.b.arena(() => this.b.add(x, f32(this.b, y)));

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
      const [gate, up] = halves(b, gateUp); // [N, w] each
      return cast(b, b.mul(b.mul(gate, b.sigmoid(gate)), up), gateUp.dtype);
    });
  }

  /** y = silu(g) u; silu'(g) = s + g s (1 - s) with s = sigmoid(g). */
  swigluGradient(gateUp: Tensor, dProduct: Tensor): Tensor {
    const { b } = this;
    return b.arena(() => {
      const [gate, up] = halves(b, gateUp);
      const d = f32(b, dProduct);
      const s = b.sigmoid(gate);
      const silu = b.mul(gate, s);
      const slope = b.sub(b.add(s, silu), b.mul(s, silu));
      const parts = [b.mul(b.mul(d, up), slope), b.mul(d, silu)].map((x) => cast(b, x, gateUp.dtype));
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
        cast(b, b.mul(this.rotate(f32(b, part(from, count)), angles, layout), scale), qkv.dtype);
      return {
        q: splitByHead(b, turned(0, heads, headSize ** -0.5), layout),
        k: splitByHead(b, turned(heads, kvHeads, 1), layout),
        v: splitByHead(b, part(heads + kvHeads, kvHeads), layout),
      };
    });
  }

  joinHeads(dq: Tensor, dk: Tensor, dv: Tensor, angles: Angles, layout: HeadLayout): Tensor {
    const { b } = this;
    return b.arena(() => {
      const back = (x: Tensor) => this.rotate(joinByHead(b, x, layout), angles, layout, true);
      const parts = [b.mul(back(f32(b, dq)), layout.headSize ** -0.5), back(dk), joinByHead(b, dv, layout)];
      return cast(b, b.concat(parts, 1), dq.dtype);
    });
  }

  maskedSoftmax(scores: Tensor, chunk: QueryChunk): Tensor {
    const { b } = this;
    chunk.hidden ??= b.keep(b.arena(() => this.hide(chunk, scores.shape[2]!)));
    const { hidden } = chunk;
    return this.consuming(scores, () => {
      // [batch, kvHeads, rows x group, keys], or [1, batch x kvHeads, ..] if all sequences share one mask
      const apart = b.reshape(f32(b, scores), [hidden.shape[0]!, -1, ...scores.shape.slice(1)]);
      return cast(b, b.reshape(b.softmax(b.add(apart, hidden)), scores.shape), scores.dtype);
    });
  }

  softmaxGradient(p: Tensor, dp: Tensor): Tensor {
    const { b } = this;
    return this.consuming(dp, () => {
      const [probabilities, d] = [f32(b, p), f32(b, dp)];
      const dot = b.sum(b.mul(probabilities, d), 2, true); // [batch x kvHeads, rows x group, 1]
      return cast(b, b.mul(probabilities, b.sub(d, dot)), dp.dtype);
    });
  }

  addKeys(sum: Tensor, part: Tensor, { from }: QueryChunk): Tensor {
    const { b } = this;
    const [outer, length, width] = sum.shape as [number, number, number];
    const end = from + part.shape[1]!;
    const rows = (begin: number, stop: number) =>
      stop > begin ? [b.slice(sum, [0, begin, 0], [outer, stop - begin, width])] : [];
    return this.consuming(sum, () => {
      const added = b.add(rows(from, end)[0]!, f32(b, part));
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
      const { losses, gradient } = b.crossEntropy(f32(b, logits), labels);
      if (!weights) return { losses, gradient: undefined };
      return {
        losses,
        gradient: cast(b, b.mul(gradient, b.reshape(weights, [labels.shape[0]!, 1])), logits.dtype),
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
      return scale === 1 ? f32(b, cut) : b.mul(f32(b, cut), scale);
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
          cast(b, b.mul(block, scale), whole.dtype),
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

  /** Returns the result of `body` and frees `old`, which it consumes. */
  private consuming(old: Tensor, body: () => Tensor): Tensor {
    const made = this.b.arena(body);
    this.b.dispose(old);
    return made;
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

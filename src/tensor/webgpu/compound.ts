/** The compound operations on a GPU, each in one or two passes over memory. */
import { elementCount, byteLengthOf, type TensorType } from '../../gguf/types.ts';
import type { Backend, DataType, Tensor } from '../backend.ts';
import {
  MAX_COMBINED_ELEMENTS,
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
} from '../compound.ts';
import { wordsOf } from '../words.ts';
import type { Binding, Numbers } from './gpu.ts';
import { lanesFor, MAX_AXES, type Kernel } from './kernel.ts';
import { GpuProducts } from './linear-products.ts';
import { FlashAttention } from './flash-attention.ts';
import { maskedSoftmax, softmaxGradient } from './kernels/attention.ts';
import { crossEntropy } from './kernels/cross-entropy.ts';
import { dequantise } from './kernels/dequantise.ts';
import { addMasked, addScaled, binary, copy, putBlocks, unary } from './kernels/elementwise.ts';
import { joinHeads, splitHeads } from './kernels/heads.ts';
import { norm, normGradient } from './kernels/norm.ts';
import { adamw, lionw } from './kernels/optimisers.ts';
import { swiglu, swigluGradient } from './kernels/swiglu.ts';
import type { Launcher } from './launcher.ts';
import { sumsOfSquares } from './reductions.ts';
import { dense, rowPieces, stridesOf, walkOver, type Walk } from './walk.ts';

/** The basic operations used here; everything else is done by kernels. */
type Basics = Pick<Backend, 'add' | 'arena' | 'keep' | 'dispose' | 'tensor' | 'matmul' | 'compound'>;

export class WebgpuCompound implements Compound {
  readonly keepsQuantised = true;
  attention: FlashAttention | undefined;
  products: GpuProducts | undefined;

  constructor(
    private readonly b: Basics,
    private readonly launcher: Launcher,
  ) {
    this.attention = new FlashAttention(b, launcher);
    this.products = new GpuProducts(b, launcher);
  }

  /** Disables these optional kernels, because the driver computes them incorrectly. */
  disable(kinds: readonly ('attention' | 'products' | 'makeContiguous')[]): void {
    for (const kind of kinds) this[kind] = undefined;
    if (!this.makeContiguous) this.sumsOfSquares = this.putAll = undefined;
  }

  store(type: TensorType, bytes: Uint8Array, [rows, columns]: readonly [number, number]): StoredMatrix {
    const words = wordsOf(bytes);
    return { type, rows, columns, bytes: this.b.keep(this.b.tensor(words, [words.length])) };
  }

  dequantise(matrices: readonly StoredMatrix[], _dtype: DataType, indices?: Int32Array): Tensor {
    const { launcher } = this;
    const { columns } = matrices[0]!;
    if (indices) return this.chosenRows(matrices[0]!, indices);
    const numbers = launcher.fresh([matrices.reduce((sum, { rows }) => sum + rows, 0), columns]);
    let above = 0;
    for (const { type, rows, bytes } of matrices) {
      const stride = byteLengthOf(type, columns);
      // The data may begin anywhere in the bound part.
      const most = launcher.gpu.maxBindingSize - 256;
      for (const { begin, count } of rowPieces(rows, [stride, columns * 4], most)) {
        const stored = launcher.bytes(bytes as Tensor, begin * stride, count * stride);
        const target = launcher.part(numbers, (above + begin) * columns, count * columns);
        launcher.threads(
          dequantise(type),
          { bytes: stored, chosen: launcher.gpu.nothing, numbers: target.binding },
          { columns, stride, rows: count, first: 0, choose: 0, begin: target.rest },
          count * columns,
        );
      }
      above += rows;
    }
    return numbers;
  }

  private chosenRows({ type, rows, columns, bytes }: StoredMatrix, indices: Int32Array): Tensor {
    const { b, launcher } = this;
    const stride = byteLengthOf(type, columns);
    return b.arena(() => {
      const chosen = launcher.whole(b.tensor(indices, [indices.length]));
      const numbers = launcher.fresh([indices.length, columns]);
      for (const { begin, count } of rowPieces(rows, [stride], launcher.gpu.maxBindingSize))
        launcher.threads(
          dequantise(type),
          {
            bytes: launcher.bytes(bytes as Tensor, begin * stride, count * stride),
            chosen,
            numbers: launcher.whole(numbers),
          },
          { columns, stride, rows: count, first: begin, choose: 1, begin: 0 },
          indices.length * columns,
        );
      return numbers;
    });
  }

  norm(x: Tensor, gain: Tensor, epsilon: number): { y: Tensor; inverse: Tensor } {
    const { launcher } = this;
    const [rows, width] = x.shape as [number, number];
    const y = launcher.fresh(x.shape);
    const inverse = launcher.fresh([rows, 1]);
    launcher.byRows(rows, [width, 1], ({ count }, bind) => {
      const parts = { x: bind(x, width), y: bind(y, width), inverses: bind(inverse, 1) };
      const bindings = { ...parts, gain: launcher.whole(gain) };
      launcher.workgroups(norm(lanesFor(width)), bindings, { width, epsilon }, count);
    });
    return { y, inverse };
  }

  normGradient(dy: Tensor, x: Tensor, inverse: Tensor, gain: Tensor, residual?: Tensor): Tensor {
    const { launcher } = this;
    const [rows, width] = x.shape as [number, number];
    const dx = launcher.fresh(x.shape);
    launcher.byRows(rows, [width, 1], ({ count }, bind) => {
      const inputs = { dy: bind(dy, width), x: bind(x, width), inverses: bind(inverse, 1) };
      const past = residual ? bind(residual, width) : launcher.gpu.nothing;
      const bindings = { ...inputs, gain: launcher.whole(gain), residual: past, dx: bind(dx, width) };
      const numbers = { width, adds: Number(residual !== undefined) };
      launcher.workgroups(normGradient(lanesFor(width)), bindings, numbers, count);
    });
    return dx;
  }

  add = (x: Tensor, y: Tensor): Tensor => this.b.add(x, y);

  addInto(x: Tensor, y: Tensor, mask?: Mask): Tensor {
    if (!mask) this.launcher.walk(addScaled, [y, x], flat(x, [0, 0]), { s: 1 });
    else this.launcher.walk(addMasked, [y, mask.table, x], flat(x, [0, mask.begin, 0]));
    return x;
  }

  multiply(x: Tensor, { table, begin }: Mask): Tensor {
    const y = this.launcher.fresh(x.shape);
    this.launcher.walk(binary('mul'), [x, table, y], flat(x, [0, begin, 0]));
    return y;
  }

  swiglu(gateUp: Tensor): Tensor {
    const { launcher } = this;
    const [rows, both] = gateUp.shape as [number, number];
    const width = both / 2;
    const y = launcher.fresh([rows, width]);
    launcher.byRows(rows, [both, width], ({ count }, bind) => {
      const bindings = { gateUp: bind(gateUp, both), y: bind(y, width) };
      launcher.threads(swiglu, bindings, { width }, count * width);
    });
    return y;
  }

  swigluGradient(gateUp: Tensor, dProduct: Tensor): Tensor {
    const { launcher } = this;
    const [rows, both] = gateUp.shape as [number, number];
    const width = both / 2;
    const dGateUp = launcher.fresh(gateUp.shape);
    launcher.byRows(rows, [both, width], ({ count }, bind) => {
      const bindings = {
        gateUp: bind(gateUp, both),
        dy: bind(dProduct, width),
        dGateUp: bind(dGateUp, both),
      };
      launcher.threads(swigluGradient, bindings, { width }, count * width);
    });
    return dGateUp;
  }

  splitHeads(qkv: Tensor, angles: Angles, layout: HeadLayout): { q: Tensor; k: Tensor; v: Tensor } {
    const { launcher } = this;
    const { length, heads, kvHeads, headSize } = layout;
    const outer = (qkv.shape[0]! / length) * kvHeads;
    const q = launcher.fresh([outer, length, (heads / kvHeads) * headSize]);
    const k = launcher.fresh([outer, length, headSize]);
    const v = launcher.fresh([outer, length, headSize]);
    this.bySequences(splitHeads, { qkv, q, k, v }, angles, layout);
    return { q, k, v };
  }

  joinHeads(dq: Tensor, dk: Tensor, dv: Tensor, angles: Angles, layout: HeadLayout): Tensor {
    const { heads, kvHeads, headSize } = layout;
    const rows = elementCount(dk.shape) / (kvHeads * headSize);
    const dqkv = this.launcher.fresh([rows, (heads + 2 * kvHeads) * headSize]);
    this.bySequences(joinHeads, { dq, dk, dv, dqkv }, angles, layout);
    return dqkv;
  }

  /** Runs a kernel with a thread for each element of q, k and v, by batches of sequences. */
  private bySequences(
    kernel: Kernel,
    tensors: Record<string, Tensor>,
    angles: Angles,
    layout: HeadLayout,
  ): void {
    const { launcher } = this;
    const { length, heads, kvHeads, headSize } = layout;
    const width = length * headSize;
    const batch = elementCount((tensors['k'] ?? tensors['dk']!).shape) / (kvHeads * width);
    const bindings = { cosines: launcher.whole(angles.cos), sines: launcher.whole(angles.sin) };
    const all = (heads + 2 * kvHeads) * width;
    launcher.byRows(batch, [all, heads * width, kvHeads * width], ({ count }, bind) => {
      const parts = Object.entries(tensors).map(([name, x]) => [
        name,
        bind(x, elementCount(x.shape) / batch),
      ]);
      launcher.threads(
        kernel,
        { ...bindings, ...(Object.fromEntries(parts) as Record<string, Binding>) },
        headNumbers(layout),
        count * all,
      );
    });
  }

  maskedSoftmax(scores: Tensor, chunk: QueryChunk): Tensor {
    const { launcher } = this;
    const [outer, queries, keys] = scores.shape as [number, number, number];
    const { begin: firstQuery, from: firstKey, group, kvHeads, length, starts } = chunk;
    const places = { keys, queries, group, kvHeads, length, firstQuery, firstKey };
    launcher.byRows(outer * queries, [keys], ({ begin: above, count }, bind) => {
      const bindings = {
        scores: bind(scores, keys),
        starts: starts ? launcher.whole(starts) : launcher.gpu.nothing,
      };
      const numbers = { ...places, documents: Number(starts !== undefined), above };
      launcher.workgroups(maskedSoftmax(lanesFor(keys)), bindings, numbers, count);
    });
    return scores;
  }

  softmaxGradient(p: Tensor, dp: Tensor): Tensor {
    const { launcher } = this;
    const width = p.shape.at(-1)!;
    launcher.byRows(elementCount(p.shape) / width, [width], ({ count }, bind) => {
      const bindings = { probabilities: bind(p, width), d: bind(dp, width) };
      launcher.workgroups(softmaxGradient(lanesFor(width)), bindings, { width }, count);
    });
    return dp;
  }

  addKeys(sum: Tensor, part: Tensor, { from }: QueryChunk): Tensor {
    const strides = stridesOf(sum.shape);
    const walk = walkOver(part.shape, [stridesOf(part.shape), strides], [0, from * strides[1]!]);
    this.launcher.walk(addScaled, [part, sum], walk, { s: 1 });
    return sum;
  }

  crossEntropy(
    logits: Tensor,
    labels: Tensor,
    weights?: Tensor,
  ): { losses: Tensor; gradient: Tensor | undefined } {
    const { launcher } = this;
    const [rows, width] = logits.shape as [number, number];
    const losses = launcher.fresh([rows]);
    launcher.byRows(rows, [width], ({ begin: above, count }, bind) => {
      const bindings = {
        logits: bind(logits, width),
        labels: launcher.whole(labels),
        weights: weights ? launcher.whole(weights) : launcher.gpu.nothing,
        losses: launcher.whole(losses),
      };
      const numbers = { width, gradient: Number(weights !== undefined), above };
      launcher.workgroups(crossEntropy, bindings, numbers, count);
    });
    if (weights) return { losses, gradient: logits };
    this.b.dispose(logits);
    return { losses, gradient: undefined };
  }

  accumulate(
    sum: Tensor | undefined,
    shape: readonly number[],
    part: Tensor,
    place: MatrixBlock = {},
    into?: Tensor,
  ): Tensor {
    const { launcher } = this;
    const { scale = 1 } = place;
    if (!sum && !into && scale === 1 && part.shape.join() === shape.join()) return part;
    const walk = (to: Tensor) => blockWalk(part, place, to, {}, shape);
    if (sum) {
      launcher.walk(addScaled, [part, sum], walk(sum), { s: scale });
      return sum;
    }
    const fresh = into ?? launcher.fresh(shape);
    launcher.walk(unary('mul'), [part, fresh], walk(fresh), { s: scale });
    return fresh;
  }

  put(whole: Tensor, block: Tensor, place: MatrixBlock = {}): Tensor {
    const walk = blockWalk(block, {}, whole, place, block.shape);
    this.launcher.walk(unary('mul'), [block, whole], walk, { s: place.scale ?? 1 });
    return whole;
  }

  makeContiguous: Compound['makeContiguous'] = (tensors) => {
    const { launcher } = this;
    const small = tensors.filter((x) => elementCount(x.shape) <= MAX_COMBINED_ELEMENTS);
    const places = launcher.contiguousZeros(small.map(({ shape }) => shape));
    for (const [i, x] of small.entries()) launcher.walk(copy, [x, places[i]!], dense(x.shape, 2));
    this.b.dispose(small);
    return tensors.map((x) => (elementCount(x.shape) <= MAX_COMBINED_ELEMENTS ? places.shift()! : x));
  };

  sumsOfSquares: Compound['sumsOfSquares'] = (xs) => sumsOfSquares(this.launcher, xs);

  putAll: Compound['putAll'] = (whole, blocks, scale) => {
    const { launcher } = this;
    const binding = launcher.shared(blocks.map(({ block }) => block));
    if (!binding || blocks.length > MAX_AXES || !launcher.canBind(whole)) {
      for (const { block, row, column } of blocks) this.put(whole, block, { row, column, scale });
      return whole;
    }
    const stride = whole.shape[1]!;
    let count = 0;
    const axes = blocks.map(({ block, row, column }, i) => {
      count += elementCount(block.shape);
      return { size: count, strides: [binding.begins[i]!, row * stride + column, block.shape[1]!] };
    });
    const bindings = { blocks: binding.binding, whole: launcher.whole(whole) };
    launcher.threads(putBlocks, bindings, { axes, stride, s: scale }, count);
    return whole;
  };

  adamw(states: readonly AdamState[], numbers: AdamNumbers): Updated<AdamState>[] {
    const { beta1, beta2, epsilon = 0, step } = numbers;
    const corrections = { epsilon, inverse1: 1 / (1 - beta1 ** step), inverse2: 1 / (1 - beta2 ** step) };
    const names = ['value', 'first', 'second', 'gradient'] as const;
    this.update(adamw, states, names, { ...stepNumbers(numbers), ...corrections });
    return states.map(({ value, first, second }) => ({ value, first, second }));
  }

  lionw(states: readonly LionState[], numbers: AdamNumbers): Updated<LionState>[] {
    this.update(lionw, states, ['value', 'first', 'gradient'], stepNumbers(numbers));
    return states.map(({ value, first }) => ({ value, first }));
  }

  /** Runs a kernel over all elements of each state. */
  private update<N extends string>(
    kernel: Kernel,
    states: readonly Record<N, Tensor>[],
    names: readonly N[],
    numbers: Numbers,
  ): void {
    for (const { firsts, count } of this.launcher.runs(
      names.map((name) => states.map((state) => state[name])),
    )) {
      const tensors = Object.fromEntries(names.map((name, i) => [name, firsts[i]!]));
      this.launcher.each(kernel, tensors, count, numbers);
    }
  }
}

/** A walk over all elements of x in order and, in parallel, over other tensors starting at `begins`. */
const flat = (x: Tensor, begins: number[]): Walk => ({
  axes: [{ size: elementCount(x.shape), strides: begins.map(() => 1) }],
  begins,
});

/** A walk over a block of `shape`, which may begin at different places in `from` and `to`. */
function blockWalk(
  from: Tensor,
  fromPlace: MatrixBlock,
  to: Tensor,
  toPlace: MatrixBlock,
  shape: readonly number[],
): Walk {
  const strides = [stridesOf(from.shape), stridesOf(to.shape)];
  const begins = [fromPlace, toPlace].map(({ row = 0, column = 0 }, k) =>
    shape.length > 1 ? row * strides[k]![0]! + column : column,
  );
  return walkOver(shape, strides, begins);
}

function headNumbers({ length, heads, kvHeads, headSize, pairing }: HeadLayout) {
  const neighbours = Number(pairing === 'neighbours');
  return { length, heads, kvHeads, headSize, neighbours, scale: headSize ** -0.5 };
}

function stepNumbers({ learningRate, beta1, beta2, gradientScale, weightDecay }: AdamNumbers) {
  return { learningRate, beta1, beta2, gradientScale, kept: 1 - learningRate * weightDecay };
}

/** The basic operations on a GPU, implemented by the kernels in kernels/. All floats are f32. */
import { elementCount } from '../../gguf/types.ts';
import type { Adapter } from '../../protocol/doctor.ts';
import { ArenaBackend } from '../arena.ts';
import type { Backend, DataType, MatmulOptions, Tensor } from '../backend.ts';
import { WebgpuCompound } from './compound.ts';
import type { Gpu } from './gpu.ts';
import { lanesFor } from './kernel.ts';
import {
  binary,
  copy,
  addScaled,
  fill,
  fromInteger,
  unary,
  type FunctionName,
  type OperatorName,
} from './kernels/elementwise.ts';
import { axisSums, logSoftmax, rowSums, softmax } from './kernels/reductions.ts';
import { addAt, gather } from './kernels/rows.ts';
import { ELEMENT, Launcher, asGpuTensor } from './launcher.ts';
import { fitsUnsplit, multiply, multiplyFused } from './products.ts';
import { sumsOfSquares } from './reductions.ts';
import { broadcastShape, dense, repeatedStrides, stridesOf, walkOver } from './walk.ts';
import type { Text } from '../../text/message.ts';

export class WebgpuBackend extends ArenaBackend implements Backend {
  readonly name = 'webgpu';
  /** f16 if the self-test allows it. */
  precisions: readonly 'f16'[] = [];
  readonly compound: WebgpuCompound;
  readonly launcher: Launcher;

  constructor(
    readonly gpu: Gpu,
    public reason: Text,
    readonly device: Adapter,
  ) {
    super();
    this.launcher = new Launcher(gpu, (tensor) => this.made(tensor));
    this.compound = new WebgpuCompound(this, this.launcher);
  }

  multiplyIn(precision: 'f32' | 'f16'): void {
    this.launcher.half = precision === 'f16';
  }

  // Upload and read back

  tensor(data: Float32Array | Int32Array, shape: readonly number[]): Tensor {
    return this.launcher.own(this.gpu.upload(data), shape, data instanceof Float32Array ? 'f32' : 'i32');
  }

  zeros(shape: readonly number[], dtype: DataType = 'f32'): Tensor {
    if (dtype === 'bf16') throw new Error('The webgpu backend has no bf16.');
    return this.filled(shape, 0, dtype);
  }

  async read(x: Tensor): Promise<Float32Array> {
    const { storage, shape, dtype, begin } = asGpuTensor(x);
    const bytes = await this.gpu.read(storage, begin * ELEMENT, elementCount(shape) * ELEMENT);
    return dtype === 'i32' ? Float32Array.from(new Int32Array(bytes)) : new Float32Array(bytes);
  }

  // Shape

  /** Shares x's memory. One size may be -1. */
  reshape(x: Tensor, shape: readonly number[]): Tensor {
    const known = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
    const whole = shape.map((size) => (size === -1 ? elementCount(x.shape) / known : size));
    if (elementCount(whole) !== elementCount(x.shape))
      throw new Error(`[${x.shape.join()}] can't be reshaped to [${shape.join()}].`);
    return this.launcher.view(x, whole);
  }

  transpose(x: Tensor, permutation: readonly number[]): Tensor {
    const strides = stridesOf(x.shape);
    const shape = permutation.map((axis) => x.shape[axis]!);
    return this.copied(x, shape, [permutation.map((axis) => strides[axis]!), 0]);
  }

  slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor {
    const strides = stridesOf(x.shape);
    const first = begin.reduce((sum, at, axis) => sum + at * strides[axis]!, 0);
    return this.copied(x, size, [strides, first]);
  }

  concat(xs: readonly Tensor[], axis: number): Tensor {
    const [tensor] = xs as [Tensor];
    if (xs.length === 1) return this.launcher.view(tensor, tensor.shape);
    const length = xs.reduce((sum, { shape }) => sum + shape[axis]!, 0);
    const shape = tensor.shape.map((size, i) => (i === axis ? length : size));
    const y = this.launcher.fresh(shape, tensor.dtype);
    const strides = stridesOf(shape);
    let at = 0;
    for (const x of xs) {
      this.launcher.walk(
        copy,
        [x, y],
        walkOver(x.shape, [stridesOf(x.shape), strides], [0, at * strides[axis]!]),
      );
      at += x.shape[axis]!;
    }
    return y;
  }

  cast(x: Tensor, dtype: 'f32' | 'bf16'): Tensor {
    if (dtype === 'bf16') throw new Error('The webgpu backend has no bf16.');
    if (x.dtype === 'f32') return this.launcher.view(x, x.shape);
    const y = this.launcher.fresh(x.shape);
    this.launcher.walk(fromInteger, [x, y], dense(x.shape, 2));
    return y;
  }

  // Elementwise

  add = (a: Tensor, b: Tensor | number) => this.combine('add', a, b);
  sub = (a: Tensor, b: Tensor | number) => this.combine('sub', a, b);
  mul = (a: Tensor, b: Tensor | number) => this.combine('mul', a, b);
  div = (a: Tensor, b: Tensor | number) => this.combine('div', a, b);
  square = (x: Tensor) => this.apply('square', x);
  sqrt = (x: Tensor) => this.apply('sqrt', x);
  rsqrt = (x: Tensor) => this.apply('rsqrt', x);
  sigmoid = (x: Tensor) => this.apply('sigmoid', x);
  sign = (x: Tensor) => this.apply('sign', x);

  // Along an axis

  sum = (x: Tensor, axis: number, keep = false) => this.sums(x, axis, keep, 1);
  mean = (x: Tensor, axis: number, keep = false) => this.sums(x, axis, keep, 1 / x.shape[axis]!);
  softmax = (x: Tensor) => this.alongRows(softmax, x);
  logSoftmax = (x: Tensor) => this.alongRows(logSoftmax, x);

  sumOfSquares(x: Tensor): Tensor {
    return this.arena(() => {
      const parts = sumsOfSquares(this.launcher, [x]);
      return this.sum(parts, 0);
    });
  }

  // Products and lookups

  matmul(a: Tensor, b: Tensor, { transposeA = false, transposeB = false }: MatmulOptions = {}): Tensor {
    const outer = a.shape.slice(0, -2);
    const [m, k] = a.shape.slice(-2) as [number, number];
    const [rows, inner] = transposeA ? [k, m] : [m, k];
    const columns = b.shape.at(transposeB ? -2 : -1)!;
    if (
      b.shape.at(transposeB ? -1 : -2) !== inner ||
      elementCount(b.shape.slice(0, -2)) !== elementCount(outer)
    )
      throw new Error(`[${a.shape.join()}] and [${b.shape.join()}] can't be multiplied.`);
    const sizes = { rows, columns, inner, batch: elementCount(outer), transposeA, transposeB };
    const c = this.launcher.fresh([...outer, rows, columns]);
    if (fitsUnsplit(this.launcher, sizes, a, b))
      this.arena(() => multiplyFused(this.launcher, { a, b, sizes }, c));
    else multiply(this.launcher, a, b, c, sizes);
    return c;
  }

  gather(table: Tensor, indices: Tensor): Tensor {
    const [rows, width] = table.shape as [number, number];
    const y = this.launcher.fresh([indices.shape[0]!, width], table.dtype);
    this.launcher.byRows(rows, [width], ({ begin: first, count: tableRows }, bind) => {
      const bindings = {
        table: { ...bind(table, width), used: Math.min(elementCount(y.shape), tableRows * width) * ELEMENT },
        indices: this.launcher.whole(indices),
        y: this.launcher.whole(y),
      };
      this.launcher.threads(gather, bindings, { width, first, tableRows }, elementCount(y.shape));
    });
    return y;
  }

  crossEntropy(logits: Tensor, labels: Tensor): { losses: Tensor; gradient: Tensor } {
    return this.arena(() => {
      const ones = this.filled(labels.shape, 1);
      const copied = this.copied(logits, logits.shape, [stridesOf(logits.shape), 0]);
      const { losses, gradient } = this.compound.crossEntropy(copied, labels, ones);
      return { losses, gradient: gradient! };
    });
  }

  // In place

  addRows(x: Tensor, rows: Tensor, indices?: Tensor): Tensor {
    const { launcher } = this;
    if (!indices) {
      launcher.walk(addScaled, [rows, x], dense(rows.shape, 2), { s: 1 });
      return x;
    }
    const width = elementCount(x.shape.slice(1));
    launcher.byRows(x.shape[0]!, [width], ({ begin: first, count: tableRows }, bind) => {
      const bindings = {
        parts: launcher.whole(rows),
        indices: launcher.whole(indices),
        table: bind(x, width),
      };
      launcher.workgroups(addAt, bindings, { width, first, tableRows }, rows.shape[0]!);
    });
    return x;
  }

  setRows(x: Tensor, rows: Tensor, begin: number): Tensor {
    const walk = dense(rows.shape, 2);
    this.launcher.walk(copy, [rows, x], { ...walk, begins: [0, begin * elementCount(x.shape.slice(1))] });
    return x;
  }

  // Helpers

  /** Integer tensors can only be filled with 0, whose bits equal the float's. */
  private filled(shape: readonly number[], value: number, dtype: DataType = 'f32'): Tensor {
    const y = this.launcher.fresh(shape, dtype);
    this.launcher.each(fill, { y }, elementCount(shape), { begin: 0, value });
    return y;
  }

  private copied(x: Tensor, shape: readonly number[], [strides, begin]: [readonly number[], number]): Tensor {
    const y = this.launcher.fresh(shape, x.dtype);
    this.launcher.walk(copy, [x, y], walkOver(shape, [strides, stridesOf(shape)], [begin, 0]));
    return y;
  }

  private apply(name: FunctionName, x: Tensor, s = 0): Tensor {
    const y = this.launcher.fresh(x.shape);
    this.launcher.walk(unary(name), [x, y], dense(x.shape, 2), { s });
    return y;
  }

  private combine(name: OperatorName, a: Tensor, b: Tensor | number): Tensor {
    if (typeof b === 'number') return this.apply(name, a, b);
    const shape = broadcastShape(a.shape, b.shape);
    const z = this.launcher.fresh(shape);
    const strides = [repeatedStrides(a.shape, shape), repeatedStrides(b.shape, shape), stridesOf(shape)];
    this.launcher.walk(binary(name), [a, b, z], walkOver(shape, strides));
    return z;
  }

  private sums(x: Tensor, axis: number, keep: boolean, scale: number): Tensor {
    const { launcher } = this;
    const length = x.shape[axis]!;
    const outer = elementCount(x.shape.slice(0, axis));
    const inner = elementCount(x.shape.slice(axis + 1));
    const sums = launcher.fresh(x.shape.flatMap((size, i) => (i === axis ? (keep ? [1] : []) : [size])));
    launcher.byRows(outer, [length * inner, inner], ({ count }, bind) => {
      const bindings = { x: bind(x, length * inner), sums: bind(sums, inner) };
      if (inner === 1)
        launcher.workgroups(rowSums(lanesFor(length)), bindings, { width: length, scale }, count);
      else launcher.threads(axisSums, bindings, { length, inner, scale }, count * inner);
    });
    return sums;
  }

  private alongRows(kernel: typeof softmax, x: Tensor): Tensor {
    const width = x.shape.at(-1)!;
    const y = this.launcher.fresh(x.shape);
    this.launcher.byRows(elementCount(x.shape) / width, [width], ({ count }, bind) => {
      const bindings = { x: bind(x, width), y: bind(y, width) };
      this.launcher.workgroups(kernel(lanesFor(width)), bindings, { width }, count);
    });
    return y;
  }
}

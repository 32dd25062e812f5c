/** TF.js's WebAssembly backend: much slower, but runs everywhere without installation. f32 only. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../text/errors.ts';
import { msg, type Text, joinTexts } from '../text/message.ts';
import { ArenaBackend, Handle } from './arena.ts';
import type { Backend, DataType, MatmulOptions, Tensor } from './backend.ts';
import { Composed } from './composed.ts';
import { threadedBackend } from './wasm-threads.ts';

class WasmHandle extends Handle {
  readonly dtype: DataType;
  constructor(readonly inner: tf.Tensor) {
    super();
    this.dtype = inner.dtype === 'int32' ? 'i32' : 'f32';
  }
  get shape(): readonly number[] {
    return this.inner.shape;
  }
  release(): void {
    this.inner.dispose();
  }
}

/** dist/wasm/: next to the bundle, or relative to the sources. */
function wasmFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const bundled = join(here, 'wasm');
  return existsSync(bundled) ? bundled : join(here, '../../dist/wasm');
}

/** Throws UserError `backend-unavailable` if WebAssembly does not start. */
export async function startWasm(reason: Text): Promise<Backend> {
  try {
    const backend = await threadedBackend(wasmFolder());
    tf.removeBackend('wasm');
    tf.registerBackend('wasm', () => backend);
    await tf.setBackend('wasm');
  } catch (error) {
    throw new UserError(
      'backend-unavailable',
      msg`WebAssembly does not start: ${(error as Error).message}.`,
      msg`Run {doctor}.`,
      { cause: error },
    );
  }
  return new WasmBackend(joinTexts([`WebAssembly (TF.js ${tf.version_core})`, reason], ', '));
}

class WasmBackend extends ArenaBackend implements Backend {
  readonly name = 'wasm';
  readonly precisions = [] as const;
  readonly compound = new Composed(this);

  constructor(readonly reason: Text) {
    super();
  }

  // Upload and read back

  tensor(data: Float32Array | Int32Array, shape: readonly number[]): Tensor {
    return this.wrap(tf.tensor(data, [...shape], data instanceof Float32Array ? 'float32' : 'int32'));
  }
  zeros(shape: readonly number[], dtype: DataType = 'f32'): Tensor {
    if (dtype === 'bf16') throw new Error('The wasm backend has no bf16.');
    return this.wrap(tf.zeros([...shape], dtype === 'i32' ? 'int32' : 'float32'));
  }
  async read(x: Tensor): Promise<Float32Array> {
    // Copy, because `data` may return a view of the module's memory.
    return Float32Array.from(await of(x).data());
  }

  // Shape

  reshape = (x: Tensor, shape: readonly number[]) => this.wrap(tf.reshape(of(x), [...shape]));
  transpose = (x: Tensor, permutation: readonly number[]) => this.wrap(tf.transpose(of(x), [...permutation]));
  slice = (x: Tensor, begin: readonly number[], size: readonly number[]) =>
    this.wrap(tf.slice(of(x), [...begin], [...size]));
  concat = (xs: readonly Tensor[], axis: number) => this.wrap(tf.concat(xs.map(of), axis));
  cast(x: Tensor, dtype: 'f32' | 'bf16'): Tensor {
    if (dtype === 'bf16') throw new Error('The wasm backend has no bf16.');
    return this.wrap(tf.cast(of(x), 'float32'));
  }

  // Elementwise

  add = (a: Tensor, b: Tensor | number) => this.wrap(tf.add(of(a), operand(b)));
  sub = (a: Tensor, b: Tensor | number) => this.wrap(tf.sub(of(a), operand(b)));
  mul = (a: Tensor, b: Tensor | number) => this.wrap(tf.mul(of(a), operand(b)));
  div = (a: Tensor, b: Tensor | number) => this.wrap(tf.div(of(a), operand(b)));
  square = (x: Tensor) => this.wrap(tf.square(of(x)));
  sqrt = (x: Tensor) => this.wrap(tf.sqrt(of(x)));
  rsqrt = (x: Tensor) => this.wrap(tf.rsqrt(of(x)));
  sigmoid = (x: Tensor) => this.wrap(tf.sigmoid(of(x)));
  // TF.js's own sign returns 0 for everything below 1e-7: LionW would leave most of a large model unchanged.
  sign = (x: Tensor) =>
    this.wrap(
      tf.tidy(() => {
        const is = (compare: typeof tf.greater) => tf.cast(compare(of(x), 0), 'float32');
        return tf.sub(is(tf.greater), is(tf.less));
      }),
    );

  // Along an axis

  sum = (x: Tensor, axis: number, keep = false) => this.wrap(tf.sum(of(x), axis, keep));
  mean = (x: Tensor, axis: number, keep = false) => this.wrap(tf.mean(of(x), axis, keep));
  softmax = (x: Tensor) => this.wrap(tf.softmax(of(x)));
  logSoftmax = (x: Tensor) => this.wrap(tf.logSoftmax(of(x)));
  sumOfSquares = (x: Tensor) => this.wrap(tf.tidy(() => tf.sum(tf.square(of(x)))));

  // Products and lookups

  matmul(a: Tensor, b: Tensor, { transposeA = false, transposeB = false }: MatmulOptions = {}): Tensor {
    return this.wrap(
      tf.tidy(() => {
        const [x, y] = [of(a), of(b)];
        if (x.rank === 2) return product(x as tf.Tensor2D, y as tf.Tensor2D, transposeA, transposeB);
        const single = (t: tf.Tensor) =>
          tf.unstack(tf.reshape<tf.Rank.R3>(t, [-1, ...t.shape.slice(-2)] as [number, number, number]));
        const ys = single(y);
        const products = single(x).map((matrix, i) =>
          product(matrix as tf.Tensor2D, ys[i] as tf.Tensor2D, transposeA, transposeB),
        );
        const whole = tf.stack(products); // [product of the leading axes, m, n]
        return tf.reshape(whole, [...x.shape.slice(0, -2), ...whole.shape.slice(1)]);
      }),
    );
  }
  gather = (table: Tensor, indices: Tensor) => this.wrap(tf.gather(of(table), of(indices) as tf.Tensor1D));
  crossEntropy(logits: Tensor, labels: Tensor): { losses: Tensor; gradient: Tensor } {
    const { losses, gradient } = tf.tidy(() => {
      // Cast, because the kernel writes integers even when asked for float32.
      const target = tf.cast(tf.oneHot(of(labels) as tf.Tensor1D, logits.shape[1]!), 'float32');
      const logs = tf.logSoftmax(of(logits));
      return { losses: tf.neg(tf.sum(tf.mul(logs, target), 1)), gradient: tf.sub(tf.exp(logs), target) };
    });
    return { losses: this.wrap(losses), gradient: this.wrap(gradient) };
  }

  // In place by contract; these return new tensors.

  addRows(x: Tensor, rows: Tensor, indices?: Tensor): Tensor {
    const sum = tf.tidy(() => {
      if (!indices) return tf.add(of(x), of(rows));
      return tf.add(of(x), tf.scatterND(tf.reshape(of(indices), [-1, 1]), of(rows), [...x.shape]));
    });
    this.dispose(x);
    return this.wrap(sum);
  }
  setRows(x: Tensor, rows: Tensor, begin: number): Tensor {
    const end = begin + rows.shape[0]!;
    const part = (from: number, to: number) => (to > from ? [tf.slice(of(x), from, to - from)] : []);
    const whole = tf.tidy(() => tf.concat([...part(0, begin), of(rows), ...part(end, x.shape[0]!)]));
    this.dispose(x);
    return this.wrap(whole);
  }

  private wrap(value: tf.Tensor): Tensor {
    return this.made(new WasmHandle(value));
  }
}

function of(x: Tensor): tf.Tensor {
  const handle = x as WasmHandle;
  if (handle.disposed) throw new Error('A tensor was used after it was disposed.');
  return handle.inner;
}

/**
 * A product in the only form with a fast kernel, two matrices of which neither is transposed; other forms are ten times
 * slower. So either the factors are transposed first, or the result of (A B)^T = B^T A^T afterwards, whichever moves
 * fewer elements.
 */
function product(a: tf.Tensor2D, b: tf.Tensor2D, transposeA: boolean, transposeB: boolean): tf.Tensor {
  const rows = a.shape[transposeA ? 1 : 0];
  const columns = b.shape[transposeB ? 0 : 1];
  const direct = (transposeA ? a.size : 0) + (transposeB ? b.size : 0);
  const swapped = (transposeA ? 0 : a.size) + (transposeB ? 0 : b.size) + rows * columns;
  const turned = (x: tf.Tensor2D, needed: boolean) => (needed ? tf.transpose(x) : x);
  if (direct <= swapped) return tf.matMul(turned(a, transposeA), turned(b, transposeB));
  return tf.transpose(tf.matMul(turned(b, !transposeB), turned(a, !transposeA)));
}
const operand = (x: Tensor | number) => (typeof x === 'number' ? x : of(x));

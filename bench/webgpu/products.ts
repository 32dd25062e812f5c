/** Compares products of a model's sizes with those of @tensorflow/tfjs-backend-webgpu on the same adapter. */
import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { Backend, Tensor } from '../../src/tensor/index.ts';
import { largeMatrices, type Shape } from '../training/job.ts';

/** Multiplies a [m, k] by b [n, k] transposed, or by b [k, n], and waits for the result. */
export interface Multiplier {
  put(values: Float32Array, shape: [number, number]): unknown;
  multiply(a: unknown, b: unknown, transposeB: boolean): Promise<void>;
  free(x: unknown): void;
}

export const ours = (backend: Backend): Multiplier => ({
  put: (values, shape) => backend.tensor(values, shape),
  async multiply(a, b, transposeB) {
    const product = () => backend.matmul(a as Tensor, b as Tensor, { transposeB });
    const corner = backend.arena(() => backend.slice(product(), [0, 0], [1, 1]));
    await backend.read(corner);
    backend.dispose(corner);
  },
  free: (x) => backend.dispose(x),
});

/** TF.js on this device. Throws if it does not run on Dawn. */
export async function tensorflowJs(device: GPUDevice, name: string): Promise<Multiplier> {
  const tf = await import('@tensorflow/tfjs-core');
  const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu');
  // TF.js looks for navigator.gpu; set only after its import, so that it does not open its own device.
  const navigator: object = globalThis.navigator ?? {};
  Object.defineProperty(navigator, 'gpu', { value: {}, configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  // TF.js divides work differently on Intel GPUs.
  const intel = /intel/i.test(name) ? { vendor: 'intel', architecture: 'xe' } : {};
  const info = { vendor: '', architecture: '', ...intel } as GPUAdapterInfo;
  // TF.js's kernels are registered for this name.
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, info));
  if (!(await tf.setBackend('webgpu'))) throw new Error('TF.js does not start on this adapter');
  return {
    put: (values, shape) => tf.tensor2d(values, shape),
    async multiply(a, b, transposeB) {
      const corner = tf.tidy(() =>
        tf.slice(tf.matMul(a as Tensor2D, b as Tensor2D, false, transposeB), [0, 0], [1, 1]),
      );
      await corner.data();
      corner.dispose();
    },
    free: (x) => (x as Tensor2D).dispose(),
  };
}

export interface Timed {
  /** Seconds for each product, by its name. */
  seconds: Map<string, number>;
  /** FLOP/s over all of a step's large products. */
  rate: number;
}

/** Times a step's large products, forward and backward: for each, the fastest of `repeats` after a warm-up. */
export async function timeProducts(
  { put, multiply, free }: Multiplier,
  { shape, tokens, repeats }: { shape: Shape; tokens: number; repeats: number },
): Promise<Timed> {
  const seconds = new Map<string, number>();
  let operations = 0;
  let all = 0;
  for (const { rows, columns, count } of largeMatrices(shape)) {
    const weight = put(numbers(rows * columns), [rows, columns]);
    for (const forward of [true, false]) {
      const [inner, outer] = forward ? [columns, rows] : [rows, columns];
      const input = put(numbers(tokens * inner), [tokens, inner]);
      let best = Infinity;
      for (let i = 0; i <= repeats; i += 1) {
        const startedAt = performance.now();
        await multiply(input, weight, forward);
        if (i > 0) best = Math.min(best, (performance.now() - startedAt) / 1000);
      }
      free(input);
      seconds.set(`[${tokens}, ${inner}] x [${inner}, ${outer}]`, best);
      operations += count * 2 * tokens * inner * outer;
      all += count * best;
    }
    free(weight);
  }
  return { seconds, rate: operations / all };
}

const numbers = (count: number) => Float32Array.from({ length: count }, (_, i) => ((i % 13) - 6) / 60);

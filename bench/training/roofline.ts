/** The roofline: how fast TensorFlow multiplies matrices of a model's sizes when it does nothing else. */
import { gaussian } from '../../src/statistics/random.ts';
import type { Backend, Tensor } from '../../src/tensor/index.ts';
import { largeMatrices, type Job } from './job.ts';

/** The fastest counts; the first ones fault in memory. */
const REPEATS = 7;

/** FLOP/s over one step's large products, forward and backward, each at its fastest. */
export async function measureMatmulRate(
  backend: Backend,
  { shape, precision, batch, sequence }: Pick<Job, 'shape' | 'precision' | 'batch' | 'sequence'>,
): Promise<number> {
  const tokens = batch * sequence;
  let operations = 0;
  let seconds = 0;
  for (const { rows, columns, count } of largeMatrices(shape)) {
    const weight = random(backend, rows, columns, precision);
    const input = random(backend, tokens, columns, precision);
    const gradient = random(backend, tokens, rows, precision);
    const forward = () => backend.matmul(input, weight, { transposeB: true });
    const backward = () => backend.matmul(gradient, weight);
    seconds += count * ((await fastest(backend, forward)) + (await fastest(backend, backward)));
    operations += count * 4 * tokens * rows * columns;
    backend.dispose(weight, input, gradient);
  }
  return operations / seconds;
}

async function fastest(backend: Backend, product: () => Tensor): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < REPEATS; i += 1) {
    const started = performance.now();
    const corner = backend.arena(() => backend.slice(product(), [0, 0], [1, 1]));
    // A GPU has finished only when the result can be read.
    await backend.read(corner);
    best = Math.min(best, (performance.now() - started) / 1000);
    backend.dispose(corner);
  }
  return best;
}

function random(backend: Backend, rows: number, columns: number, precision: Job['precision']): Tensor {
  const table = gaussian(1009, 1, 1);
  const values = Float32Array.from({ length: rows * columns }, (_, i) => table[i % table.length]!);
  return backend.arena(() => {
    const f32 = backend.tensor(values, [rows, columns]);
    return precision === 'bf16' ? backend.cast(f32, 'bf16') : f32;
  });
}

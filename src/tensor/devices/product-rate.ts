/** How fast a backend multiplies matrices of a model's size: the measurement behind `auto`. */
import type { Hyper } from '../../protocol/run.ts';
import type { Backend, Tensor } from '../backend.ts';

/** The forward pass of 512 tokens through one MLP matrix of Qwen2.5-Coder-0.5B. */
const PRODUCT = { rows: 512, inner: 896, columns: 4864 };
const OPERATIONS = 2 * PRODUCT.rows * PRODUCT.inner * PRODUCT.columns;
/** Products are repeated until they take this long in total, so that reading the last one back hardly counts. */
const MIN_TOTAL_MS = 60;
/** The limit, including warm-up. */
const MAX_MS = 500;

/** Floating-point operations per second, the fastest of several tries, in about half a second. */
export async function productRate(backend: Backend, precision: Hyper['precision']): Promise<number> {
  const { rows, inner, columns } = PRODUCT;
  backend.multiplyIn?.(precision === 'f16' ? 'f16' : 'f32');
  const matrix = (height: number, width: number): Tensor => {
    const values = Float32Array.from({ length: height * width }, (_, i) => ((i % 13) - 6) / 60);
    return backend.arena(() => {
      const f32 = backend.tensor(values, [height, width]);
      return precision === 'bf16' ? backend.cast(f32, 'bf16') : f32;
    });
  };
  const [input, weight] = [matrix(rows, inner), matrix(columns, inner)];
  const startedAt = performance.now();
  // The first product compiles kernels and faults in memory.
  const first = await timed(backend, input, weight, 1);
  let best = first;
  for (let count = 1; performance.now() - startedAt < MAX_MS;) {
    const each = await timed(backend, input, weight, count);
    best = Math.min(best, each);
    const room = MAX_MS - (performance.now() - startedAt);
    if (each * count > room) break;
    if (each * count < MIN_TOTAL_MS) count = Math.max(1, Math.floor(Math.min(4 * count, room / each)));
  }
  backend.dispose(input, weight);
  return OPERATIONS / (best / 1000);
}

/** Milliseconds of each of `count` products. */
async function timed(backend: Backend, input: Tensor, weight: Tensor, count: number): Promise<number> {
  const startedAt = performance.now();
  const corner = backend.arena(() => {
    let last: Tensor | undefined;
    for (let i = 0; i < count; i += 1) {
      if (last) backend.dispose(last);
      last = backend.matmul(input, weight, { transposeB: true });
    }
    return backend.slice(last!, [0, 0], [1, 1]);
  });
  // A GPU has finished only when a result can be read.
  await backend.read(corner);
  backend.dispose(corner);
  return (performance.now() - startedAt) / count;
}

/** Sums along an axis, and softmax over the last one. */
import { elementwise, rowwise, variants } from '../kernel.ts';

/** x [rows, width] -> scale x the sum of each row. */
export const rowSums = variants((lanes: number) =>
  rowwise(
    {
      name: 'rowSums',
      reads: { x: 'f32' },
      writes: { sums: 'f32' },
      numbers: { width: 'u32', scale: 'f32' },
    },
    lanes,
    `  var sum = 0.0;
  for (var j = lane; j < p.width; j += LANES) { sum += x[row * p.width + j]; }
  let all = total(lane, sum);
  if (lane == 0u) { sums[row] = all * p.scale; }`,
  ),
);

/** x [outer, length, inner] -> scale x the sums over `length`. A thread for each sum. */
export const axisSums = elementwise(
  {
    name: 'axisSums',
    reads: { x: 'f32' },
    writes: { sums: 'f32' },
    numbers: { length: 'u32', inner: 'u32', scale: 'f32' },
  },
  `  let begin = (i / p.inner) * p.length * p.inner + i % p.inner;
  var sum = 0.0;
  for (var k = 0u; k < p.length; k++) { sum += x[begin + k * p.inner]; }
  sums[i] = sum * p.scale;`,
);

/**
 * Partial sums of squares of x: workgroup `row` sums every `rows`-th group of LANES elements into parts[begin + row].
 */
export const squareSums = rowwise(
  {
    name: 'squareSums',
    reads: { x: 'f32' },
    writes: { parts: 'f32' },
    numbers: { count: 'u32', begin: 'u32' },
  },
  256,
  `  var sum = 0.0;
  for (var i = row * LANES + lane; i < p.count; i += p.rows * LANES) { sum += x[i] * x[i]; }
  let all = total(lane, sum);
  if (lane == 0u) { parts[p.begin + row] = all; }`,
);

const EXPONENTS = `  var most = LOWEST;
  for (var j = lane; j < p.width; j += LANES) { most = max(most, x[row * p.width + j]); }
  let top = largest(lane, most);
  var sum = 0.0;
  for (var j = lane; j < p.width; j += LANES) { sum += exp(x[row * p.width + j] - top); }
  let all = total(lane, sum);
`;

export const softmax = variants((lanes: number) =>
  rowwise(
    { name: 'softmax', reads: { x: 'f32' }, writes: { y: 'f32' }, numbers: { width: 'u32' } },
    lanes,
    `${EXPONENTS}  for (var j = lane; j < p.width; j += LANES) {
    y[row * p.width + j] = exp(x[row * p.width + j] - top) / all;
  }`,
  ),
);

export const logSoftmax = variants((lanes: number) =>
  rowwise(
    { name: 'logSoftmax', reads: { x: 'f32' }, writes: { y: 'f32' }, numbers: { width: 'u32' } },
    lanes,
    `${EXPONENTS}  for (var j = lane; j < p.width; j += LANES) {
    y[row * p.width + j] = x[row * p.width + j] - top - log(all);
  }`,
  ),
);

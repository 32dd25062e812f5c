/** Elementwise kernels that walk over up to three tensors: broadcasting, strided copies, in-place sums. */
import { elementwise, variants } from '../kernel.ts';

/** Locates element `i` of the walk in each tensor. Each of `axes` is a size and three strides, innermost axis last. */
const PLACE = `
fn place(i: u32) -> vec3u {
  var rest = i;
  var at = vec3u(p.begin0, p.begin1, p.begin2);
  for (var k = p.rank; k > 0u; k--) {
    let axis = p.axes[k - 1u];
    at += (rest % axis.x) * axis.yzw;
    rest /= axis.x;
  }
  return at;
}`;

const WALK = { axes: 'axes', rank: 'u32', begin0: 'u32', begin1: 'u32', begin2: 'u32' } as const;

/** y = x, for 32-bit elements of any type. Tensors: x, y. */
export const copy = elementwise(
  { name: 'copy', reads: { x: 'u32' }, writes: { y: 'u32' }, numbers: WALK, preamble: PLACE },
  `  let at = place(i);
  y[at.y] = x[at.x];`,
);

export const fromInteger = elementwise(
  { name: 'fromInteger', reads: { x: 'i32' }, writes: { y: 'f32' }, numbers: WALK, preamble: PLACE },
  `  let at = place(i);
  y[at.y] = f32(x[at.x]);`,
);

export const fill = elementwise(
  { name: 'fill', writes: { y: 'f32' }, numbers: { begin: 'u32', value: 'f32' } },
  '  y[p.begin + i] = p.value;',
);

/** y = f(x), or f(x, s) with the scalar `s`. Tensors: x, y. */
const functions = {
  square: 'a * a',
  sqrt: 'sqrt(a)',
  rsqrt: 'inverseSqrt(a)',
  sigmoid: '1.0 / (1.0 + exp(-a))',
  sign: 'sign(a)',
  add: 'a + p.s',
  sub: 'a - p.s',
  mul: 'a * p.s',
  div: 'a / p.s',
};
export type FunctionName = keyof typeof functions;
export const unary = variants((name: FunctionName) =>
  elementwise(
    { name, reads: { x: 'f32' }, writes: { y: 'f32' }, numbers: { ...WALK, s: 'f32' }, preamble: PLACE },
    `  let at = place(i);
  let a = x[at.x];
  y[at.y] = ${functions[name]};`,
  ),
);

/** z = x op y. Tensors: x, y, z. */
const operators = { add: '+', sub: '-', mul: '*', div: '/' };
export type OperatorName = keyof typeof operators;
export const binary = variants((name: OperatorName) =>
  elementwise(
    {
      name: `${name}Both`,
      reads: { x: 'f32', y: 'f32' },
      writes: { z: 'f32' },
      numbers: WALK,
      preamble: PLACE,
    },
    `  let at = place(i);
  z[at.z] = x[at.x] ${operators[name]} y[at.y];`,
  ),
);

/**
 * Copies blocks from one buffer into a matrix with rows of `stride` elements. Each of `axes` describes a block: the
 * number of elements up to its end (including all earlier blocks), its offset in `blocks`, the offset of its first
 * element in the matrix, and its width.
 */
export const putBlocks = elementwise(
  {
    name: 'putBlocks',
    reads: { blocks: 'f32' },
    writes: { whole: 'f32' },
    numbers: { axes: 'axes', stride: 'u32', s: 'f32' },
  },
  `  var k = 0u;
  var before = 0u;
  while (i >= p.axes[k].x) {
    before = p.axes[k].x;
    k++;
  }
  let block = p.axes[k];
  let at = i - before;
  whole[block.z + at / block.w * p.stride + at % block.w] = p.s * blocks[block.y + at];`,
);

/** sum += s x. Tensors: x, sum. */
export const addScaled = elementwise(
  {
    name: 'addScaled',
    reads: { x: 'f32' },
    writes: { sum: 'f32' },
    numbers: { ...WALK, s: 'f32' },
    preamble: PLACE,
  },
  `  let at = place(i);
  sum[at.y] += p.s * x[at.x];`,
);

/** sum += x mask. Tensors: x, mask, sum. */
export const addMasked = elementwise(
  {
    name: 'addMasked',
    reads: { x: 'f32', mask: 'f32' },
    writes: { sum: 'f32' },
    numbers: WALK,
    preamble: PLACE,
  },
  `  let at = place(i);
  sum[at.z] += x[at.x] * mask[at.y];`,
);

/**
 * Matrix products C = A B, or C += A B, each of A and B as it lies in memory or transposed; with what else a linear
 * layer needs, so that it costs no pass of its own: a second product, a mask, a matrix or a row that is added. A workgroup makes a tile of
 * C. It takes A and B through workgroup memory, a few columns of A and rows of B at a time, and each thread keeps a
 * block of 4 x 4 sums in registers. The third direction of workgroups is a batch, or slices of the inner axis.
 */
import { elementwise, kernel, variants, type Kernel } from '../kernel.ts';

/** Rows and columns of C that a workgroup makes, and how much of the inner axis it takes at a time. */
export interface Tile {
  rows: number;
  columns: number;
  inner: number;
}

const LARGE: Tile = { rows: 64, columns: 64, inner: 16 };
/** For products with few rows or few columns, such as LoRA's. */
const SMALL: Tile = { rows: 32, columns: 32, inner: 16 };

export const tileFor = (rows: number, columns: number): Tile =>
  Math.min(rows, columns) > 48 ? LARGE : SMALL;

/** What a kernel does besides A B. Each kind is a kernel of its own. */
export interface Extras {
  /** A second product A2 B2 is added. It is made first; B2 is transposed if B is. */
  second?: boolean;
  /** What the mask multiplies: A or B, element by element as they lie in memory, or the second product. */
  mask?: 'a' | 'b' | 'second' | undefined;
  /** A matrix like C, or with a stride of 0 a row, is added. */
  plus?: boolean;
}

/** By the tile and what it does. */
export function product(tile: Tile, transposeA: boolean, transposeB: boolean, extras: Extras = {}): Kernel {
  const flags = [tile === LARGE, transposeA, transposeB, extras.second, extras.plus];
  const bits = flags.reduce((sum, flag, i) => sum + (flag ? 1 << i : 0), 0);
  return made(bits + 32 * masks.indexOf(extras.mask));
}

const masks = [undefined, 'a', 'b', 'second'] as const;

const made = variants((key: number) => {
  const flag = (i: number) => (key & (1 << i)) > 0;
  const [large, transposeA, transposeB, second, plus] = [flag(0), flag(1), flag(2), flag(3), flag(4)];
  const mask = masks[key >> 5];
  const tile = large ? LARGE : SMALL;
  const title = [
    large ? 'large' : 'small',
    `${transposeA ? 'T' : 'N'}${transposeB ? 'T' : 'N'}`,
    ...(second ? ['second'] : []),
    ...(mask ? [`mask ${mask}`] : []),
    ...(plus ? ['plus'] : []),
  ].join(' ');
  const threads = { x: tile.columns / 4, y: tile.rows / 4 };
  return kernel(
    {
      name: `product ${title}`,
      reads: {
        ...{ a: 'f32', b: 'f32' },
        ...(second && { a2: 'f32', b2: 'f32' }),
        ...(mask && { mask: 'f32' }),
        ...(plus && { plus: 'f32' }),
      },
      writes: { c: 'f32' },
      numbers: {
        ...{ rows: 'u32', columns: 'u32', inner: 'u32' },
        /** Elements in front of the first one. */
        ...{ beginA: 'u32', beginB: 'u32', beginC: 'u32' },
        /** Elements from one row to the next, as they lie in memory. */
        ...{ strideA: 'u32', strideB: 'u32', strideC: 'u32' },
        /** Elements from one matrix of a batch to the next. */
        ...{ batchA: 'u32', batchB: 'u32', batchC: 'u32' },
        /** Steps of the inner axis that each z takes, and from one z's first step to the next one's. */
        ...{ span: 'u32', step: 'u32' },
        /** 1: the product is added to what C contains. */
        adds: 'u32',
        /** Factor of all that is added up, except for what C contains. */
        scale: 'f32',
        ...{ inner2: 'u32', strideA2: 'u32', strideB2: 'u32' },
        ...{ beginMask: 'u32', stridePlus: 'u32' },
      },
      also: `
const ROWS = ${tile.rows}u;
const COLUMNS = ${tile.columns}u;
const INNER = ${tile.inner}u;
const THREADS = ${threads.x * threads.y}u;
// Four rows of A (columns of B) side by side, for each step along the inner axis. A vector more in each line keeps
// threads that write below each other out of the same memory bank.
const WIDE_A = ROWS / 4u + 1u;
const WIDE_B = COLUMNS / 4u + 1u;
var<workgroup> tileA: array<vec4f, INNER * WIDE_A>;
var<workgroup> tileB: array<vec4f, INNER * WIDE_B>;
${loader('a', 'rows', transposeA, 'strideA', mask === 'a')}
${loader('b', 'columns', !transposeB, 'strideB', mask === 'b')}
${second ? loader('a2', 'rows', false, 'strideA2', false) + loader('b2', 'columns', !transposeB, 'strideB2', false) : ''}
fn keep(begin: u32, row: u32, column: u32, sums: vec4f) {
  if (row >= p.rows) { return; }
  for (var j = 0u; j < 4u && column + j < p.columns; j++) {
    let at = begin + row * p.strideC + column + j;
    let value = p.scale * ${plus ? '(sums[j] + plus[row * p.stridePlus + column + j])' : 'sums[j]'};
    if (p.adds == 1u) { c[at] += value; } else { c[at] = value; }
  }
}
`,
    },
    `
@compute @workgroup_size(${threads.x}, ${threads.y})
fn main(
  @builtin(local_invocation_id) thread: vec3u,
  @builtin(local_invocation_index) index: u32,
  @builtin(workgroup_id) tile: vec3u,
) {
  let row = tile.y * ROWS;
  let column = tile.x * COLUMNS;
  let r = row + 4u * thread.y;
  let s = column + 4u * thread.x;
  var sums: array<vec4f, 4>;
${second ? secondProduct(transposeB, mask === 'second') : ''}
  let beginA = p.beginA + tile.z * p.batchA;
  let beginB = p.beginB + tile.z * p.batchB;
  let beginC = p.beginC + tile.z * p.batchC;
  let first = tile.z * p.step;
  let end = min(p.inner, first + p.span);
${walk(['a', 'beginA', transposeA], ['b', 'beginB', !transposeB])}
  keep(beginC, r, s, sums[0]);
  keep(beginC, r + 1u, s, sums[1]);
  keep(beginC, r + 2u, s, sums[2]);
  keep(beginC, r + 3u, s, sums[3]);
}`,
  );
});

/**
 * A function for four elements of a matrix, along the tile, at step k of the inner axis: zero from its end on. Past the
 * last row or column the last one is read again, for sums that nobody keeps. `along`: whether the four lie side by side.
 */
const loader = (name: string, count: string, along: boolean, stride: string, masked: boolean) => `
fn four_${name}(begin: u32, first: u32, k: u32, end: u32) -> vec4f {
  if (k >= end) { return vec4f(0.0); }
  let lines = min(first + vec4u(0u, 1u, 2u, 3u), vec4u(p.${count} - 1u));
  let at = begin + ${along ? `k * p.${stride} + lines` : `lines * p.${stride} + k`};
  let values = vec4f(${name}[at.x], ${name}[at.y], ${name}[at.z], ${name}[at.w]);
  ${masked ? 'let m = at + p.beginMask;' : ''}
  return values${masked ? ' * vec4f(mask[m.x], mask[m.y], mask[m.z], mask[m.w])' : ''};
}`;

/** A matrix: its name, where it begins, and whether four elements along the tile lie side by side. */
type Side = [name: string, begin: string, along: boolean];

/** sums += A B from step `first` of the inner axis to `end`. */
const walk = ([a, beginA, alongA]: Side, [b, beginB, alongB]: Side) => `
  for (var begin = first; begin < end; begin += INNER) {
    // Neighbouring threads read neighbouring elements.
    for (var one = index; one < INNER * ROWS / 4u; one += THREADS) {
${alongA ? along('ROWS') : alongInner}
      tileA[k * WIDE_A + four] = four_${a}(${beginA}, row + 4u * four, begin + k, end);
    }
    for (var one = index; one < INNER * COLUMNS / 4u; one += THREADS) {
${alongB ? along('COLUMNS') : alongInner}
      tileB[k * WIDE_B + four] = four_${b}(${beginB}, column + 4u * four, begin + k, end);
    }
    workgroupBarrier();
    for (var k = 0u; k < min(INNER, end - begin); k++) {
      let x = tileA[k * WIDE_A + thread.y];
      let y = tileB[k * WIDE_B + thread.x];
      sums[0] += x.x * y;
      sums[1] += x.y * y;
      sums[2] += x.z * y;
      sums[3] += x.w * y;
    }
    workgroupBarrier();
  }`;

/** Of several slices of the inner axis, the first one has the second product. */
const secondProduct = (transposeB: boolean, masked: boolean) => `
  if (tile.z == 0u) {
    let first = 0u;
    let end = p.inner2;
${walk(['a2', '0u', false], ['b2', '0u', !transposeB])}
${masked ? MASKED : ''}
  }`;

const MASKED = `
    for (var i = 0u; i < 4u; i++) {
      let m = p.beginMask + min(r + i, p.rows - 1u) * p.columns + min(s + vec4u(0u, 1u, 2u, 3u), vec4u(p.columns - 1u));
      sums[i] *= vec4f(mask[m.x], mask[m.y], mask[m.z], mask[m.w]);
    }`;

/** Which four elements of a tile the thread `one` loads: along the tile, or along the inner axis. */
const along = (width: string) => `      let four = one % (${width} / 4u);
      let k = one / (${width} / 4u);`;
const alongInner = `      let k = one % INNER;
      let four = one / INNER;`;

/** c = scale x the sum of the slices of a product (+ plus) (+ what c contains). A thread for each element of c. */
export const sumSlices = elementwise(
  {
    name: 'sumSlices',
    reads: { parts: 'f32', plus: 'f32' },
    writes: { c: 'f32' },
    numbers: { slices: 'u32', columns: 'u32', scale: 'f32', adds: 'u32', pluses: 'u32', stridePlus: 'u32' },
  },
  `  var sum = 0.0;
  for (var k = 0u; k < p.slices; k++) { sum += parts[k * p.count + i]; }
  if (p.pluses == 1u) { sum += plus[i / p.columns * p.stridePlus + i % p.columns]; }
  let value = sum * p.scale;
  if (p.adds == 1u) { c[i] += value; } else { c[i] = value; }`,
);

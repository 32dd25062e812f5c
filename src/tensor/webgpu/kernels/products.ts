/**
 * Matrix products C = A B, or C += A B, each of A and B as it lies in memory or transposed. A workgroup makes a tile of
 * C. It takes A and B through workgroup memory, a few columns of A and rows of B at a time, and each thread keeps a
 * block of 4 x 4 sums in registers. The third direction of workgroups is a batch, or slices of the inner axis.
 */
import { kernel, variants, type Kernel } from '../kernel.ts';

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

export function product(tile: Tile, transposeA: boolean, transposeB: boolean): Kernel {
  const size = tile === LARGE ? 'large' : 'small';
  return made(`${size} ${transposeA ? 'T' : 'N'}${transposeB ? 'T' : 'N'}`);
}

const made = variants((key: string) => {
  const [size, flags] = key.split(' ') as [string, string];
  const tile = size === 'large' ? LARGE : SMALL;
  const threads = { x: tile.columns / 4, y: tile.rows / 4 };
  const count = threads.x * threads.y;
  return kernel(
    {
      name: `product ${key}`,
      reads: { a: 'f32', b: 'f32' },
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
      },
      also: `
const ROWS = ${tile.rows}u;
const COLUMNS = ${tile.columns}u;
const INNER = ${tile.inner}u;
const THREADS = ${count}u;
// Four rows of A (columns of B) side by side, for each step along the inner axis. A vector more in each line keeps
// threads that write below each other out of the same memory bank.
const WIDE_A = ROWS / 4u + 1u;
const WIDE_B = COLUMNS / 4u + 1u;
var<workgroup> tileA: array<vec4f, INNER * WIDE_A>;
var<workgroup> tileB: array<vec4f, INNER * WIDE_B>;

// Four elements of A below each other, and of B side by side, at step k of the inner axis: zero from its end on. Past
// the last row or column the last one is read again, for sums that nobody keeps.
fn fourOfA(begin: u32, row: u32, k: u32, end: u32) -> vec4f {
  if (k >= end) { return vec4f(0.0); }
  let rows = min(row + vec4u(0u, 1u, 2u, 3u), vec4u(p.rows - 1u));
  let at = begin + ${flags[0] === 'T' ? 'k * p.strideA + rows' : 'rows * p.strideA + k'};
  return vec4f(a[at.x], a[at.y], a[at.z], a[at.w]);
}
fn fourOfB(begin: u32, k: u32, column: u32, end: u32) -> vec4f {
  if (k >= end) { return vec4f(0.0); }
  let columns = min(column + vec4u(0u, 1u, 2u, 3u), vec4u(p.columns - 1u));
  let at = begin + ${flags[1] === 'T' ? 'columns * p.strideB + k' : 'k * p.strideB + columns'};
  return vec4f(b[at.x], b[at.y], b[at.z], b[at.w]);
}

fn keep(begin: u32, row: u32, column: u32, sums: vec4f) {
  if (row >= p.rows) { return; }
  for (var j = 0u; j < 4u && column + j < p.columns; j++) {
    let at = begin + row * p.strideC + column + j;
    if (p.adds == 1u) { c[at] += sums[j]; } else { c[at] = sums[j]; }
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
  let beginA = p.beginA + tile.z * p.batchA;
  let beginB = p.beginB + tile.z * p.batchB;
  let beginC = p.beginC + tile.z * p.batchC;
  let row = tile.y * ROWS;
  let column = tile.x * COLUMNS;
  var sums: array<vec4f, 4>;
  let first = tile.z * p.step;
  let end = min(p.inner, first + p.span);
  for (var begin = first; begin < end; begin += INNER) {
    // Neighbouring threads read neighbouring elements.
    for (var one = index; one < INNER * ROWS / 4u; one += THREADS) {
${flags[0] === 'T' ? along('ROWS') : alongInner}
      tileA[k * WIDE_A + four] = fourOfA(beginA, row + 4u * four, begin + k, end);
    }
    for (var one = index; one < INNER * COLUMNS / 4u; one += THREADS) {
${flags[1] === 'T' ? alongInner : along('COLUMNS')}
      tileB[k * WIDE_B + four] = fourOfB(beginB, begin + k, column + 4u * four, end);
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
  }
  let r = row + 4u * thread.y;
  let s = column + 4u * thread.x;
  keep(beginC, r, s, sums[0]);
  keep(beginC, r + 1u, s, sums[1]);
  keep(beginC, r + 2u, s, sums[2]);
  keep(beginC, r + 3u, s, sums[3]);
}`,
  );
});

/** Which four elements of a tile the thread `one` loads: along the tile, or along the inner axis. */
const along = (width: string) => `      let four = one % (${width} / 4u);
      let k = one / (${width} / 4u);`;
const alongInner = `      let k = one % INNER;
      let four = one / INNER;`;

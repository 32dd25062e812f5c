/**
 * Matrix products C = A B, or C += A B, where A and B may be transposed, fused with what else a linear layer needs: a
 * second product, a mask, the addition of a matrix or row. A workgroup computes a tile of C. It loads A and B into
 * workgroup memory, a few columns of A and rows of B at a time, and each thread accumulates some sums in registers. The
 * third workgroup dimension is the batch, or slices of the inner axis (split-K).
 */
import { elementwise, kernel, variants, type Kernel } from '../kernel.ts';
import { tileNames, tiles, type Tile, type TileName } from './tiles.ts';

/** What a kernel computes besides A B. Each combination is a separate kernel. */
export interface Extras {
  /** Adds a second product A2 B2, computed first; B2 is transposed if B is. */
  second?: boolean;
  /** What the mask multiplies: A or B (in their memory order), or the second product. */
  mask?: 'a' | 'b' | 'second' | undefined;
  /** Adds a matrix with C's shape or, with stride 0, a row. */
  plus?: boolean;
  /** Rounds operands (masks included) to f16; sums stay f32. Needs shader-f16. */
  half?: boolean;
}

/** The kernel for a tile shape and extras. */
export function product(
  tile: TileName,
  transposeA: boolean,
  transposeB: boolean,
  extras: Extras = {},
): Kernel {
  // An integer key, because a step looks up some 700 kernels.
  let key = tileNames.indexOf(tile) * 4 + masks.indexOf(extras.mask);
  for (const flag of [extras.half, transposeA, transposeB, extras.second, extras.plus])
    key = 2 * key + Number(flag ?? false);
  return made(key);
}

const masks = [undefined, 'a', 'b', 'second'] as const;

const made = variants((key: number) => {
  const flag = (i: number) => (key & (1 << i)) > 0;
  const [transposeA, transposeB, second, plus] = [flag(3), flag(2), flag(1), flag(0)];
  const half = flag(4);
  const mask = masks[(key >> 5) % 4];
  const name = tileNames[key >> 7]!;
  const tile: Tile = tiles[name];
  const title = [
    name,
    `${transposeA ? 'T' : 'N'}${transposeB ? 'T' : 'N'}`,
    ...(second ? ['second'] : []),
    ...(mask ? [`mask ${mask}`] : []),
    ...(plus ? ['plus'] : []),
    ...(half ? ['f16'] : []),
  ].join(' ');
  const threads = { x: tile.columns / tile.thread.columns, y: tile.rows / tile.thread.rows };
  const sums = sumsOf(tile);
  return kernel(
    {
      name: `product ${title}`,
      enables: half ? ['f16'] : [],
      reads: {
        a: 'f32',
        b: 'f32',
        ...(second && { a2: 'f32', b2: 'f32' }),
        ...(mask && { mask: 'f32' }),
        ...(plus && { plus: 'f32' }),
      },
      writes: { c: 'f32' },
      numbers: {
        rows: 'u32',
        columns: 'u32',
        inner: 'u32',
        /** Offsets of the first elements. */
        beginA: 'u32',
        beginB: 'u32',
        beginC: 'u32',
        /** Elements between rows in memory. */
        strideA: 'u32',
        strideB: 'u32',
        strideC: 'u32',
        /** Elements between matrices of a batch. */
        batchA: 'u32',
        batchB: 'u32',
        batchC: 'u32',
        /** Length of the slice of the inner axis for each z, and the distance between the slices' starts. */
        span: 'u32',
        step: 'u32',
        /** 1: add to C's contents. */
        adds: 'u32',
        /** Factor of everything but C's contents. */
        scale: 'f32',
        inner2: 'u32',
        strideA2: 'u32',
        strideB2: 'u32',
        beginMask: 'u32',
        stridePlus: 'u32',
        /** Workgroup offset of this dispatch in each dimension. */
        beforeX: 'u32',
        beforeY: 'u32',
        beforeZ: 'u32',
      },
      preamble: `
const ROWS = ${tile.rows}u;
const COLUMNS = ${tile.columns}u;
const INNER = ${tile.inner}u;
const THREADS = ${threads.x * threads.y}u;
// Threads along the rows and the columns of the tile.
const HIGH = ${threads.y}u;
const WIDE = ${threads.x}u;
// Four rows of A (columns of B) side by side, for each step along the inner axis. Padding each line by one vector
// avoids bank conflicts between threads that write to consecutive lines.
const WIDE_A = ROWS / 4u + 1u;
const WIDE_B = COLUMNS / 4u + 1u;
alias Four = vec4<${half ? 'f16' : 'f32'}>;
var<workgroup> tileA: array<Four, INNER * WIDE_A>;
var<workgroup> tileB: array<Four, INNER * WIDE_B>;
${loader('a', 'rows', transposeA, 'strideA', mask === 'a')}
${loader('b', 'columns', !transposeB, 'strideB', mask === 'b')}
${second ? loader('a2', 'rows', false, 'strideA2', false) + loader('b2', 'columns', !transposeB, 'strideB2', false) : ''}
${mask === 'second' ? FOUR_OF_MASK : ''}
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
  @builtin(workgroup_id) group: vec3u,
) {
  let tile = group + vec3u(p.beforeX, p.beforeY, p.beforeZ);
  let row = tile.y * ROWS;
  let column = tile.x * COLUMNS;
${sums.map(({ name }) => `  var ${name} = vec4f(0.0);`).join('\n')}
${second ? secondProduct(tile, transposeB, mask === 'second') : ''}
  let beginA = p.beginA + tile.z * p.batchA;
  let beginB = p.beginB + tile.z * p.batchB;
  let beginC = p.beginC + tile.z * p.batchC;
  let first = tile.z * p.step;
  let end = min(p.inner, first + p.span);
${walk(tile, ['a', 'beginA', transposeA], ['b', 'beginB', !transposeB])}
${sums.map(({ name, row, column }) => `  keep(beginC, ${row}, ${column}, ${name});`).join('\n')}
}`,
  );
});

interface Sum {
  name: string;
  /** Its row of C, and the first of its four columns. */
  row: string;
  column: string;
  /** Indices of the row and the group of four columns within the thread's part. */
  i: number;
  j: number;
}

/**
 * A thread's sums, four columns each. Its groups of four rows (and columns) are spread out, so that neighbouring
 * threads read neighbouring groups.
 */
function sumsOf({ thread }: Tile): Sum[] {
  return Array.from({ length: thread.rows }, (_, i) =>
    Array.from({ length: thread.columns / 4 }, (_, j) => ({
      name: `sum${i}_${j}`,
      row: `row + 4u * (thread.y + ${i >> 2}u * HIGH) + ${i % 4}u`,
      column: `column + 4u * (thread.x + ${j}u * WIDE)`,
      i,
      j,
    })),
  ).flat();
}

/**
 * A function that loads four elements along the tile at step k of the inner axis, zeros past its end. Past the last row
 * or column, the last one is read again, since those sums are discarded. `along`: whether the four are contiguous.
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

/** A matrix: its name, its offset, and whether four elements along the tile are contiguous. */
type Side = [name: string, begin: string, along: boolean];

/** sums += A B over the inner axis from `first` to `end`. */
const walk = (tile: Tile, [a, beginA, alongA]: Side, [b, beginB, alongB]: Side) => `
  for (var begin = first; begin < end; begin += INNER) {
    // Neighbouring threads read neighbouring elements.
    for (var one = index; one < INNER * ROWS / 4u; one += THREADS) {
${alongA ? along('ROWS') : alongInner}
      tileA[k * WIDE_A + four] = Four(four_${a}(${beginA}, row + 4u * four, begin + k, end));
    }
    for (var one = index; one < INNER * COLUMNS / 4u; one += THREADS) {
${alongB ? along('COLUMNS') : alongInner}
      tileB[k * WIDE_B + four] = Four(four_${b}(${beginB}, column + 4u * four, begin + k, end));
    }
    workgroupBarrier();
    for (var k = 0u; k < min(INNER, end - begin); k++) {
${fours('x', tile.thread.rows, 'tileA[k * WIDE_A + thread.y', 'HIGH')}
${fours('y', tile.thread.columns, 'tileB[k * WIDE_B + thread.x', 'WIDE')}
${sumsOf(tile)
  .map(({ name, i, j }) => `      ${name} += x${i >> 2}.${'xyzw'[i % 4]} * y${j};`)
  .join('\n')}
    }
    workgroupBarrier();
  }`;

/** Loads what a thread needs of a tile at one step of the inner axis. */
const fours = (name: string, count: number, place: string, apart: string) =>
  Array.from(
    { length: count / 4 },
    (_, i) => `      let ${name}${i} = vec4f(${place} + ${i}u * ${apart}]);`,
  ).join('\n');

/** With several slices of the inner axis, the first one adds the second product. */
const secondProduct = (tile: Tile, transposeB: boolean, masked: boolean) => `
  if (tile.z == 0u) {
    let first = 0u;
    let end = p.inner2;
${walk(tile, ['a2', '0u', false], ['b2', '0u', !transposeB])}
${masked ? sumsOf(tile).map(maskedSum).join('\n') : ''}
  }`;

const maskedSum = ({ name, row, column }: Sum) => `    ${name} *= four_mask(${row}, ${column});`;

const FOUR_OF_MASK = `
fn four_mask(row: u32, column: u32) -> vec4f {
  let columns = min(column + vec4u(0u, 1u, 2u, 3u), vec4u(p.columns - 1u));
  let m = p.beginMask + min(row, p.rows - 1u) * p.columns + columns;
  return vec4f(mask[m.x], mask[m.y], mask[m.z], mask[m.w]);
}
`;

/** Selects the four elements that thread `one` loads, along the tile or along the inner axis. */
const along = (width: string) => `      let four = one % (${width} / 4u);
      let k = one / (${width} / 4u);`;
const alongInner = `      let k = one % INNER;
      let four = one / INNER;`;

/** c = scale x the sum of a product's slices (+ plus) (+ c). A thread for each element of c. */
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

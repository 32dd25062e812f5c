/**
 * Attention without a matrix of scores. A workgroup takes a tile of 32 rows (queries; keys, for the gradients of k and v)
 * and goes through what they see, 64 at a time: scores of such a tile exist in workgroup memory only. Of each query
 * remains the logarithm of the sum of its exponents, from which the backward pass makes the probabilities again.
 *
 * The queries of all heads that share a key head are rows of one matrix: row = position x group + head.
 */
import {
  kernel,
  LOWEST,
  SUBGROUP_BUILTIN,
  variants,
  withSubgroups,
  type Kernel,
  type KernelSpec,
} from '../kernel.ts';

/** Rows of a workgroup's tile. */
export const TILE_ROWS = 32;
const COLUMNS = 64;
const INNER = 16;
const THREADS = { x: COLUMNS / 4, y: TILE_ROWS / 4 };

const numbers: KernelSpec['numbers'] = {
  /** Positions in a sequence, and rows of queries: as many for each head of the group. */
  length: 'u32',
  queries: 'u32',
  group: 'u32',
  kvHeads: 'u32',
  /** 1: `starts` [batch x length] says where each position's document begins. */
  documents: 'u32',
  /** Where a dispatch begins: its first tile, and its first key head of the bound part. */
  firstTile: 'u32',
  firstHead: 'u32',
  /** Dropout's chunks: positions in each, 1 / keepRate, and how many key heads lie in front of the bound part. */
  chunk: 'u32',
  factor: 'f32',
  above: 'u32',
};

/** The buffers that a matrix of rows may be read from, and where its row begins. */
const places = {
  q: 'placeOfQuery',
  k: 'placeOfKey',
  v: 'placeOfKey',
  o: 'placeOfOutput',
  dO: 'placeOfOutput',
} as const;
type Matrix = keyof typeof places;

const lastRow = (matrix: Matrix) => (places[matrix] === 'placeOfKey' ? 'p.length' : 'p.queries') + ' - 1u';

const shared = (
  size: number,
  dropout: boolean,
  inSubgroups = false,
) => `${inSubgroups ? '\nvar<private> beside: u32;' : ''}
const ROWS = ${TILE_ROWS}u;
const COLUMNS = ${COLUMNS}u;
const INNER = ${INNER}u;
const THREADS = ${THREADS.x * THREADS.y}u;
// Components of a head.
const SIZE = ${size}u;
const LOWEST = ${LOWEST};
// Four rows side by side; a vector more in each line keeps threads out of each other's memory bank.
const WIDE_X = ROWS / 4u + 1u;
const WIDE_Y = COLUMNS / 4u + 1u;
var<workgroup> sliceX: array<vec4f, INNER * WIDE_X>;
var<workgroup> sliceY: array<vec4f, INNER * WIDE_Y>;
var<workgroup> tile: array<vec4f, COLUMNS * WIDE_X>;

// outer is the key head, among those of all sequences.
fn placeOfQuery(outer: u32, row: u32) -> u32 { return (outer * p.queries + row) * SIZE; }
fn placeOfKey(outer: u32, key: u32) -> u32 { return (outer * p.length + key) * SIZE; }
fn placeOfOutput(outer: u32, row: u32) -> u32 {
  let line = outer / p.kvHeads * p.length + row / p.group;
  return ((line * p.kvHeads + outer % p.kvHeads) * p.group + row % p.group) * SIZE;
}

// The first key that a query at this position sees.
fn lowest(outer: u32, position: u32) -> u32 {
  if (p.documents == 0u) { return 0u; }
  return u32(starts[outer / p.kvHeads * p.length + min(position, p.length - 1u)]);
}
${dropout ? DROPPED : ''}
// Of four rows, and of all threads beside each other: the sum, or the largest.
${combined('totals', inSubgroups, (a, b) => `${a} + ${b}`)}
${combined('mosts', inSubgroups, (a, b) => `max(${a}, ${b})`)}
`;

/**
 * A function that combines a vector of each thread beside each other. In subgroups, as many as are in one (`beside`)
 * exchange theirs, and only the results of those go through workgroup memory.
 */
const combined = (name: string, inSubgroups: boolean, op: (a: string, b: string) => string) => `
fn ${name}(x: u32, y: u32, mine: vec4f) -> vec4f {
  var own = mine;
${inSubgroups ? steps.map((step) => `  own = select(own, ${op('own', `subgroupShuffleXor(own, ${step}u)`)}, beside > ${step}u);`).join('\n') : ''}
  workgroupBarrier();
  sliceX[y * ${THREADS.x}u + x] = own;
  workgroupBarrier();
  var all = sliceX[y * ${THREADS.x}u];
  let step = ${inSubgroups ? 'beside' : '1u'};
  for (var i = step; i < ${THREADS.x}u; i += step) { all = ${op('all', `sliceX[y * ${THREADS.x}u + i]`)}; }
  return all;
}`;
const steps = [1, 2, 4, 8];

/** The mask's number for a query's row and a key that it sees: masks are made by chunk, as on other backends. */
const DROPPED = `
fn kept(outer: u32, row: u32, key: u32) -> f32 {
  let i = row / p.group / p.chunk;
  let begin = i * p.chunk;
  let rows = min(p.chunk, p.length - begin) * p.group;
  let first = u32(begins[2u * i + 1u]);
  let keys = min(begin + p.chunk, p.length) - first;
  let at = ((p.above + outer) * rows + row - begin * p.group) * keys + key - first;
  return mask[u32(begins[2u * i]) + at];
}
`;

/** sums += X Y^T over all components: rows of X from `x0` on, rows of Y from `y0` on. */
const scores = (sums: string, [x, x0]: [Matrix, string], [y, y0]: [Matrix, string]) => `
    for (var begin = 0u; begin < SIZE; begin += INNER) {
      workgroupBarrier();
      for (var one = index; one < INNER * ROWS / 4u; one += THREADS) {
        let c = begin + one % INNER;
        let rows = min(${x0} + 4u * (one / INNER) + vec4u(0u, 1u, 2u, 3u), vec4u(${lastRow(x)}));
        sliceX[one % INNER * WIDE_X + one / INNER] = ${fourRows(x)};
      }
      for (var one = index; one < INNER * COLUMNS / 4u; one += THREADS) {
        let c = begin + one % INNER;
        let rows = min(${y0} + 4u * (one / INNER) + vec4u(0u, 1u, 2u, 3u), vec4u(${lastRow(y)}));
        sliceY[one % INNER * WIDE_Y + one / INNER] = ${fourRows(y)};
      }
      workgroupBarrier();
      for (var k = 0u; k < min(INNER, SIZE - begin); k++) {
        let x = sliceX[k * WIDE_X + thread.y];
        let y = sliceY[k * WIDE_Y + thread.x];
        ${sums}[0] += x.x * y;
        ${sums}[1] += x.y * y;
        ${sums}[2] += x.z * y;
        ${sums}[3] += x.w * y;
      }
    }`;

/** Component c of four rows; past the last component, any number. */
const fourRows = (matrix: Matrix) =>
  `vec4f(${['x', 'y', 'z', 'w'].map((i) => `${matrix}[${places[matrix]}(outer, rows.${i}) + min(c, SIZE - 1u)]`).join(', ')})`;

/** Vectors of four components that a thread keeps of each of its rows. */
const vectors = (size: number) => Math.ceil(size / COLUMNS);
const each = (count: number, write: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => write(n)).join('\n');

const declared = (name: string, size: number) =>
  each(vectors(size), (n) => `  var ${name}${n}: array<vec4f, 4>;`);

/** name += tile Y: the tile's numbers of each row, times the rows of Y from `y0` on, before `end`. */
const weighted = (name: string, size: number, y: Matrix, y0: string, end: string) =>
  each(
    vectors(size),
    (n) => `
    for (var begin = 0u; begin < min(COLUMNS, ${end} - ${y0}); begin += INNER) {
      workgroupBarrier();
      for (var one = index; one < INNER * COLUMNS / 4u; one += THREADS) {
        let row = min(${y0} + begin + one / (COLUMNS / 4u), ${lastRow(y)});
        let c = ${n * COLUMNS}u + 4u * (one % (COLUMNS / 4u));
        let at = ${places[y]}(outer, row) + min(c + vec4u(0u, 1u, 2u, 3u), vec4u(SIZE - 1u));
        sliceY[one / (COLUMNS / 4u) * WIDE_Y + one % (COLUMNS / 4u)] =
          vec4f(${y}[at.x], ${y}[at.y], ${y}[at.z], ${y}[at.w]);
      }
      workgroupBarrier();
      for (var k = 0u; k < min(INNER, ${end} - ${y0} - begin); k++) {
        let x = tile[(begin + k) * WIDE_X + thread.y];
        let y = sliceY[k * WIDE_Y + thread.x];
        ${name}${n}[0] += x.x * y;
        ${name}${n}[1] += x.y * y;
        ${name}${n}[2] += x.z * y;
        ${name}${n}[3] += x.w * y;
      }
    }`,
  );

/** Writes a thread's part of its rows, from `first` on: each number times `by`, which may depend on the row i. */
const kept = (name: string, size: number, to: string, place: string, count: string, by: string) => `
  for (var i = 0u; i < 4u; i++) {
    let row = first + 4u * thread.y + i;
    if (row >= ${count}) { break; }
    let at = ${place}(outer, row);
    for (var j = 0u; j < 4u; j++) {
      let c = 4u * thread.x + j;
${each(vectors(size), (n) => `      if (c + ${n * COLUMNS}u < SIZE) { ${to}[at + c + ${n * COLUMNS}u] = ${name}${n}[i][j] * ${by}; }`)}
    }
  }`;

const main = (inSubgroups: boolean) => `
@compute @workgroup_size(${THREADS.x}, ${THREADS.y})
fn main(
  @builtin(local_invocation_id) thread: vec3u,
  @builtin(local_invocation_index) index: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
${inSubgroups ? SUBGROUP_BUILTIN : ''}
) {
${inSubgroups ? `  beside = min(size, ${THREADS.x}u);` : ''}
  let outer = p.firstHead + group.y;
`;

/** The four numbers of a column j, one for each row. */
const column = (sums: string) => `vec4f(${sums}[0][j], ${sums}[1][j], ${sums}[2][j], ${sums}[3][j])`;
const four = (f: (i: string) => string) => `vec4f(${['x', 'y', 'z', 'w'].map(f).join(', ')})`;

const dropped = (dropout: boolean, f: (i: string) => string) =>
  dropout ? `select(vec4f(0.0), ${four(f)}, seen)` : 'vec4f(1.0)';

/** Of a thread's four queries: their rows, positions, and the first keys that they see. */
const QUERIES = `
  // The last tiles see the most keys: they come first, so that none is left over at the end.
  let first = (p.firstTile + groups.x - 1u - group.x) * ROWS;
  let mine = min(first + 4u * thread.y + vec4u(0u, 1u, 2u, 3u), vec4u(p.queries - 1u));
  let positions = mine / p.group;
  let lows = vec4u(lowest(outer, positions.x), lowest(outer, positions.y), lowest(outer, positions.z), lowest(outer, positions.w));
  let end = (min(first + ROWS, p.queries) - 1u) / p.group + 1u;
`;

const optional = (dropout: boolean): KernelSpec['reads'] => (dropout ? { mask: 'f32', begins: 'i32' } : {});

/** Reads q, k, v; writes o [N, heads x SIZE] and `lines` (for each query: the logarithm, and place for its delta). */
const forward = (size: number, dropout: boolean, inSubgroups: boolean): Kernel =>
  kernel(
    {
      name: `attention ${size}${dropout ? ' dropout' : ''}`,
      reads: { q: 'f32', k: 'f32', v: 'f32', starts: 'i32', ...optional(dropout) },
      writes: { o: 'f32', lines: 'f32' },
      numbers,
      also: shared(size, dropout, inSubgroups),
      enables: inSubgroups ? ['subgroups'] : [],
    },
    `${main(inSubgroups)}${QUERIES}
${declared('sum', size)}
  var top = vec4f(LOWEST);
  var parts = vec4f(0.0);
  for (var key = lowest(outer, first / p.group); key < end; key += COLUMNS) {
    var sums = array<vec4f, 4>();
${scores('sums', ['q', 'first'], ['k', 'key'])}
    var most = top;
    for (var j = 0u; j < 4u; j++) {
      let at = vec4u(key + 4u * thread.x + j);
      most = max(most, select(vec4f(LOWEST), ${column('sums')}, (at <= positions) & (at >= lows)));
    }
    most = mosts(thread.x, thread.y, most);
    let less = exp(top - most);
    top = most;
    parts *= less;
    for (var j = 0u; j < 4u; j++) {
      let at = vec4u(key + 4u * thread.x + j);
      let seen = (at <= positions) & (at >= lows);
      let share = select(vec4f(0.0), exp(${column('sums')} - top), seen);
      parts += share;
      tile[(4u * thread.x + j) * WIDE_X + thread.y] = share * ${dropped(dropout, (i) => `kept(outer, mine.${i}, at.${i})`)};
    }
${each(vectors(size), (n) => `    for (var i = 0u; i < 4u; i++) { sum${n}[i] *= less[i]; }`)}
${weighted('sum', size, 'v', 'key', 'end')}
  }
  let all = totals(thread.x, thread.y, parts);
  let by = p.factor / all;
${kept('sum', size, 'o', 'placeOfOutput', 'p.queries', 'by[i]')}
  if (thread.x > 0u) { return; }
  for (var i = 0u; i < 4u; i++) {
    let row = first + 4u * thread.y + i;
    if (row < p.queries) { lines[2u * (outer * p.queries + row)] = top[i] + log(all[i]); }
  }
}`,
  );

/** Writes dq, and into `lines` each query's delta: dO o. */
const queryGradient = (size: number, dropout: boolean, inSubgroups: boolean): Kernel =>
  kernel(
    {
      name: `attention's dq ${size}${dropout ? ' dropout' : ''}`,
      reads: { q: 'f32', k: 'f32', v: 'f32', dO: 'f32', o: 'f32', starts: 'i32', ...optional(dropout) },
      writes: { lines: 'f32', dq: 'f32' },
      numbers,
      also: shared(size, dropout, inSubgroups),
      enables: inSubgroups ? ['subgroups'] : [],
    },
    `${main(inSubgroups)}${QUERIES}
${declared('sum', size)}
  var products = vec4f(0.0);
  for (var i = 0u; i < 4u; i++) {
    let at = placeOfOutput(outer, mine[i]);
    for (var c = thread.x; c < SIZE; c += ${THREADS.x}u) { products[i] += dO[at + c] * o[at + c]; }
  }
  let deltas = totals(thread.x, thread.y, products);
  let line = 2u * (outer * p.queries + mine);
  let logs = vec4f(lines[line.x], lines[line.y], lines[line.z], lines[line.w]);
  for (var key = lowest(outer, first / p.group); key < end; key += COLUMNS) {
    var sums = array<vec4f, 4>();
    var changes = array<vec4f, 4>();
${scores('sums', ['q', 'first'], ['k', 'key'])}
${scores('changes', ['dO', 'first'], ['v', 'key'])}
    for (var j = 0u; j < 4u; j++) {
      let at = vec4u(key + 4u * thread.x + j);
      let seen = (at <= positions) & (at >= lows);
      let share = select(vec4f(0.0), exp(${column('sums')} - logs), seen);
      let factor = p.factor * ${dropped(dropout, (i) => `kept(outer, mine.${i}, at.${i})`)};
      tile[(4u * thread.x + j) * WIDE_X + thread.y] = share * (${column('changes')} * factor - deltas);
    }
${weighted('sum', size, 'k', 'key', 'end')}
  }
${kept('sum', size, 'dq', 'placeOfQuery', 'p.queries', '1.0')}
  if (thread.x > 0u) { return; }
  for (var i = 0u; i < 4u; i++) {
    if (first + 4u * thread.y + i < p.queries) { lines[line[i] + 1u] = deltas[i]; }
  }
}`,
  );

/** Writes dk and dv. The tile's rows are keys, its columns queries. */
const keyGradient = (size: number, dropout: boolean): Kernel =>
  kernel(
    {
      name: `attention's dk and dv ${size}${dropout ? ' dropout' : ''}`,
      reads: { q: 'f32', k: 'f32', v: 'f32', dO: 'f32', lines: 'f32', starts: 'i32', ...optional(dropout) },
      writes: { dk: 'f32', dv: 'f32' },
      numbers,
      also: shared(size, dropout),
    },
    `${main(false)}
  let first = (p.firstTile + group.x) * ROWS;
  let mine = first + 4u * thread.y + vec4u(0u, 1u, 2u, 3u);
  let last = min(first + ROWS, p.length) - 1u;
${declared('forKey', size)}
${declared('forValue', size)}
  for (var row = first * p.group; row < p.queries; row += COLUMNS) {
    // Documents are in order: no later query sees these keys.
    if (lowest(outer, row / p.group) > last) { break; }
    var sums = array<vec4f, 4>();
    var changes = array<vec4f, 4>();
    var shares = array<vec4f, 4>();
    var factors = array<vec4f, 4>();
${scores('sums', ['k', 'first'], ['q', 'row'])}
    for (var j = 0u; j < 4u; j++) {
      let query = min(row + 4u * thread.x + j, p.queries - 1u);
      let seen = (mine <= vec4u(query / p.group)) & (mine >= vec4u(lowest(outer, query / p.group)))
        & vec4<bool>(row + 4u * thread.x + j < p.queries);
      shares[j] = select(vec4f(0.0), exp(${column('sums')} - lines[2u * (outer * p.queries + query)]), seen);
      factors[j] = p.factor * ${dropped(dropout, (i) => `kept(outer, query, mine.${i})`)};
      tile[(4u * thread.x + j) * WIDE_X + thread.y] = shares[j] * factors[j];
    }
${weighted('forValue', size, 'dO', 'row', 'p.queries')}
${scores('changes', ['v', 'first'], ['dO', 'row'])}
    for (var j = 0u; j < 4u; j++) {
      let query = min(row + 4u * thread.x + j, p.queries - 1u);
      let delta = lines[2u * (outer * p.queries + query) + 1u];
      tile[(4u * thread.x + j) * WIDE_X + thread.y] = shares[j] * (${column('changes')} * factors[j] - delta);
    }
${weighted('forKey', size, 'q', 'row', 'p.queries')}
  }
${kept('forKey', size, 'dk', 'placeOfKey', 'p.length', '1.0')}
${kept('forValue', size, 'dv', 'placeOfKey', 'p.length', '1.0')}
}`,
  );

const byShape = (make: (size: number, dropout: boolean) => Kernel) => {
  const plain = variants((size: number) => make(size, false));
  const withDropout = variants((size: number) => make(size, true));
  return (size: number, dropout: boolean) => (dropout ? withDropout : plain)(size);
};

/** By the components of a head, and whether probabilities are dropped. */
export const flash = {
  forward: byShape((size, dropout) => withSubgroups((inSubgroups) => forward(size, dropout, inSubgroups))),
  queryGradient: byShape((size, dropout) =>
    withSubgroups((inSubgroups) => queryGradient(size, dropout, inSubgroups)),
  ),
  keyGradient: byShape(keyGradient),
};

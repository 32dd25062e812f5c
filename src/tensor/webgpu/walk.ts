/**
 * Walks: the order in which a kernel visits the elements of up to three tensors at once. Broadcasting, transposing,
 * cutting and joining differ only in their strides. All strides are in elements, none is negative.
 */
import { UserError } from '../../text/errors.ts';
import { MAX_AXES } from './kernel.ts';

/** An axis of a walk: how many steps it has, and how far each of the tensors moves in one. */
export interface Axis {
  size: number;
  strides: readonly number[];
}

/** `begins`: the element of each tensor where the walk starts. */
export interface Walk {
  axes: readonly Axis[];
  begins: readonly number[];
}

export const elements = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);

/** Strides of a dense tensor. */
export function stridesOf(shape: readonly number[]): number[] {
  let stride = elements(shape);
  return shape.map((size) => (size ? (stride /= size) : 0));
}

/** The shape that NumPy's broadcasting gives. Throws an Error if there is none. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new Error(`[${a.join()}] and [${b.join()}] do not broadcast.`);
    return x === 1 ? y : x;
  });
}

/** Strides of a tensor of `shape` that is repeated to fill `whole`: 0 along the axes where it is repeated. */
export function repeatedStrides(shape: readonly number[], whole: readonly number[]): number[] {
  const own = stridesOf(shape);
  const missing = whole.length - shape.length;
  return whole.map((_, i) => (i < missing || shape[i - missing] === 1 ? 0 : own[i - missing]!));
}

/** A walk over `shape`. Axes that lie next to each other in all tensors become one. Throws an Error if too many remain. */
export function walkOver(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  begins: readonly number[] = strides.map(() => 0),
): Walk {
  const axes: Axis[] = [];
  for (const [i, size] of shape.entries()) {
    if (size === 1) continue;
    const axis = { size, strides: strides.map((tensorStrides) => tensorStrides[i]!) };
    const outer = axes.at(-1);
    if (outer?.strides.every((stride, k) => stride === size * axis.strides[k]!))
      axes.splice(-1, 1, { size: outer.size * size, strides: axis.strides });
    else axes.push(axis);
  }
  if (axes.length > MAX_AXES) throw new Error(`[${shape.join()}] has too many axes.`);
  return { axes, begins };
}

/** A walk in order over `count` tensors of this shape. */
export const dense = (shape: readonly number[], count: number) =>
  walkOver(
    shape,
    Array.from({ length: count }, () => stridesOf(shape)),
  );

/** The elements from the first to the last that the walk visits in each tensor. */
export const spansOf = ({ axes, begins }: Walk): number[] =>
  begins.map((_, k) => 1 + axes.reduce((sum, { size, strides }) => sum + (size - 1) * strides[k]!, 0));

/** The walk in pieces that each span at most `most` elements of every tensor: its outermost axis is halved. */
export function* piecesOf(walk: Walk, most: number): Generator<Walk> {
  if (spansOf(walk).every((span) => span <= most)) return yield walk;
  const { axes, begins } = walk;
  const at = axes.findIndex(({ size }) => size > 1);
  const { size, strides } = axes[at]!;
  const half = Math.ceil(size / 2);
  const withSize = (count: number) => axes.map((axis, i) => (i === at ? { size: count, strides } : axis));
  yield* piecesOf({ axes: withSize(half), begins }, most);
  yield* piecesOf(
    { axes: withSize(size - half), begins: begins.map((begin, k) => begin + half * strides[k]!) },
    most,
  );
}

export interface Rows {
  begin: number;
  count: number;
}

/** A bound part of a buffer must begin at a multiple of this many bytes. */
export const ALIGNMENT = 256;

/**
 * `rows` rows in pieces of which each fits into `mostBytes`, in every one of several tensors whose rows have
 * `rowBytes` bytes; each piece begins at a place where a part of a buffer may begin. Throws UserError `memory` if there
 * is no such piece.
 */
export function rowPieces(rows: number, rowBytes: readonly number[], mostBytes: number): Rows[] {
  const step = rowStep(rows, rowBytes, mostBytes);
  if (step === 0) throw tooLarge();
  if (step >= rows) return [{ begin: 0, count: rows }];
  return Array.from({ length: Math.ceil(rows / step) }, (_, i) => ({
    begin: i * step,
    count: Math.min(step, rows - i * step),
  }));
}

/** Whether there are such pieces. */
export const fitsByRows = (rows: number, rowBytes: readonly number[], mostBytes: number): boolean =>
  rowStep(rows, rowBytes, mostBytes) > 0;

/** Rows of a piece: 0 if there are none. */
function rowStep(rows: number, rowBytes: readonly number[], mostBytes: number): number {
  if (rowBytes.every((bytes) => rows * bytes <= mostBytes)) return Math.max(1, rows);
  const unit = rowBytes.reduce(
    (least, bytes) => lowestCommon(least, ALIGNMENT / divisor(ALIGNMENT, bytes)),
    1,
  );
  const fitting = Math.min(...rowBytes.map((bytes) => Math.floor(mostBytes / bytes)));
  return Math.floor(fitting / unit) * unit;
}

export const tooLarge = () =>
  new UserError(
    'memory',
    'A matrix is larger than what this GPU lets a kernel see at once.',
    'Train with a smaller --batch or --seq, from a smaller base, or with --backend tensorflow.',
  );

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
const lowestCommon = (a: number, b: number) => (a / divisor(a, b)) * b;

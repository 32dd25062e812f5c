/**
 * Walks: the order in which a kernel visits the elements of up to three tensors at once. Broadcasting, transposing,
 * slicing and concatenating differ only in their strides. Strides are in elements and never negative.
 */
import { elementCount } from '../../gguf/types.ts';
import { UserError } from '../../text/errors.ts';
import { MAX_AXES } from './kernel.ts';

/** An axis of a walk: its size, and the stride of each tensor. */
export interface Axis {
  size: number;
  strides: readonly number[];
}

/** `begins`: the offset in each tensor where the walk starts. */
export interface Walk {
  axes: readonly Axis[];
  begins: readonly number[];
}

export function stridesOf(shape: readonly number[]): number[] {
  let stride = elementCount(shape);
  return shape.map((size) => (size ? (stride /= size) : 0));
}

/** The shape that results from NumPy broadcasting. Throws an Error if the shapes do not broadcast. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new Error(`[${a.join()}] and [${b.join()}] do not broadcast.`);
    return x === 1 ? y : x;
  });
}

/** Strides of a tensor of `shape` broadcast to `whole`: 0 along the axes where it is repeated. */
export function repeatedStrides(shape: readonly number[], whole: readonly number[]): number[] {
  const own = stridesOf(shape);
  const missing = whole.length - shape.length;
  return whole.map((_, i) => (i < missing || shape[i - missing] === 1 ? 0 : own[i - missing]!));
}

/** A walk over `shape`. Axes that are contiguous in all tensors are merged. Throws an Error if too many remain. */
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

/** A walk in memory order over `count` tensors of this shape. */
export const dense = (shape: readonly number[], count: number) =>
  walkOver(
    shape,
    Array.from({ length: count }, () => stridesOf(shape)),
  );

/** The number of elements between the first and the last that the walk visits, in each tensor. */
export const spansOf = ({ axes, begins }: Walk): number[] =>
  begins.map((_, k) => 1 + axes.reduce((sum, { size, strides }) => sum + (size - 1) * strides[k]!, 0));

/** Splits the walk, halving its outermost axis, into pieces that span at most `max` elements of every tensor. */
export function* piecesOf(walk: Walk, max: number): Generator<Walk> {
  if (spansOf(walk).every((span) => span <= max)) return yield walk;
  const { axes, begins } = walk;
  const at = axes.findIndex(({ size }) => size > 1);
  const { size, strides } = axes[at]!;
  const half = Math.ceil(size / 2);
  const withSize = (count: number) => axes.map((axis, i) => (i === at ? { size: count, strides } : axis));
  yield* piecesOf({ axes: withSize(half), begins }, max);
  yield* piecesOf(
    { axes: withSize(size - half), begins: begins.map((begin, k) => begin + half * strides[k]!) },
    max,
  );
}

export interface Rows {
  begin: number;
  count: number;
}

/** Bindings must begin at a multiple of this many bytes. */
export const ALIGNMENT = 256;

/**
 * Splits `rows` rows of several tensors, with `rowBytes` bytes per row, into pieces that fit into `maxBytes` in each
 * tensor and begin at aligned offsets. Throws UserError `memory` if that is impossible.
 */
export function rowPieces(rows: number, rowBytes: readonly number[], maxBytes: number): Rows[] {
  const step = rowStep(rows, rowBytes, maxBytes);
  if (step === 0) throw tooLarge();
  if (step >= rows) return [{ begin: 0, count: rows }];
  return Array.from({ length: Math.ceil(rows / step) }, (_, i) => ({
    begin: i * step,
    count: Math.min(step, rows - i * step),
  }));
}

/** Whether rowPieces can split these rows. */
export const fitsByRows = (rows: number, rowBytes: readonly number[], maxBytes: number): boolean =>
  rowStep(rows, rowBytes, maxBytes) > 0;

/** Rows per piece; 0 if they can't be split. */
function rowStep(rows: number, rowBytes: readonly number[], maxBytes: number): number {
  if (rowBytes.every((bytes) => rows * bytes <= maxBytes)) return Math.max(1, rows);
  const unit = rowBytes.reduce(
    (least, bytes) => lowestCommon(least, ALIGNMENT / divisor(ALIGNMENT, bytes)),
    1,
  );
  const fitting = Math.min(...rowBytes.map((bytes) => Math.floor(maxBytes / bytes)));
  return Math.floor(fitting / unit) * unit;
}

export const tooLarge = () =>
  new UserError(
    'memory',
    'A matrix is larger than what this GPU lets a kernel access at once.',
    'Train with a smaller --batch or --seq, from a smaller base, or with --backend tensorflow.',
  );

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
const lowestCommon = (a: number, b: number) => (a / divisor(a, b)) * b;

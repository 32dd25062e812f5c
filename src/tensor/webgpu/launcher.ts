/**
 * Applies kernels to tensors. Tensors larger than the part of a buffer that a kernel can access are split into pieces,
 * here and nowhere else.
 */
import { elementCount } from '../../gguf/types.ts';
import { Handle } from '../arena.ts';
import type { DataType, Tensor } from '../tensor.ts';
import type { Storage } from './buffers.ts';
import type { Binding, Gpu, Numbers } from './gpu.ts';
import { THREADS, type Kernel } from './kernel.ts';
import { fill } from './kernels/elementwise.ts';
import { defaultTiles, type Tiles } from './kernels/tiles.ts';
import { ALIGNMENT, piecesOf, rowPieces, spansOf, tooLarge, type Rows, type Walk } from './walk.ts';

/**
 * Maximum bytes of a buffer shared by contiguous tensors, such as small parameters, their gradients and moments, so
 * that the optimiser and the gradient's norm take one dispatch each.
 */
const MAX_GROUP = 2 ** 27;
/** Bytes per element, for all types. */
export const ELEMENT = 4;

export class GpuTensor extends Handle {
  constructor(
    private readonly gpu: Gpu,
    readonly storage: Storage,
    readonly shape: readonly number[],
    readonly dtype: DataType,
    /** Offset of its first element if it shares the memory with others: a multiple of ALIGNMENT bytes. */
    readonly begin = 0,
  ) {
    super();
  }
  release(): void {
    this.gpu.buffers.release(this.storage);
  }
}

/** The tensor as a GpuTensor. Throws an Error if it was disposed. */
export function asGpuTensor(x: Tensor): GpuTensor {
  const handle = x as GpuTensor;
  if (handle.disposed) throw new Error('A tensor was used after it was disposed.');
  return handle;
}

export class Launcher {
  /** Settings of matrix products: tile shapes, and whether operands are rounded to f16. */
  tiles: Tiles = defaultTiles;
  half = false;

  /** @param made registers a new tensor with its arena */
  constructor(
    readonly gpu: Gpu,
    private readonly made: (tensor: GpuTensor) => GpuTensor,
  ) {}

  /** A new, uninitialised tensor. */
  fresh(shape: readonly number[], dtype: DataType = 'f32'): GpuTensor {
    return this.own(this.gpu.take(elementCount(shape) * ELEMENT), shape, dtype);
  }

  /** A new tensor that owns `storage`. */
  own(storage: Storage, shape: readonly number[], dtype: DataType): GpuTensor {
    return this.made(new GpuTensor(this.gpu, storage, shape, dtype));
  }

  /** A tensor that shares x's memory. */
  view(x: Tensor, shape: readonly number[]): GpuTensor {
    const { storage, dtype, begin } = asGpuTensor(x);
    storage.users += 1;
    return this.made(new GpuTensor(this.gpu, storage, shape, dtype, begin));
  }

  /**
   * New zero tensors, contiguous in as few buffers as kernels can access as a whole. The gaps between them are zeros,
   * too.
   */
  contiguousZeros(shapes: readonly (readonly number[])[]): GpuTensor[] {
    const tensors: GpuTensor[] = [];
    for (const group of groupsOf(shapes, Math.min(this.gpu.maxBindingSize, MAX_GROUP))) {
      const total = group.reduce((sum, shape) => sum + aligned(elementCount(shape)), 0);
      const storage = this.gpu.take(total * ELEMENT);
      const numbers = { count: total, begin: 0, value: 0 };
      this.threads(fill, { y: { storage } }, numbers, total);
      let begin = 0;
      for (const shape of group) {
        tensors.push(this.made(new GpuTensor(this.gpu, storage, shape, 'f32', begin)));
        begin += aligned(elementCount(shape));
      }
      storage.users = group.length;
    }
    return tensors;
  }

  /**
   * Divides lists of tensors (all of the same length) into runs that can be processed as one: in every list, a run's
   * tensors are contiguous. Returns, for each run, the first tensor of every list and the number of elements.
   */
  runs(lists: readonly (readonly Tensor[])[]): { firsts: Tensor[]; count: number }[] {
    const runs: { firsts: Tensor[]; count: number }[] = [];
    for (const i of lists[0]!.keys()) {
      const tensors = lists.map((list) => asGpuTensor(list[i]!));
      const count = elementCount(tensors[0]!.shape);
      const last = runs.at(-1);
      const gap = last && tensors[0]!.begin - asGpuTensor(last.firsts[0]!).begin;
      const follows = tensors.every((x, k) => {
        const first = last && asGpuTensor(last.firsts[k]!);
        return (
          first && x.storage === first.storage && x.begin - first.begin === gap && gap === aligned(last.count)
        );
      });
      if (last && follows) last.count = gap! + count;
      else runs.push({ firsts: tensors, count });
    }
    return runs;
  }

  /** Runs a kernel with a thread for each step of a walk. `tensors` are in the order of the kernel's buffers. */
  walk(kernel: Kernel, tensors: readonly Tensor[], walk: Walk, numbers: Numbers = {}): void {
    const max = (this.gpu.maxBindingSize - ALIGNMENT) / ELEMENT;
    for (const piece of piecesOf(walk, max)) {
      const spans = spansOf(piece);
      const begins = [0, 0, 0];
      const bindings: Record<string, Binding> = {};
      for (const [k, { name }] of kernel.buffers.entries()) {
        const { binding, rest } = this.part(tensors[k]!, piece.begins[k]!, spans[k]!);
        bindings[name] = binding;
        begins[k] = rest;
      }
      const [begin0, begin1, begin2] = begins as [number, number, number];
      const { axes } = piece;
      const count = axes.reduce((steps, { size }) => steps * size, 1);
      const own = { axes, rank: axes.length, begin0, begin1, begin2, count };
      this.threads(kernel, bindings, { ...numbers, ...own }, count);
    }
  }

  /** Whether a kernel can access the whole tensor. */
  canBind = (x: Tensor): boolean => elementCount(x.shape) * ELEMENT <= this.gpu.maxBindingSize;

  /** The buffer that all these tensors share, and their offsets; undefined if a kernel can't access it as a whole. */
  shared(tensors: readonly Tensor[]): { binding: Binding; begins: number[] } | undefined {
    const own = tensors.map(asGpuTensor);
    const { storage } = own[0]!;
    if (storage.capacity > this.gpu.maxBindingSize || own.some((x) => x.storage !== storage))
      return undefined;
    const used = own.reduce((sum, { shape }) => sum + elementCount(shape) * ELEMENT, 0);
    return { binding: { storage, used }, begins: own.map(({ begin }) => begin) };
  }

  /** Runs a kernel with a thread for each of `count` elements; all `tensors` have the same layout. */
  each(kernel: Kernel, tensors: Record<string, Tensor>, count: number, numbers: Numbers = {}): void {
    for (const { begin, count: part } of rowPieces(count, [ELEMENT], this.gpu.maxBindingSize)) {
      const bindings = mapped(tensors, (x) => this.bytes(x, begin * ELEMENT, part * ELEMENT));
      this.threads(kernel, bindings, { ...numbers }, part);
    }
  }

  /**
   * Splits `rows` rows into pieces and calls `run` for each with a function that binds a tensor's part, given its
   * elements per row. `widths`: the elements per row of all tensors that will be bound.
   */
  byRows(
    rows: number,
    widths: readonly number[],
    run: (piece: Rows, bind: (x: Tensor, width: number) => Binding) => void,
  ): void {
    const bytes = widths.map((width) => width * ELEMENT);
    for (const piece of rowPieces(rows, bytes, this.gpu.maxBindingSize))
      run(piece, (x, width) => this.bytes(x, piece.begin * width * ELEMENT, piece.count * width * ELEMENT));
  }

  /** Binds a whole tensor. Throws UserError `memory` if it is too large for a kernel. */
  whole(x: Tensor): Binding {
    return this.bytes(x, 0, elementCount(x.shape) * ELEMENT);
  }

  /** Runs a kernel with `count` threads; `count` is added to its parameters. */
  threads(kernel: Kernel, bindings: Record<string, Binding>, numbers: Numbers, count: number): void {
    if (count <= 0) return;
    numbers['count'] = count;
    this.gpu.run(kernel, bindings, numbers, Math.ceil(count / THREADS));
  }

  /** Runs a kernel with a workgroup for each of `rows` rows; `rows` is added to its parameters. */
  workgroups(kernel: Kernel, bindings: Record<string, Binding>, numbers: Numbers, rows: number): void {
    if (rows <= 0) return;
    numbers['rows'] = rows;
    this.gpu.run(kernel, bindings, numbers, rows);
  }

  /**
   * A binding that contains `count` elements starting at `begin`, and the offset of these in it. The whole buffer is
   * bound if a kernel can access it, so that the same bind group serves every part.
   */
  part(x: Tensor, begin: number, count: number): { binding: Binding; rest: number } {
    const { storage, begin: before } = asGpuTensor(x);
    if (storage.capacity <= this.gpu.maxBindingSize)
      return { binding: { storage, used: count * ELEMENT }, rest: before + begin };
    const first = Math.floor((begin * ELEMENT) / ALIGNMENT) * ALIGNMENT;
    const bytes = (begin + count) * ELEMENT - first;
    return { binding: this.bytes(x, first, bytes), rest: begin - first / ELEMENT };
  }

  /** Binds a tensor's bytes starting at `begin`, a multiple of ALIGNMENT. Throws UserError `memory` if too many. */
  bytes(x: Tensor, begin: number, count: number): Binding {
    const { storage, begin: before } = asGpuTensor(x);
    const first = before * ELEMENT + begin;
    if (first === 0 && storage.capacity <= this.gpu.maxBindingSize) return { storage, used: count };
    const bytes = Math.max(ELEMENT, Math.ceil(count / ELEMENT) * ELEMENT);
    if (bytes > this.gpu.maxBindingSize) throw tooLarge();
    return { storage, begin: first, bytes };
  }
}

/** Elements of a contiguous tensor including the alignment gap after it. */
const aligned = (count: number) => Math.ceil((count * ELEMENT) / ALIGNMENT) * (ALIGNMENT / ELEMENT);

/** Splits the shapes, in order, into groups of at most `maxBytes`. */
function groupsOf(shapes: readonly (readonly number[])[], maxBytes: number): (readonly number[])[][] {
  const groups: (readonly number[])[][] = [];
  let rest = 0;
  for (const shape of shapes) {
    const bytes = aligned(elementCount(shape)) * ELEMENT;
    if (bytes > rest) {
      groups.push([]);
      rest = maxBytes;
    }
    groups.at(-1)!.push(shape);
    rest -= bytes;
  }
  return groups;
}

const mapped = <T, U>(record: Record<string, T>, to: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value)]));

/**
 * How kernels are applied to tensors. A tensor that is larger than what a kernel can see of a buffer is worked on in
 * pieces, here and nowhere else.
 */
import { Handle } from '../arena.ts';
import type { DataType, Tensor } from '../tensor.ts';
import type { Storage } from './buffers.ts';
import type { Binding, Gpu, Numbers } from './gpu.ts';
import { THREADS, type Kernel } from './kernel.ts';
import { fill } from './kernels/elementwise.ts';
import { usualTiles, type Tiles } from './kernels/tiles.ts';
import { ALIGNMENT, elements, piecesOf, rowPieces, spansOf, tooLarge, type Rows, type Walk } from './walk.ts';

/** Bytes of tensors side by side, at most. */
const MAX_GROUP = 2 ** 27;
/** Bytes of an element of any type. */
export const ELEMENT = 4;

export class GpuTensor extends Handle {
  constructor(
    private readonly gpu: Gpu,
    readonly storage: Storage,
    readonly shape: readonly number[],
    readonly dtype: DataType,
    /** Elements in front of its first one, if it shares the memory with others: a multiple of ALIGNMENT bytes. */
    readonly begin = 0,
  ) {
    super();
  }
  release(): void {
    this.gpu.buffers.release(this.storage);
  }
}

/** The tensor as ours. Throws an Error if it was disposed. */
export function of(x: Tensor): GpuTensor {
  const handle = x as GpuTensor;
  if (handle.disposed) throw new Error('A tensor was used after it was disposed.');
  return handle;
}

export class Launcher {
  /** Of matrix products; and whether what they multiply is rounded to f16. */
  tiles: Tiles = usualTiles;
  half = false;

  /** @param made registers a new tensor with its arena */
  constructor(
    readonly gpu: Gpu,
    private readonly made: (tensor: GpuTensor) => GpuTensor,
  ) {}

  /** A new tensor, with any contents. */
  fresh(shape: readonly number[], dtype: DataType = 'f32'): GpuTensor {
    return this.own(this.gpu.take(elements(shape) * ELEMENT), shape, dtype);
  }

  /** A new tensor in memory that belongs to it. */
  own(storage: Storage, shape: readonly number[], dtype: DataType): GpuTensor {
    return this.made(new GpuTensor(this.gpu, storage, shape, dtype));
  }

  /** A tensor of the same memory. */
  view(x: Tensor, shape: readonly number[]): GpuTensor {
    const { storage, dtype, begin } = of(x);
    storage.users += 1;
    return this.made(new GpuTensor(this.gpu, storage, shape, dtype, begin));
  }

  /**
   * New tensors of zeros that lie side by side, in as few buffers as a kernel can see whole. Between them are zeros.
   */
  sideBySide(shapes: readonly (readonly number[])[]): GpuTensor[] {
    const tensors: GpuTensor[] = [];
    for (const group of groupsOf(shapes, Math.min(this.gpu.mostBound, MAX_GROUP))) {
      const total = group.reduce((sum, shape) => sum + aligned(elements(shape)), 0);
      const storage = this.gpu.take(total * ELEMENT);
      const numbers = { count: total, begin: 0, value: 0 };
      this.threads(fill, { y: { storage } }, numbers, total);
      let begin = 0;
      for (const shape of group) {
        tensors.push(this.made(new GpuTensor(this.gpu, storage, shape, 'f32', begin)));
        begin += aligned(elements(shape));
      }
      storage.users = group.length;
    }
    return tensors;
  }

  /**
   * Several lists of as many tensors, as runs of which each is worked on as one: its tensors lie side by side, in all
   * lists alike, with no other tensor between them. Of each run the first tensor of every list, and its elements.
   */
  runs(lists: readonly (readonly Tensor[])[]): { firsts: Tensor[]; count: number }[] {
    const runs: { firsts: Tensor[]; count: number }[] = [];
    for (const i of lists[0]!.keys()) {
      const tensors = lists.map((list) => of(list[i]!));
      const count = elements(tensors[0]!.shape);
      const last = runs.at(-1);
      const gap = last && tensors[0]!.begin - of(last.firsts[0]!).begin;
      const follows = tensors.every((x, k) => {
        const first = last && of(last.firsts[k]!);
        return (
          first && x.storage === first.storage && x.begin - first.begin === gap && gap === aligned(last.count)
        );
      });
      if (last && follows) last.count = gap! + count;
      else runs.push({ firsts: tensors, count });
    }
    return runs;
  }

  /** Runs a kernel with a thread for each step of a walk. `tensors` are in the order of its buffers. */
  walk(kernel: Kernel, tensors: readonly Tensor[], walk: Walk, numbers: Numbers = {}): void {
    const most = (this.gpu.mostBound - ALIGNMENT) / ELEMENT;
    for (const piece of piecesOf(walk, most)) {
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

  /** Whether a kernel can see all of a tensor. */
  sees = (x: Tensor): boolean => elements(x.shape) * ELEMENT <= this.gpu.mostBound;

  /** The buffer in which all of these tensors lie, and where they begin in it; undefined if a kernel can't see it whole. */
  shared(tensors: readonly Tensor[]): { binding: Binding; begins: number[] } | undefined {
    const own = tensors.map(of);
    const { storage } = own[0]!;
    if (storage.capacity > this.gpu.mostBound || own.some((x) => x.storage !== storage)) return undefined;
    const used = own.reduce((sum, { shape }) => sum + elements(shape) * ELEMENT, 0);
    return { binding: { storage, used }, begins: own.map(({ begin }) => begin) };
  }

  /** Runs a kernel with a thread for each of `count` elements, which all `tensors` have alike. */
  each(kernel: Kernel, tensors: Record<string, Tensor>, count: number, numbers: Numbers = {}): void {
    for (const { begin, count: part } of rowPieces(count, [ELEMENT], this.gpu.mostBound)) {
      const bindings = mapped(tensors, (x) => this.bytes(x, begin * ELEMENT, part * ELEMENT));
      this.threads(kernel, bindings, { ...numbers }, part);
    }
  }

  /**
   * Calls `run` for pieces of `rows` rows, with a function that binds a tensor's part: `width` is its elements in a row.
   * `widths`: those of all tensors that are bound so.
   */
  byRows(
    rows: number,
    widths: readonly number[],
    run: (piece: Rows, bind: (x: Tensor, width: number) => Binding) => void,
  ): void {
    const bytes = widths.map((width) => width * ELEMENT);
    for (const piece of rowPieces(rows, bytes, this.gpu.mostBound))
      run(piece, (x, width) => this.bytes(x, piece.begin * width * ELEMENT, piece.count * width * ELEMENT));
  }

  /** A tensor that a kernel must see as a whole. Throws UserError `memory` if it can't. */
  whole(x: Tensor): Binding {
    return this.bytes(x, 0, elements(x.shape) * ELEMENT);
  }

  /** Runs a kernel with a thread for each of `count` elements, which `numbers` gets as well. */
  threads(kernel: Kernel, bindings: Record<string, Binding>, numbers: Numbers, count: number): void {
    if (count <= 0) return;
    numbers['count'] = count;
    this.gpu.run(kernel, bindings, numbers, Math.ceil(count / THREADS));
  }

  /** Runs a kernel with a workgroup for each of `rows` rows, which `numbers` gets as well. */
  workgroups(kernel: Kernel, bindings: Record<string, Binding>, numbers: Numbers, rows: number): void {
    if (rows <= 0) return;
    numbers['rows'] = rows;
    this.gpu.run(kernel, bindings, numbers, rows);
  }

  /**
   * A binding that contains `count` elements from `begin` on, and how many lie in front of them: all of them if a kernel
   * can see the whole buffer, since its bind groups then serve every part.
   */
  part(x: Tensor, begin: number, count: number): { binding: Binding; rest: number } {
    const { storage, begin: before } = of(x);
    if (storage.capacity <= this.gpu.mostBound)
      return { binding: { storage, used: count * ELEMENT }, rest: before + begin };
    const first = Math.floor((begin * ELEMENT) / ALIGNMENT) * ALIGNMENT;
    const bytes = (begin + count) * ELEMENT - first;
    return { binding: this.bytes(x, first, bytes), rest: begin - first / ELEMENT };
  }

  /** The bytes of a tensor from `begin` on, a multiple of ALIGNMENT. Throws UserError `memory` if they are too many. */
  bytes(x: Tensor, begin: number, count: number): Binding {
    const { storage, begin: before } = of(x);
    const first = before * ELEMENT + begin;
    if (first === 0 && storage.capacity <= this.gpu.mostBound) return { storage, used: count };
    const bytes = Math.max(ELEMENT, Math.ceil(count / ELEMENT) * ELEMENT);
    if (bytes > this.gpu.mostBound) throw tooLarge();
    return { storage, begin: first, bytes };
  }
}

/** Elements of a tensor and of the gap after it, where tensors lie side by side. */
const aligned = (count: number) => Math.ceil((count * ELEMENT) / ALIGNMENT) * (ALIGNMENT / ELEMENT);

/** In their order, in groups of at most `mostBytes`. */
function groupsOf(shapes: readonly (readonly number[])[], mostBytes: number): (readonly number[])[][] {
  const groups: (readonly number[])[][] = [];
  let rest = 0;
  for (const shape of shapes) {
    const bytes = aligned(elements(shape)) * ELEMENT;
    if (bytes > rest) {
      groups.push([]);
      rest = mostBytes;
    }
    groups.at(-1)!.push(shape);
    rest -= bytes;
  }
  return groups;
}

const mapped = <T, U>(record: Record<string, T>, to: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value)]));

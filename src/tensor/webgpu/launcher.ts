/**
 * How kernels are applied to tensors. A tensor that is larger than what a kernel can see of a buffer is worked on in
 * pieces, here and nowhere else.
 */
import { Handle } from '../arena.ts';
import type { DataType, Tensor } from '../tensor.ts';
import type { Storage } from './buffers.ts';
import type { Binding, Gpu, Numbers } from './gpu.ts';
import { THREADS, type Kernel } from './kernel.ts';
import { ALIGNMENT, elements, piecesOf, rowPieces, spansOf, tooLarge, type Rows, type Walk } from './walk.ts';

/** Bytes of an element of any type. */
export const ELEMENT = 4;

export class GpuTensor extends Handle {
  constructor(
    private readonly gpu: Gpu,
    readonly storage: Storage,
    readonly shape: readonly number[],
    readonly dtype: DataType,
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
    const { storage, dtype } = of(x);
    storage.users += 1;
    return this.own(storage, shape, dtype);
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

  /** Runs a kernel with a thread for each of `count` elements, which all `tensors` have alike. */
  each(kernel: Kernel, tensors: Record<string, Tensor>, count: number, numbers: Numbers = {}): void {
    for (const { begin, count: part } of rowPieces(count, [ELEMENT], this.gpu.mostBound)) {
      const bindings = mapped(tensors, (x) => this.bytes(x, begin * ELEMENT, part * ELEMENT));
      this.threads(kernel, bindings, { ...numbers, count: part }, part);
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

  /** Runs a kernel with a thread for each of `count` elements. */
  threads(kernel: Kernel, bindings: Record<string, Binding>, numbers: Numbers, count: number): void {
    if (count > 0) this.gpu.run(kernel, bindings, { ...numbers, count }, Math.ceil(count / THREADS));
  }

  /** Runs a kernel with a workgroup for each of `rows` rows. */
  workgroups(kernel: Kernel, bindings: Record<string, Binding>, numbers: Numbers, rows: number): void {
    if (rows > 0) this.gpu.run(kernel, bindings, { ...numbers, rows }, rows);
  }

  /**
   * A binding that contains `count` elements from `begin` on, and how many lie in front of them: all of them if a kernel
   * can see the whole buffer, since its bind groups then serve every part.
   */
  part(x: Tensor, begin: number, count: number): { binding: Binding; rest: number } {
    const { storage } = of(x);
    if (storage.capacity <= this.gpu.mostBound) return { binding: { storage }, rest: begin };
    const first = Math.floor((begin * ELEMENT) / ALIGNMENT) * ALIGNMENT;
    const bytes = (begin + count) * ELEMENT - first;
    return { binding: this.bytes(x, first, bytes), rest: begin - first / ELEMENT };
  }

  /** The bytes of a tensor from `begin` on, a multiple of ALIGNMENT. Throws UserError `memory` if they are too many. */
  bytes(x: Tensor, begin: number, count: number): Binding {
    const { storage } = of(x);
    if (begin === 0 && storage.capacity <= this.gpu.mostBound) return { storage };
    const bytes = Math.max(ELEMENT, Math.ceil(count / ELEMENT) * ELEMENT);
    if (bytes > this.gpu.mostBound) throw tooLarge();
    return { storage, begin, bytes };
  }
}

const mapped = <T, U>(record: Record<string, T>, to: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value)]));

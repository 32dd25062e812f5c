/** What the WebGPU backend computes on the host: which elements a kernel visits, and which memory it gets. No GPU. */
import { elementCount } from '../../../src/gguf/types.ts';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Buffers, sizeClass, type Storage } from '../../../src/tensor/webgpu/buffers.ts';
import type { Gpu } from '../../../src/tensor/webgpu/gpu.ts';
import { GpuTensor, Launcher } from '../../../src/tensor/webgpu/launcher.ts';
import { knownKernels } from '../../../src/tensor/webgpu/self-test/digest.ts';
import {
  ALIGNMENT,
  broadcastShape,
  piecesOf,
  repeatedStrides,
  rowPieces,
  spansOf,
  stridesOf,
  walkOver,
  type Walk,
} from '../../../src/tensor/webgpu/walk.ts';

/** The elements of each tensor that a walk visits, in order. */
function visited({ axes, begins }: Walk): number[][] {
  const count = axes.reduce((product, { size }) => product * size, 1);
  return Array.from({ length: count }, (_, i) => {
    const at = [...begins];
    let rest = i;
    for (const { size, strides } of [...axes].reverse()) {
      for (const [k, stride] of strides.entries()) at[k]! += (rest % size) * stride;
      rest = Math.floor(rest / size);
    }
    return at;
  });
}

describe('walks', () => {
  it('broadcast like NumPy', () => {
    expect(broadcastShape([7, 1, 3], [5, 1])).toEqual([7, 5, 3]);
    expect(repeatedStrides([5, 1], [7, 5, 3])).toEqual([0, 1, 0]);
    expect(() => broadcastShape([2, 3], [2])).toThrow('[2,3] and [2] do not broadcast.');
  });

  it('merge adjacent axes, and drop those of size one', () => {
    const dense = stridesOf([4, 1, 5, 6]);
    expect(walkOver([4, 1, 5, 6], [dense, dense]).axes).toEqual([{ size: 120, strides: [1, 1] }]);
    const columns = walkOver([4, 5, 6], [stridesOf([4, 5, 6]), repeatedStrides([6], [4, 5, 6])]);
    expect(columns.axes).toEqual([
      { size: 20, strides: [6, 0] },
      { size: 6, strides: [1, 1] },
    ]);
  });

  it('visit the same elements in pieces as in one go, in the same order', () => {
    const shape = [5, 7, 3];
    const transposed = [1, 15, 5];
    const walk = walkOver(shape, [transposed, stridesOf(shape)], [11, 0]);
    for (const most of [1000, 60, 16, 1]) {
      const pieces = [...piecesOf(walk, most)];
      expect(pieces.flatMap(visited)).toEqual(visited(walk));
      for (const piece of pieces) expect(Math.max(...spansOf(piece))).toBeLessThanOrEqual(most);
    }
  });
});

describe('rows in pieces', () => {
  it('begin at a valid offset of a buffer, and leave none out', () => {
    for (const bytes of [[400], [576 * 4, 34 * 18], [4, 100]]) {
      const pieces = rowPieces(5000, bytes, 200_000);
      expect(pieces.length).toBeGreaterThan(1);
      let next = 0;
      for (const { begin, count } of pieces) {
        expect(begin).toBe(next);
        next += count;
        for (const size of bytes) {
          expect((begin * size) % ALIGNMENT).toBe(0);
          expect(count * size).toBeLessThanOrEqual(200_000);
        }
      }
      expect(next).toBe(5000);
    }
  });

  it('form a single piece if all fits, and are rejected if a few rows are too much', () => {
    expect(rowPieces(3, [7], 21)).toEqual([{ begin: 0, count: 3 }]);
    expect(() => rowPieces(1000, [1001], 50_000)).toThrow('larger than what this GPU lets a kernel access');
  });
});

describe('memory', () => {
  const pool = () => {
    const made: number[] = [];
    const destroyed: number[] = [];
    const make = (size: number) => {
      made.push(size);
      return { destroy: () => destroyed.push(size) } as unknown as GPUBuffer;
    };
    return { buffers: new Buffers(make, 2 ** 32), made, destroyed };
  };

  it('wastes at most a quarter, in sizes that a step can reuse', () => {
    for (let bytes = 257; bytes < 1e9; bytes = Math.ceil(bytes * 1.37)) {
      expect(sizeClass(bytes)).toBeGreaterThanOrEqual(bytes);
      expect(sizeClass(bytes)).toBeLessThanOrEqual(Math.max(512, bytes * 1.26));
    }
  });

  it('is reused, the oldest first, and only once all users are gone', () => {
    const { buffers, made } = pool();
    const [a, b] = [buffers.take(1000), buffers.take(1000)];
    a.users += 1;
    buffers.release(a);
    buffers.release(b);
    expect(buffers.take(1000)).toBe(b);
    buffers.release(b);
    buffers.release(a);
    expect([buffers.take(990), buffers.take(1000)]).toEqual([a, b]);
    expect(made).toHaveLength(2);
  });

  it('is not used for an upload while queued commands still use it', () => {
    const { buffers } = pool();
    const a = buffers.take(1000);
    a.batch = 7;
    buffers.release(a);
    expect(buffers.take(1000, 6)).not.toBe(a);
    expect(buffers.take(1000, 7)).toBe(a);
  });

  /**
   * Runs some hundred steps that each allocate and free this many buffers of 64 MB. Returns whether any was destroyed.
   */
  const steps = (buffers: Buffers, count: number) => {
    let any = false;
    for (let step = 0; step < 3 * 4096; step += 1) {
      const all = Array.from({ length: count }, () => buffers.take(2 ** 26));
      for (const buffer of all) buffers.release(buffer);
      any = buffers.trim() || any;
    }
    return any;
  };

  it('is kept from step to step, and returned to the device after long disuse', () => {
    const { buffers, made, destroyed } = pool();
    expect(steps(buffers, 10)).toBe(false);
    expect(made).toHaveLength(10);
    expect(steps(buffers, 1)).toBe(true);
    expect(destroyed).toHaveLength(6);
    expect(buffers.freeBytes).toBe(2 ** 28);
  });

  it('is not kept because large weights stay in use', () => {
    const { buffers } = pool();
    buffers.take(2 ** 33);
    steps(buffers, 20);
    steps(buffers, 8);
    // Those eight, plus a quarter.
    expect(buffers.freeBytes).toBe(10 * 2 ** 26);
  });
});

describe('adjacent tensors', () => {
  const gpu = {} as Gpu;
  const storage = {} as Storage;
  const launcher = new Launcher(gpu, (tensor) => tensor);
  // A tensor takes 35 of each 64 elements of memory.
  const [a, b, c] = [0, 64, 128].map((begin) => new GpuTensor(gpu, storage, [5, 7], 'f32', begin));

  it('are processed together', () => {
    expect(launcher.runs([[a!, b!, c!]])).toEqual([{ firsts: [a], count: 163 }]);
  });

  it('are not if another one lies between them, which the kernel would change', () => {
    expect(launcher.runs([[a!, c!]]).map(({ count }) => count)).toEqual([35, 35]);
  });
});

it('tests a driver again if any kernel has changed', async () => {
  const folder = '../../../src/tensor/webgpu/kernels/';
  const known = new Set<unknown>(knownKernels());
  for (const file of readdirSync(new URL(folder, import.meta.url))) {
    const exported = Object.values((await import(`${folder}${file}`)) as Record<string, object>);
    for (const name of exported)
      if (typeof name === 'object' && 'wgsl' in name) expect(known.has(name), file).toBe(true);
  }
});

it('counts the elements of a scalar as one', () => {
  expect(elementCount([])).toBe(1);
  expect(elementCount([3, 0])).toBe(0);
});

import type { DataType, Tensor } from './backend.ts';

/** A backend's own tensor. */
export abstract class Handle implements Tensor {
  abstract readonly shape: readonly number[];
  abstract readonly dtype: DataType;
  disposed = false;
  abstract release(): void;
}

/**
 * Tensor lifetimes, shared by all backends: a stack of frames, each owning the tensors created while it was on top.
 */
export abstract class ArenaBackend {
  private readonly frames: Set<Handle>[] = [];
  private live = 0;

  get liveTensors(): number {
    return this.live;
  }

  /** Registers a new tensor with the innermost arena. Outside any arena it lives until disposed. */
  protected made<H extends Handle>(handle: H): H {
    this.live += 1;
    this.frames.at(-1)?.add(handle);
    return handle;
  }

  arena<T>(body: () => T): T {
    const frame = new Set<Handle>();
    this.frames.push(frame);
    let result: T | undefined;
    try {
      result = body();
      return result;
    } finally {
      this.frames.pop();
      const outer = this.frames.at(-1);
      forEachTensor(result, (handle) => {
        if (frame.delete(handle)) outer?.add(handle);
      });
      for (const handle of frame) this.free(handle);
    }
  }

  keep(x: Tensor): Tensor {
    for (const frame of this.frames) frame.delete(x as Handle);
    return x;
  }

  dispose(...values: unknown[]): void {
    forEachTensor(values, (handle) => {
      for (const frame of this.frames) frame.delete(handle);
      this.free(handle);
    });
  }

  private free(handle: Handle): void {
    if (handle.disposed) return;
    handle.disposed = true;
    this.live -= 1;
    handle.release();
  }
}

function forEachTensor(value: unknown, visit: (handle: Handle) => void): void {
  if (value instanceof Handle) return visit(value);
  if (typeof value !== 'object' || value === null) return;
  const plain = Object.getPrototypeOf(value) === Object.prototype;
  const items =
    Array.isArray(value) || value instanceof Map ? value.values() : plain ? Object.values(value) : [];
  for (const item of items) forEachTensor(item, visit);
}

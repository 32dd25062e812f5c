/**
 * A pool of GPU buffers, reused by size class so that many steps need no more memory than one. The oldest free buffer
 * is reused first: each step then gets the same buffers as the one before, and its cached bind groups apply.
 */

/** A buffer, shared by all tensors that are views of it. */
export interface Storage {
  readonly id: number;
  readonly buffer: GPUBuffer;
  /** Bytes of the buffer, possibly more than were requested. */
  readonly capacity: number;
  /** Number of tensors that use it. */
  users: number;
  /** The last batch of commands that uses it. */
  batch: number;
}

/** This many bytes of free buffers are always kept. */
const KEPT_BYTES = 256 * 2 ** 20;
/** Peak usage is remembered for one to two periods of this many trims, which is some hundred steps. */
const PERIOD = 4096;
/** Allowance for free buffers of sizes not needed next, as a share of the range of usage. */
const SLACK = 1 / 4;

/** The lowest and highest number of bytes in use. */
interface Range {
  low: number;
  high: number;
}

export class Buffers {
  /** Free buffers by capacity, the oldest at the end. */
  private readonly free = new Map<number, Storage[]>();
  private count = 0;
  private before: Range = { low: 0, high: 0 };
  private now: Range = { low: 0, high: 0 };
  private trims = 0;
  usedBytes = 0;
  freeBytes = 0;

  /**
   * @param make creates a buffer of this many bytes
   * @param maxBytes size limit of the device in bytes
   */
  constructor(
    private readonly make: (bytes: number) => GPUBuffer,
    private readonly maxBytes: number,
  ) {}

  /** A buffer of at least `bytes`, uninitialised. `idleSince`: it must not be in use by a later batch than this. */
  take(bytes: number, idleSince = Infinity): Storage {
    const capacity = Math.max(bytes, Math.min(sizeClass(bytes), this.maxBytes));
    const free = this.free.get(capacity) ?? [];
    const at = free.findLastIndex(({ batch }) => batch <= idleSince);
    const [known] = at < 0 ? [] : free.splice(at, 1);
    this.usedBytes += capacity;
    this.now.high = Math.max(this.now.high, this.usedBytes);
    if (known) this.freeBytes -= capacity;
    const storage = known ?? {
      id: (this.count += 1),
      buffer: this.make(capacity),
      capacity,
      users: 0,
      batch: 0,
    };
    storage.users = 1;
    return storage;
  }

  /** Drops a reference; after the last one, the buffer is free. */
  release(storage: Storage): void {
    storage.users -= 1;
    if (storage.users > 0) return;
    this.usedBytes -= storage.capacity;
    this.now.low = Math.min(this.now.low, this.usedBytes);
    this.freeBytes += storage.capacity;
    const same = this.free.get(storage.capacity) ?? [];
    const lastNewer = same.findLastIndex(({ id }) => id > storage.id);
    same.splice(lastNewer + 1, 0, storage);
    this.free.set(storage.capacity, same);
  }

  /**
   * Destroys free buffers beyond the range of recent usage plus SLACK, largest first. A backward pass thus finds the
   * buffers that the last one released, and weights, which stay in use, don't count. Returns whether any were
   * destroyed.
   */
  trim(): boolean {
    this.trims += 1;
    if (this.trims % PERIOD === 0) {
      this.before = this.now;
      this.now = { low: this.usedBytes, high: this.usedBytes };
    }
    const high = Math.max(this.before.high, this.now.high);
    const low = Math.min(this.before.low, this.now.low);
    const limit = Math.max(KEPT_BYTES, high - this.usedBytes + SLACK * (high - low));
    if (this.freeBytes <= limit) return false;
    for (const capacity of [...this.free.keys()].sort((a, b) => b - a)) {
      const same = this.free.get(capacity)!;
      while (same.length > 0 && this.freeBytes > limit) {
        same.shift()!.buffer.destroy();
        this.freeBytes -= capacity;
      }
    }
    return true;
  }
}

const MIN_CAPACITY = 256;

/** `bytes` rounded up to one of four sizes for each doubling. */
export function sizeClass(bytes: number): number {
  if (bytes <= MIN_CAPACITY) return MIN_CAPACITY;
  const step = Math.max(MIN_CAPACITY, 2 ** (Math.ceil(Math.log2(bytes)) - 3));
  return Math.ceil(bytes / step) * step;
}

/**
 * GPU memory from a pool: buffers that are free are used again, by size class, so that many steps need no more than one.
 * Of several the oldest is taken, so that each step takes the same ones, and its bind groups are those of the step
 * before.
 */

/** A buffer, shared by all tensors that see the same memory. */
export interface Storage {
  readonly id: number;
  readonly buffer: GPUBuffer;
  /** Bytes of the buffer; what was asked for may be less. */
  readonly capacity: number;
  /** Tensors that use it. */
  users: number;
  /** The last batch of commands that uses it. */
  batch: number;
}

/** This many bytes of free buffers are always kept. */
const KEPT_BYTES = 256 * 2 ** 20;
/** What was in use up to one or two times as many trims ago says what will be needed again: some hundred steps. */
const PERIOD = 4096;
/** Free buffers of other sizes than are needed next, as a share of what comes and goes. */
const SLACK = 1 / 4;

/** The least and the most bytes that were in use. */
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
   * @param make a new buffer of so many bytes
   * @param most bytes of the largest that the device makes
   */
  constructor(
    private readonly make: (bytes: number) => GPUBuffer,
    private readonly most: number,
  ) {}

  /** A buffer of at least `bytes`, with any contents. `idleSince`: not used by batches after this one. */
  take(bytes: number, idleSince = Infinity): Storage {
    const capacity = Math.max(bytes, Math.min(sizeClass(bytes), this.most));
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

  /** One user less; the last one frees the buffer. */
  release(storage: Storage): void {
    storage.users -= 1;
    if (storage.users > 0) return;
    this.usedBytes -= storage.capacity;
    this.now.low = Math.min(this.now.low, this.usedBytes);
    this.freeBytes += storage.capacity;
    const same = this.free.get(storage.capacity) ?? [];
    const younger = same.findLastIndex(({ id }) => id > storage.id);
    same.splice(younger + 1, 0, storage);
    this.free.set(storage.capacity, same);
  }

  /**
   * Destroys free buffers beyond what is worth keeping, the largest first: what was in use lately and is not now, and
   * some more. So a backward pass finds what the last one gave back, and weights that stay in use count for nothing.
   * Returns whether there were any.
   */
  trim(): boolean {
    this.trims += 1;
    if (this.trims % PERIOD === 0) {
      this.before = this.now;
      this.now = { low: this.usedBytes, high: this.usedBytes };
    }
    const high = Math.max(this.before.high, this.now.high);
    const low = Math.min(this.before.low, this.now.low);
    const most = Math.max(KEPT_BYTES, high - this.usedBytes + SLACK * (high - low));
    if (this.freeBytes <= most) return false;
    for (const capacity of [...this.free.keys()].sort((a, b) => b - a)) {
      const same = this.free.get(capacity)!;
      while (same.length > 0 && this.freeBytes > most) {
        same.shift()!.buffer.destroy();
        this.freeBytes -= capacity;
      }
    }
    return true;
  }
}

const LEAST = 256;

/** `bytes` rounded up to one of four sizes for each doubling. */
export function sizeClass(bytes: number): number {
  if (bytes <= LEAST) return LEAST;
  const step = Math.max(LEAST, 2 ** (Math.ceil(Math.log2(bytes)) - 3));
  return Math.ceil(bytes / step) * step;
}

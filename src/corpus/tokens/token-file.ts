/** Token files: 32-bit little-endian integers, nothing else. */
import { closeSync, openSync, readSync } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';

const BUFFER_BYTES = 1 << 20;

/** Appends numbers (tokens, or one-byte flags) through a buffer of 1 MiB. */
export class NumberWriter {
  private readonly buffer = Buffer.alloc(BUFFER_BYTES);
  private filled = 0;
  /** Numbers appended so far. */
  length = 0;

  private constructor(
    private readonly handle: FileHandle,
    private readonly width: 1 | 4,
  ) {}

  static async create(path: string, width: 1 | 4 = 4): Promise<NumberWriter> {
    return new NumberWriter(await open(path, 'w'), width);
  }

  async append(numbers: Iterable<number>): Promise<void> {
    for (const number of numbers) {
      if (this.filled === this.buffer.length) await this.flush();
      this.filled =
        this.width === 4
          ? this.buffer.writeInt32LE(number, this.filled)
          : this.buffer.writeUInt8(number, this.filled);
      this.length += 1;
    }
  }

  async flush(): Promise<void> {
    await this.handle.writeFile(this.buffer.subarray(0, this.filled));
    this.filled = 0;
  }

  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.handle.close();
    }
  }
}

/** Reads a complete token file. Throws an Error if its size is not a multiple of a token's. */
export async function readTokens(path: string): Promise<Int32Array> {
  const file = await TokenFile.open(path);
  return file.read(0, file.length);
}

/** A file of numbers that are read on demand. It is opened for each read, so there is nothing to close. */
class NumberFile {
  constructor(
    private readonly path: string,
    readonly length: number,
    private readonly width: number,
  ) {}

  static async countNumbers(path: string, width: number): Promise<number> {
    const stats = await stat(path);
    if (!stats.isFile()) throw new Error(`${path} is not a file`);
    const { size } = stats;
    if (size % width) throw new Error(`its ${size} bytes are not a whole number of tokens`);
    return size / width;
  }

  protected readInto(target: Buffer, begin: number): void {
    const from = begin * this.width;
    if (begin < 0 || from + target.length > this.length * this.width)
      throw new RangeError(`${this.path} has ${this.length} tokens; ${begin} is outside`);
    const file = openSync(this.path, 'r');
    try {
      for (let done = 0; done < target.length;) {
        const count = readSync(file, target, done, target.length - done, from + done);
        if (count === 0) throw new Error(`${this.path} became shorter while it was read`);
        done += count;
      }
    } finally {
      closeSync(file);
    }
  }
}

/** Tokens in a file. */
export class TokenFile extends NumberFile {
  static async open(path: string): Promise<TokenFile> {
    return new TokenFile(path, await NumberFile.countNumbers(path, 4), 4);
  }

  /**
   * `count` tokens starting at index `begin`. Throws RangeError beyond the end, and an Error if the file became
   * shorter.
   */
  read(begin: number, count: number): Int32Array {
    const tokens = new Int32Array(count);
    this.readInto(Buffer.from(tokens.buffer), begin);
    return tokens;
  }
}

/** A byte for each token of a TokenFile. */
export class FlagFile extends NumberFile {
  static async open(path: string): Promise<FlagFile> {
    return new FlagFile(path, await NumberFile.countNumbers(path, 1), 1);
  }

  read(begin: number, count: number): Uint8Array {
    const flags = Buffer.alloc(count);
    this.readInto(flags, begin);
    return flags;
  }
}

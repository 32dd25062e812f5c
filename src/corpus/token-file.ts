/** Token files: 32-bit little-endian integers, nothing else. */
import { closeSync, openSync, readSync } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';

const BUFFER_TOKENS = 1 << 18;

/** Appends tokens through a buffer of 1 MiB. */
export class TokenFileWriter {
  private readonly buffer = Buffer.alloc(4 * BUFFER_TOKENS);
  private used = 0;
  /** Tokens appended so far. */
  length = 0;

  private constructor(private readonly handle: FileHandle) {}

  static async create(path: string): Promise<TokenFileWriter> {
    return new TokenFileWriter(await open(path, 'w'));
  }

  async append(tokens: Iterable<number>): Promise<void> {
    for (const token of tokens) {
      if (this.used === this.buffer.length) await this.flush();
      this.used = this.buffer.writeInt32LE(token, this.used);
      this.length += 1;
    }
  }

  private async flush(): Promise<void> {
    await this.handle.writeFile(this.buffer.subarray(0, this.used));
    this.used = 0;
  }

  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.handle.close();
    }
  }
}

export async function writeTokens(path: string, tokens: Iterable<number>): Promise<void> {
  const writer = await TokenFileWriter.create(path);
  try {
    await writer.append(tokens);
  } finally {
    await writer.close();
  }
}

/** Copies ranges of tokens (in order) from one file to another, in which each takes `width` bytes. */
export async function copyTokens(
  from: string,
  to: string,
  ranges: Iterable<{ offset: number; tokens: number }>,
  width = 4,
): Promise<void> {
  const source = await open(from, 'r');
  const target = await open(to, 'w');
  const buffer = Buffer.alloc(4 * BUFFER_TOKENS);
  try {
    for (const { offset, tokens } of ranges) {
      for (let done = 0; done < width * tokens;) {
        const wanted = Math.min(buffer.length, width * tokens - done);
        const { bytesRead } = await source.read(buffer, 0, wanted, width * offset + done);
        if (bytesRead === 0) throw new Error(`${from} ended early.`);
        await target.writeFile(buffer.subarray(0, bytesRead));
        done += bytesRead;
      }
    }
  } finally {
    await source.close();
    await target.close();
  }
}

/** Reads a whole token file. Throws when its size is no multiple of a token's. */
export async function readTokens(path: string): Promise<Int32Array> {
  const file = await TokenFile.open(path);
  return file.read(0, file.length);
}

/** A file of numbers read where they lie. It is opened for each read, so there is nothing to close. */
class NumberFile {
  constructor(
    private readonly path: string,
    readonly length: number,
    private readonly width: number,
  ) {}

  static async lengthOf(path: string, width: number): Promise<number> {
    const { size } = await stat(path);
    if (size % width) throw new Error(`it has ${size} bytes, which is no whole number of tokens`);
    return size / width;
  }

  protected readInto(target: Buffer, begin: number): void {
    const from = begin * this.width;
    if (begin < 0 || from + target.length > this.length * this.width)
      throw new RangeError(`${this.path} has ${this.length} tokens; ${begin} lies outside`);
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
    return new TokenFile(path, await NumberFile.lengthOf(path, 4), 4);
  }

  /** `count` tokens from number `begin` on. */
  read(begin: number, count: number): Int32Array {
    const tokens = new Int32Array(count);
    this.readInto(Buffer.from(tokens.buffer), begin);
    return tokens;
  }
}

/** A byte for each token of a TokenFile. */
export class FlagFile extends NumberFile {
  static async open(path: string): Promise<FlagFile> {
    return new FlagFile(path, await NumberFile.lengthOf(path, 1), 1);
  }

  read(begin: number, count: number): Uint8Array {
    const flags = Buffer.alloc(count);
    this.readInto(flags, begin);
    return flags;
  }
}

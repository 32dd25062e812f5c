/** Token files: 32-bit little-endian integers, nothing else. */
import { open, type FileHandle } from 'node:fs/promises';

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

/** Copies ranges of tokens (in order) from one token file to another. */
export async function copyTokens(
  from: string,
  to: string,
  ranges: Iterable<{ offset: number; tokens: number }>,
): Promise<void> {
  const source = await open(from, 'r');
  const target = await open(to, 'w');
  const buffer = Buffer.alloc(4 * BUFFER_TOKENS);
  try {
    for (const { offset, tokens } of ranges) {
      for (let done = 0; done < 4 * tokens;) {
        const wanted = Math.min(buffer.length, 4 * tokens - done);
        const { bytesRead } = await source.read(buffer, 0, wanted, 4 * offset + done);
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
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    if (size % 4) throw new Error(`it has ${size} bytes, which is no whole number of tokens`);
    const tokens = new Int32Array(size / 4);
    const bytes = Buffer.from(tokens.buffer);
    for (let done = 0; done < size;) {
      const { bytesRead } = await handle.read(bytes, done, size - done, done);
      if (bytesRead === 0) throw new Error('it became shorter while it was read');
      done += bytesRead;
    }
    return tokens;
  } finally {
    await handle.close();
  }
}

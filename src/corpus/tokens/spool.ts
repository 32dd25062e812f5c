/** Temporary storage of encoded documents: written sequentially, and read again when their splits are known. */
import { closeSync, openSync, readSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Piece } from '../reading/source.ts';
import { NumberWriter } from './token-file.ts';

interface Range {
  begin: number;
  tokens: number;
}

export class Spool {
  private readonly ranges: Range[] = [];

  private constructor(
    private readonly path: string,
    private readonly tokens: NumberWriter,
    /** Undefined if everything is learned. */
    private readonly learned: NumberWriter | undefined,
    private readonly encode: (text: string, special: boolean) => Int32Array,
  ) {}

  static async create(
    path: string,
    { encode, flags }: { encode: (text: string, special: boolean) => Int32Array; flags: boolean },
  ): Promise<Spool> {
    const tokens = await NumberWriter.create(path);
    return new Spool(path, tokens, flags ? await NumberWriter.create(flagsPath(path), 1) : undefined, encode);
  }

  /** Number of tokens added. */
  get length(): number {
    return this.tokens.length;
  }

  /** Encodes a document's pieces separately, so that no token is half learned. Returns their number of tokens. */
  async add(pieces: readonly Piece[]): Promise<number> {
    const begin = this.tokens.length;
    for (const { text, learned, special = false } of pieces) {
      const encoded = this.encode(text, special);
      await this.tokens.append(encoded);
      await this.learned?.append(new Uint8Array(encoded.length).fill(learned ? 1 : 0));
    }
    this.ranges.push({ begin, tokens: this.tokens.length - begin });
    return this.tokens.length - begin;
  }

  /** A reader of the added documents; fastest in order of `call`. Close it after use. */
  async reader(): Promise<SpoolReader> {
    await this.tokens.flush();
    await this.learned?.flush();
    return new SpoolReader(this.path, this.learned !== undefined, this.ranges);
  }

  async close(): Promise<void> {
    await this.tokens.close();
    await this.learned?.close();
  }

  static async remove(path: string): Promise<void> {
    await rm(path, { force: true });
    await rm(flagsPath(path), { force: true });
  }
}

const flagsPath = (path: string) => `${path}.learned`;

export class SpoolReader {
  private readonly tokens: BlockReader;
  private readonly learned: BlockReader | undefined;

  constructor(
    path: string,
    flags: boolean,
    private readonly ranges: readonly Range[],
  ) {
    this.tokens = new BlockReader(path);
    this.learned = flags ? new BlockReader(flagsPath(path)) : undefined;
  }

  /** The document of call number `call` of `add`. */
  read(call: number): { tokens: Int32Array; learned: Uint8Array | undefined } {
    const { begin, tokens } = this.ranges[call]!;
    const bytes = this.tokens.read(4 * begin, 4 * tokens);
    const list = new Int32Array(tokens);
    for (let index = 0; index < tokens; index += 1) list[index] = bytes.readInt32LE(4 * index);
    return { tokens: list, learned: this.learned?.read(begin, tokens) };
  }

  close(): void {
    this.tokens.close();
    this.learned?.close();
  }
}

const BLOCK = 1 << 20;

/** Reads a file in blocks, for consecutive ranges. */
class BlockReader {
  private readonly file: number;
  private block = Buffer.alloc(0);
  private from = 0;

  constructor(private readonly path: string) {
    this.file = openSync(path, 'r');
  }

  /** The result is valid until the next call. Throws an Error if the file is too short. */
  read(begin: number, length: number): Buffer {
    if (begin < this.from || begin + length > this.from + this.block.length) this.load(begin, length);
    return this.block.subarray(begin - this.from, begin - this.from + length);
  }

  private load(begin: number, length: number): void {
    const block = Buffer.alloc(Math.max(BLOCK, length));
    let done = 0;
    for (let count = -1; count !== 0 && done < block.length; done += count)
      count = readSync(this.file, block, done, block.length - done, begin + done);
    if (done < length) throw new Error(`${this.path} ended early.`);
    this.block = block.subarray(0, done);
    this.from = begin;
  }

  close(): void {
    closeSync(this.file);
  }
}

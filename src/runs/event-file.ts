/** Reads events.jsonl incrementally as it grows. */
import { stat, type FileHandle } from 'node:fs/promises';
import { runEventSchema, type RunEvent } from '../protocol/events.ts';
import { parseLines } from '../platform/files/lines.ts';
import { NotAFile } from '../text/not-a-file.ts';
import { openRegular } from '../platform/files/regular-file.ts';
import { fileMark, ignoreMissing } from './file-mark.ts';

/** Bytes kept from the end of what was read, to tell a file that grew from one that was overwritten. */
const TAIL = 512;
/** Maximum file size in bytes, enough for over a million steps. */
const MAX_BYTES = 256 << 20;

export class EventFile {
  events: RunEvent[] = [];
  brokenLines = 0;
  private seen = '';
  private inode = 0;
  /** Number of parsed bytes: complete lines. */
  private parsedTo = 0;
  private tail = Buffer.alloc(0);

  constructor(private readonly path: string) {}

  /**
   * Reads what was appended, or everything if the file was replaced. Returns whether anything changed. Throws NotAFile.
   */
  async refresh(): Promise<boolean> {
    const mark = fileMark(await stat(this.path).catch(ignoreMissing));
    if (mark === this.seen) return false;
    const handle = await openRegular(this.path).catch(ignoreMissing);
    try {
      const known = this.parsedTo;
      const isSame = handle ? await this.isContinued(handle) : known === 0;
      if (!isSame) this.forget();
      const grown = handle ? await this.readAppended(handle) : false;
      this.seen = mark;
      return grown || !isSame;
    } finally {
      await handle?.close();
    }
  }

  /** Frees the memory; the next refresh reads everything. Returns whether there was anything to free. */
  forget(): boolean {
    const hadAny = this.parsedTo > 0;
    this.events = [];
    this.brokenLines = 0;
    this.seen = '';
    this.parsedTo = 0;
    this.tail = Buffer.alloc(0);
    return hadAny;
  }

  private async isContinued(handle: FileHandle): Promise<boolean> {
    const { length } = this.tail;
    if ((await handle.stat()).ino !== this.inode && length > 0) return false;
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, this.parsedTo - length);
    return bytesRead === length && buffer.equals(this.tail);
  }

  private async readAppended(handle: FileHandle): Promise<boolean> {
    const { size, ino } = await handle.stat();
    this.inode = ino;
    if (size > MAX_BYTES) throw new NotAFile(this.path, `it has ${size} bytes, more than any run writes`);
    const room = Buffer.alloc(Math.max(0, size - this.parsedTo));
    const { bytesRead } = await handle.read(room, 0, room.length, this.parsedTo);
    // Leave an incomplete last line for later.
    const end = room.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
    if (end === 0) return false;
    const { values, broken } = parseLines(runEventSchema, room.toString('utf8', 0, end));
    for (const event of values) this.events.push(event);
    this.brokenLines += broken;
    this.parsedTo += end;
    this.tail = Buffer.concat([this.tail, room.subarray(Math.max(0, end - TAIL), end)]).subarray(-TAIL);
    return true;
  }
}

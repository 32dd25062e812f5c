/**
 * Opens files that someone else may have created. Named pipes and devices are rejected, because reading them may block
 * or never end.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { NotAFile, whyNotAFile } from '../../text/not-a-file.ts';

// Windows has no O_NONBLOCK, and no named pipes in its file system.
const { O_RDONLY, O_RDWR, O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK = 0 } = constants;
const modes = { r: O_RDONLY, 'a+': O_RDWR | O_APPEND | O_CREAT };

/** In bytes; far more than any of our JSON files has. */
const MAX_JSON_BYTES = 64 << 20;
const CHUNK_BYTES = 1 << 20;

/** Opens a regular file for reading, or for reading and appending (`a+`). Throws NotAFile, and file system errors. */
export async function openRegular(path: string, mode: 'r' | 'a+' = 'r'): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    // Non-blocking, so as not to wait for the other end of a pipe.
    handle = await open(path, modes[mode] | O_NONBLOCK);
  } catch (error) {
    const reason = whyNotAFile(error);
    throw reason ? new NotAFile(path, reason, { cause: error }) : error;
  }
  const stats = await handle.stat();
  if (stats.isFile()) return handle;
  await handle.close();
  throw new NotAFile(path, `it is a ${kindOf(stats)}`);
}

/** Reads a small text file. Throws like openRegular, and NotAFile if the file has more than `limit` bytes. */
export const readText = async (path: string, limit?: number): Promise<string> =>
  (await readBytes(path, limit)).toString('utf8');

/** Like readText, for a binary file. */
export async function readBytes(path: string, limit = MAX_JSON_BYTES): Promise<Buffer> {
  const handle = await openRegular(path);
  try {
    const { size } = await handle.stat();
    if (size > limit) throw new NotAFile(path, `it has ${size} bytes, more than the allowed ${limit}`);
    // Read no more than that, even if the file grows in the meantime.
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await handle.read(bytes, 0, size, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/**
 * Reads into a new buffer, so that a typed array on it is aligned; over 1 GiB in parts. `endsAt`: the error to throw if
 * the file ends before, at this byte.
 */
export async function readExactly(
  file: FileHandle,
  offset: number,
  length: number,
  endsAt: (byte: number) => Error,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(bytes, done, Math.min(length - done, 2 ** 30), offset + done);
    if (bytesRead === 0) throw endsAt(offset + done);
    done += bytesRead;
  }
  return bytes;
}

/** Opens a log for appending. Throws like openRegular. */
export const openLogSync = (path: string): number =>
  openSynchronously(path, O_WRONLY | O_APPEND | O_CREAT).file;

/** Calls `read` with an open file and its size in bytes, and closes the file afterwards. Throws like openRegular. */
export function readRegularSync<T>(path: string, read: (file: number, size: number) => T): T {
  const { file, size } = openSynchronously(path, O_RDONLY);
  try {
    return read(file, size);
  } finally {
    closeSync(file);
  }
}

/** The first `size` bytes of a file, or fewer if it has shrunk. */
export function firstBytesSync(file: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let done = 0; done < size;) {
    const count = readSync(file, bytes, done, size - done, done);
    if (count === 0) return bytes.subarray(0, done);
    done += count;
  }
  return bytes;
}

function openSynchronously(path: string, flags: number): { file: number; size: number } {
  let file: number;
  try {
    file = openSync(path, flags | O_NONBLOCK);
  } catch (error) {
    const reason = whyNotAFile(error);
    throw reason ? new NotAFile(path, reason, { cause: error }) : error;
  }
  const stats = fstatSync(file);
  if (stats.isFile()) return { file, size: stats.size };
  closeSync(file);
  throw new NotAFile(path, `it is a ${kindOf(stats)}`);
}

const kindOf = (stats: Stats) => (stats.isDirectory() ? 'folder' : stats.isFIFO() ? 'pipe' : 'device');

/**
 * Calls `take` with each line of a file, however large the file is; text after the last line end is skipped. Throws like
 * openRegular, and NotAFile if a line is far too long.
 */
export function eachLineSync(path: string, take: (line: string) => void): void {
  const decoder = new StringDecoder('utf8');
  const chunk = Buffer.alloc(CHUNK_BYTES);
  readRegularSync(path, (file) => {
    let rest = '';
    for (let count = readSync(file, chunk); count > 0; count = readSync(file, chunk)) {
      const lines = (rest + decoder.write(chunk.subarray(0, count))).split('\n');
      rest = lines.pop()!;
      if (rest.length > MAX_JSON_BYTES) throw new NotAFile(path, 'one of its lines is too long');
      for (const line of lines) take(line);
    }
  });
}

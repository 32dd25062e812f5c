/**
 * Files that somebody else may have put there are opened here: a named pipe keeps its reader waiting for good, a device
 * may never end, and neither tells so before it is read.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { NotAFile, whyNoFile } from './not-a-file.ts';

// Windows has no O_NONBLOCK, and no such pipes among its files.
const { O_RDONLY, O_RDWR, O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK = 0 } = constants;
const modes = { r: O_RDONLY, 'a+': O_RDWR | O_APPEND | O_CREAT };

/** Far above every JSON file of ours. */
const LARGEST_JSON = 64 << 20;

/** Opens what is a regular file, by default for reading, or to append to what is read (`a+`). Throws NotAFile, and the system's errors. */
export async function openRegular(path: string, mode: 'r' | 'a+' = 'r'): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    // Without waiting for a pipe's other end.
    handle = await open(path, modes[mode] | O_NONBLOCK);
  } catch (error) {
    const reason = whyNoFile(error);
    throw reason ? new NotAFile(path, reason, { cause: error }) : error;
  }
  const stats = await handle.stat();
  if (stats.isFile()) return handle;
  await handle.close();
  throw new NotAFile(path, `it is a ${stats.isDirectory() ? 'folder' : stats.isFIFO() ? 'pipe' : 'device'}`);
}

/** A small file's text. Throws as openRegular, and NotAFile where it has more than `limit` bytes. */
export const readText = async (path: string, limit?: number): Promise<string> =>
  (await readBytes(path, limit)).toString('utf8');

/** As readText, of a file that is no text. */
export async function readBytes(path: string, limit = LARGEST_JSON): Promise<Buffer> {
  const handle = await openRegular(path);
  try {
    const { size } = await handle.stat();
    if (size > limit)
      throw new NotAFile(path, `it has ${size} bytes, more than the ${limit} that it may have`);
    // No more than that, though it grows meanwhile.
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await handle.read(bytes, 0, size, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Opens a log to append to. Throws as openRegular. */
export function openLogSync(path: string): number {
  try {
    const file = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK);
    if (fstatSync(file).isFile()) return file;
    closeSync(file);
  } catch (error) {
    const reason = whyNoFile(error);
    throw reason ? new NotAFile(path, reason, { cause: error }) : error;
  }
  throw new NotAFile(path, 'it is a pipe or a device');
}

/** As readText, for what has no time to wait. */
export function readTextSync(path: string, limit = LARGEST_JSON): string {
  const stats = statSync(path);
  if (!stats.isFile() || stats.size > limit) throw new NotAFile(path, 'it is no file, or too large');
  return readFileSync(path, 'utf8');
}

/**
 * Files that somebody else may have put there are opened here: a named pipe keeps its reader waiting for good, a device
 * may never end, and neither tells so before it is read.
 */
import { constants, readFileSync, statSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { NotAFile, whyNoFile } from './not-a-file.ts';

const { O_RDONLY, O_RDWR, O_APPEND, O_CREAT } = constants;
const modes = { r: O_RDONLY, 'a+': O_RDWR | O_APPEND | O_CREAT };

/** Far above every JSON file of ours. */
const LARGEST_JSON = 64 << 20;

/** Opens what is a regular file, by default for reading, or to append to what is read (`a+`). Throws NotAFile, and the system's errors. */
export async function openRegular(path: string, mode: 'r' | 'a+' = 'r'): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    // Without waiting for a pipe's other end; Windows has no such pipes among its files.
    handle = await open(path, modes[mode] | (constants.O_NONBLOCK ?? 0));
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
export async function readText(path: string, limit = LARGEST_JSON): Promise<string> {
  const handle = await openRegular(path);
  try {
    const { size } = await handle.stat();
    if (size > limit)
      throw new NotAFile(path, `it has ${size} bytes, more than the ${limit} that it may have`);
    // No more than that, though it grows meanwhile.
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await handle.read(bytes, 0, size, 0);
    return bytes.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** As readText, for what has no time to wait. */
export function readTextSync(path: string, limit = LARGEST_JSON): string {
  const stats = statSync(path);
  if (!stats.isFile() || stats.size > limit) throw new NotAFile(path, 'it is no file, or too large');
  return readFileSync(path, 'utf8');
}

/**
 * Files that somebody else may have put there are opened here: a named pipe keeps its reader waiting for good, a device
 * may never end, and neither tells so before it is read.
 */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

/** What stands under a name that should be a file's, or how much is in it. `reason` is part of a sentence: "it is a folder". */
export class NotAFile extends Error {
  override readonly name = 'NotAFile';
  constructor(
    readonly path: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${path} can't be read: ${reason}`, options);
  }
}

/** Far above every JSON file of ours. */
const LARGEST_JSON = 64 << 20;

/** Opens what is a regular file, by default for reading. Throws NotAFile, and the system's errors. */
export async function openRegular(path: string, flags: number = constants.O_RDONLY): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    // Without waiting for a pipe's other end; Windows has no such pipes among its files.
    handle = await open(path, flags | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    const reason = strange[(error as NodeJS.ErrnoException).code ?? ''];
    throw reason ? new NotAFile(path, reason, { cause: error }) : error;
  }
  const stats = await handle.stat();
  if (stats.isFile()) return handle;
  await handle.close();
  throw new NotAFile(path, `it is a ${stats.isDirectory() ? 'folder' : stats.isFIFO() ? 'pipe' : 'device'}`);
}

const strange: Partial<Record<string, string>> = {
  EISDIR: 'it is a folder',
  ENXIO: 'it is a socket or a pipe',
  ELOOP: 'its links lead in a circle',
};

/** A small file's text. Throws as openRegular, and NotAFile where it has more than `limit` bytes. */
export async function readText(path: string, limit = LARGEST_JSON): Promise<string> {
  const handle = await openRegular(path);
  try {
    const { size } = await handle.stat();
    if (size > limit)
      throw new NotAFile(path, `it has ${size} bytes, more than the ${limit} that it may have`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

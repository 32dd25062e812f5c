import { lstat, readdir, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDiskFull, msg, UserError } from '../../text/errors.ts';
import type { Text } from '../../text/message.ts';

/** Bytes available to this user on the disk of `dir`. Throws file system errors. */
export async function freeSpace(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}

/** What files and folders take on disk. Links are not followed; files deleted in the meantime count as 0. */
export async function totalBytes(paths: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const path of paths) {
    const facts = await lstat(path).catch(() => undefined);
    if (facts?.isFile()) bytes += facts.size;
    if (!facts?.isDirectory()) continue;
    const names = await readdir(path).catch(() => []);
    bytes += await totalBytes(names.map((name) => join(path, name)));
  }
  return bytes;
}

export const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;

/** Throws UserError `disk-full` if another `bytes` do not fit on the disk of `path`. */
export async function requireSpace(
  path: string,
  bytes: number,
  next: Text = msg`Free some space, or set FORGET_ME_NOT_HOME to a folder on a larger disk, and run the same command again.`,
): Promise<void> {
  const free = await freeSpace(dirname(path));
  if (free < bytes)
    throw new UserError(
      'disk-full',
      msg`${dirname(path)} needs ${megabytes(bytes)} of free space, but has only ${megabytes(free)}.`,
      next,
    );
}

/** Turns the error of a full disk into a UserError `disk-full`; returns any other error unchanged. */
export function diskFull(error: unknown, path: string): unknown {
  if (!isDiskFull(error)) return error;
  return new UserError(
    'disk-full',
    (error as NodeJS.ErrnoException).code === 'ENOSPC'
      ? msg`The disk is full: ${path} could not be written.`
      : msg`The disk quota is used up: ${path} could not be written.`,
    msg`Free some space and run the same command again: it continues where it stopped.`,
    {
      cause: error,
    },
  );
}

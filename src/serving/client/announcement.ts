/**
 * A server announces how to reach it, for all windows of its user, in a file in the data directory. Only the user may
 * read it, because it contains the token.
 */
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { serversDir } from '../../protocol/paths.ts';
import { announcementSchema, type Announcement } from '../../protocol/server.ts';
import { writeByRename } from '../../protocol/write-file.ts';

/** Path of the announcement for this base file and these settings; a changed file counts as another base. */
export async function announcementPath(basePath: string, settings: unknown): Promise<string> {
  const base = await realpath(basePath)
    .then(async (path) => {
      const { size, mtimeMs } = await stat(path);
      return [path, size, mtimeMs];
    })
    // The server reports what is wrong with the file.
    .catch(() => [basePath]);
  const hash = createHash('sha256')
    .update(JSON.stringify([base, settings]))
    .digest('hex');
  return join(serversDir(), `${hash.slice(0, 16)}.json`);
}

/** Creates the folder of announcements, which only the user can access. */
export async function openServersDir(): Promise<void> {
  await mkdir(serversDir(), { recursive: true, mode: 0o700 });
  await chmod(serversDir(), 0o700);
}

export async function announce(path: string, announcement: Announcement): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeByRename(path, JSON.stringify(announcement), 0o600);
}

/** The announcement; undefined if there is none, or if another user could have written it. */
export async function readAnnouncement(path: string): Promise<Announcement | undefined> {
  try {
    const { uid, mode } = await lstat(path);
    const own =
      process.getuid === undefined || (uid === process.getuid() && (mode & 0o170_077) === 0o100_000);
    return own ? announcementSchema.parse(JSON.parse(await readFile(path, 'utf8'))) : undefined;
  } catch {
    return undefined;
  }
}

/** Removes this server's announcement, but not one that another server has made since. */
export async function withdraw(path: string, { token }: Pick<Announcement, 'token'>): Promise<void> {
  if ((await readAnnouncement(path))?.token === token) await rm(path, { force: true });
}

/**
 * A server announces how to reach it, for all windows of its user, in a file in the data directory. Only the user may
 * read it, because it contains the token.
 */
import { createHash, randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { msg, UserError } from '../../text/errors.ts';
import { serversDir } from '../../platform/files/paths.ts';
import { announcementSchema, type Announcement } from '../../protocol/server.ts';
import { writeByRename } from '../../platform/files/write-file.ts';
import { identifyOnDisk } from '../identify.ts';

/** Path of the announcement for this base file and these settings; a changed file counts as another base. */
export async function announcementPath(basePath: string, settings: unknown): Promise<string> {
  // The server reports what is wrong with the file.
  const base = await identifyOnDisk(basePath).catch(() => basePath);
  const hash = createHash('sha256')
    .update(JSON.stringify([base, settings]))
    .digest('hex');
  return join(serversDir(), `${hash.slice(0, 16)}.json`);
}

/**
 * Creates the folder of announcements, which only the user can access. Throws UserError `not-writable` where files can't
 * be kept from others (a drive of Windows in WSL, NTFS, SMB): what a server announces there would not be believed.
 */
export async function openServersDir(): Promise<void> {
  const folder = serversDir();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const probe = join(folder, `${randomBytes(8).toString('hex')}.probe`);
  try {
    await writeFile(probe, '', { mode: 0o600 });
    if (!(await isOwn(probe)))
      throw new UserError(
        'not-writable',
        msg`In ${folder}, files can't be kept from other users, and a completion server needs that.`,
        msg`Set forgetMeNot.dataDirectory, or FORGET_ME_NOT_HOME, to a folder on a disk of this machine.`,
      );
  } finally {
    await rm(probe, { force: true });
  }
  await chmod(folder, 0o700);
}

/** Whether it is a file of this user that nobody else may read or write. */
async function isOwn(path: string): Promise<boolean> {
  const { uid, mode } = await lstat(path);
  return process.getuid === undefined || (uid === process.getuid() && (mode & 0o170_077) === 0o100_000);
}

export async function announce(path: string, announcement: Announcement): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeByRename(path, JSON.stringify(announcement), 0o600);
}

/** The announcement; undefined if there is none, or if another user could have written it. */
export async function readAnnouncement(path: string): Promise<Announcement | undefined> {
  try {
    return (await isOwn(path))
      ? announcementSchema.parse(JSON.parse(await readFile(path, 'utf8')))
      : undefined;
  } catch {
    return undefined;
  }
}

/** Removes this server's announcement, but not one that another server has made since. */
export async function withdraw(path: string, { token }: Pick<Announcement, 'token'>): Promise<void> {
  if ((await readAnnouncement(path))?.token === token) await rm(path, { force: true });
}

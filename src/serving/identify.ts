/** Detects whether a file was replaced. Throws the system's errors. */
import { realpath, stat } from 'node:fs/promises';

/** `version` changes if the file is replaced; only valid until the machine restarts. */
export async function identify(path: string): Promise<{ version: string; bytes: number }> {
  const { dev, ino, size, mtimeMs } = await stat(path);
  return { version: [dev, ino, size, mtimeMs].join(':'), bytes: size };
}

/** The same for keys stored on disk: device and inode numbers may change after a restart (btrfs, NFS, overlays). */
export async function identifyOnDisk(path: string): Promise<string> {
  const place = await realpath(path);
  const { size, mtimeMs } = await stat(place);
  return JSON.stringify([place, size, mtimeMs]);
}

/** Room on a disk. */
import { statfs } from 'node:fs/promises';

/** Bytes that this user may still write where `dir` is. Throws the system's errors. */
export async function freeSpace(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}

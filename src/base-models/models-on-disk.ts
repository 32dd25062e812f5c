import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sizeOf } from '../platform/network/download.ts';

/** The GGUF files in a folder and those inside it, with their sizes. Links that lead nowhere are left out. */
export async function ggufFilesIn(folder: string): Promise<{ path: string; bytes: number }[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => [] as string[]);
  const paths = names.filter((name) => name.endsWith('.gguf')).map((name) => join(folder, name));
  const files = await Promise.all(paths.sort().map(async (path) => ({ path, bytes: await sizeOf(path) })));
  return files.filter(({ bytes }) => bytes > 0);
}

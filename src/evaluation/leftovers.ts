/** A checkpoint's weights as a file, for as long as they are measured. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isProcessAlive } from '../runs/index.ts';

const folder = (dir: string) => join(dir, 'evaluation');

/** This process's own. */
export const temporaryFile = (dir: string, step: number) =>
  join(folder(dir), `.checkpoint-${step}-${process.pid}.gguf`);

/** Removes the files of evaluators that were killed. */
export async function removeLeftovers(dir: string): Promise<void> {
  for (const name of await readdir(folder(dir)).catch(() => [])) {
    const pid = /^\.checkpoint-\d+-(\d+)\.gguf/.exec(name)?.[1];
    if (pid && !isProcessAlive(Number(pid))) await rm(join(folder(dir), name), { force: true });
  }
}

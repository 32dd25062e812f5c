/**
 * Temporary files of an evaluator in evaluation/: a checkpoint's weights, and the measuring mark (measuring-lock.ts).
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isProcessAlive } from '../runs/index.ts';
import { lockOwner } from '../runs/lock.ts';

const folder = (dir: string) => join(dir, 'evaluation');

/** The weights file of this process. */
export const temporaryFile = (dir: string, step: number) =>
  join(folder(dir), `.checkpoint-${step}-${process.pid}.gguf`);

/** The mark of an evaluator. */
export const markOf = (dir: string, pid: number) => join(folder(dir), `.measuring-${pid}.json`);

/** Removes the files of evaluators that were killed. One that lives in another container has only its mark here. */
export async function removeLeftovers(dir: string): Promise<void> {
  for (const name of await readdir(folder(dir)).catch(() => [])) {
    const pid = Number(/^\.(?:checkpoint-\d+|measuring)-(\d+)\.(?:gguf|json)/.exec(name)?.[1]);
    if (!pid || isProcessAlive(pid) || (await lockOwner(markOf(dir, pid)))) continue;
    await rm(join(folder(dir), name), { force: true });
  }
}

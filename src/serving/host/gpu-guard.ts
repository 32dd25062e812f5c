/**
 * Marks that a GPU is being tried. A driver can crash the whole process; the restarted server finds the mark and
 * computes on the processor.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gpuPackagesVersion } from '../../packages/gpu-packages.ts';
import type { GpuKind } from '../../protocol/gpu.ts';
import { cacheDir } from '../../platform/files/paths.ts';
import { removeFolder } from '../../platform/files/write-file.ts';
import { hasCrashedWith, leaveMark, pidIn, withMark } from './crash-mark.ts';

const folder = () => join(cacheDir(), 'gpu');
const markPath = (kind: GpuKind) => join(folder(), `${kind}-${gpuPackagesVersion}`);

/** Whether a process crashed while trying this kind of GPU within the last day. */
export const hasCrashed = (kind: GpuKind): Promise<boolean> => hasCrashedWith(markPath(kind));

/** Notes that a process which computed on this kind of GPU crashed. Never rejects. */
export const noteCrash = (kind: GpuKind, pid: number): Promise<void> => leaveMark(markPath(kind), pid);

/** Clears all marks, so that everything is tried again at the next start. */
export const clearMarks = (): Promise<void> => removeFolder(folder());

/** Clears the marks of a process that was killed for another reason than the GPU. Never rejects. */
export async function clearMarksOf(pid: number): Promise<void> {
  const names = await readdir(folder()).catch(() => []);
  for (const mark of names.map((name) => join(folder(), name)))
    if ((await pidIn(mark)) === pid) await rm(mark, { force: true }).catch(() => undefined);
}

/** Leaves the mark while `work` runs. Errors: those of `work`. */
export const withGuard = <T>(kind: GpuKind, work: () => Promise<T>): Promise<T> =>
  withMark(markPath(kind), work);

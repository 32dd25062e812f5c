/**
 * Remembers that a GPU is being tried. A driver can end the whole process; the server that is started then finds the
 * mark and computes on the processor.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gpuPackagesVersion } from '../../llama-cpp/gpu-packages.ts';
import type { GpuKind } from '../../protocol/gpu.ts';
import { cacheDir } from '../../platform/files/paths.ts';
import { endedWith, whileMarked } from './crash-mark.ts';

const markOf = (kind: GpuKind) => join(cacheDir(), 'gpu', `${kind}-${gpuPackagesVersion}`);

/** Whether a process ended while it tried this kind of GPU, within the last day. */
export const endedBy = (kind: GpuKind): Promise<boolean> => endedWith(markOf(kind));

/** So that everything is tried again at the next start. */
export const forgetTries = (): Promise<void> => rm(join(cacheDir(), 'gpu'), { recursive: true, force: true });

/** Leaves the mark while `work` runs. Errors: those of `work`. */
export const guarded = <T>(kind: GpuKind, work: () => Promise<T>): Promise<T> =>
  whileMarked(markOf(kind), work);

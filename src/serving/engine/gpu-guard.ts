/**
 * Remembers that a GPU is being tried. A driver can end the whole process; the server that is started then finds this
 * mark and computes on the processor, instead of ending in the same way.
 */
import { rmSync } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gpuPackagesVersion } from '../../base-models/llama-gpu-packages.ts';
import type { GpuKind } from '../../protocol/gpu.ts';
import { cacheDir } from '../../protocol/paths.ts';
import { readText } from '../../protocol/regular-file.ts';
import { writeByRename } from '../../protocol/write-file.ts';
import { isProcessAlive } from '../../runs/index.ts';

/** After this long it is tried again: the driver may be another. */
const REMEMBERED_MS = 24 * 3600_000;

const markOf = (kind: GpuKind) => join(cacheDir(), 'gpu', `${kind}-${gpuPackagesVersion}`);

/** Whether a process ended while it tried this kind of GPU, within the last day. */
export async function endedBy(kind: GpuKind): Promise<boolean> {
  const path = markOf(kind);
  const found = await stat(path).catch(() => undefined);
  if (!found || Date.now() - found.mtimeMs > REMEMBERED_MS) return false;
  const pid = Number(await readText(path).catch(() => ''));
  return Number.isInteger(pid) && pid > 0 && !isProcessAlive(pid);
}

/** So that everything is tried again at the next start. */
export const forgetTries = (): Promise<void> => rm(join(cacheDir(), 'gpu'), { recursive: true, force: true });

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Leaves the mark while `work` runs, or until a person or the system stops this process. Errors: those of `work`. */
export async function guarded<T>(kind: GpuKind, work: () => Promise<T>): Promise<T> {
  const path = markOf(kind);
  // Without the mark, only the way back is missing.
  await mkdir(dirname(path), { recursive: true })
    .then(() => writeByRename(path, `${process.pid}\n`))
    .catch(() => undefined);
  // An ordinary stop is not the driver's doing.
  const stop = (signal: NodeJS.Signals) => {
    rmSync(path, { force: true });
    ignoreSignals();
    // As without this handler. Windows has no other way to end by a signal.
    if (process.listenerCount(signal) === 0)
      process.kill(process.pid, process.platform === 'win32' ? 'SIGKILL' : signal);
  };
  const ignoreSignals = () => signals.forEach((signal) => process.off(signal, stop));
  for (const signal of signals) process.on(signal, stop);
  try {
    return await work();
  } finally {
    ignoreSignals();
    await rm(path, { force: true }).catch(() => undefined);
  }
}

import { rm } from 'node:fs/promises';
import { UserError } from '../protocol/errors.ts';
import type { RunState } from '../protocol/run.ts';
import { writeByRename } from '../protocol/write-file.ts';
import { readSpec, readState, statePath, stopPath, writeJson } from './files.ts';
import { lockRun, runOwner, type Owner } from './lock.ts';
import { readText } from '../protocol/regular-file.ts';
import { hasEnded } from './status.ts';

/** How long an owner takes at most to see that it is asked to stop, besides its step. */
const LOOK_MS = 250;

export type Cancelled =
  /** The owner was told; it ends after its step. */
  | 'asked'
  /** Nobody owned the run; it is cancelled now. */
  | 'cancelled'
  /** It had ended before. */
  | 'over';

/** Stops a run. Errors: run-not-found, run-newer, run-damaged. */
export async function cancelRun(dir: string, platform = process.platform): Promise<Cancelled> {
  await readSpec(dir);
  const owner = await runOwner(dir);
  if (owner) return ask(dir, owner, platform);
  try {
    const lock = await lockRun(dir);
    try {
      return await cancelOwnerless(dir);
    } finally {
      await lock.release();
    }
  } catch (error) {
    // Someone took the run in between.
    const late = error instanceof UserError && error.code === 'run-locked' ? await runOwner(dir) : undefined;
    if (!late) throw error;
    return ask(dir, late, platform);
  }
}

/** By a file that names this owner: no later one heeds it. Windows has no signal that a process could answer. */
async function ask(dir: string, { pid, token }: Owner, platform: NodeJS.Platform): Promise<Cancelled> {
  await writeByRename(stopPath(dir), token);
  // All that a trainer of an earlier version heeds.
  if (platform !== 'win32') terminate(pid);
  return 'asked';
}

function terminate(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The owner's side: a signal that fires when the holder of `token` is asked to stop; `close` ends the watch. */
export function watchForStop(dir: string, token: string): { signal: AbortSignal; close(): Promise<void> } {
  const asked = new AbortController();
  const isAsked = async () => (await readText(stopPath(dir)).catch(() => '')) === token;
  // Looked at, not watched: that works on every file system.
  const timer = setInterval(() => void isAsked().then((yes) => yes && asked.abort()), LOOK_MS).unref();
  return {
    signal: asked.signal,
    async close() {
      clearInterval(timer);
      await rm(stopPath(dir), { force: true });
    },
  };
}

async function cancelOwnerless(dir: string): Promise<Cancelled> {
  const state = await readState(dir);
  if (hasEnded(state)) return 'over';
  const { step, steps } = state;
  await writeJson(statePath(dir), { status: 'cancelled', step, steps } satisfies RunState);
  return 'cancelled';
}

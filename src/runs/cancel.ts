import { UserError } from '../protocol/errors.ts';
import type { RunState } from '../protocol/run.ts';
import { readSpec, readState, statePath, writeJson } from './files.ts';
import { lockRun, runOwner } from './lock.ts';

export type Cancelled =
  /** The owner was told; it ends after its step. */
  | 'asked'
  /** Nobody owned the run; it is cancelled now. */
  | 'cancelled'
  /** It had ended before. */
  | 'over';

/** Stops a run. Errors: run-not-found, run-newer, run-damaged. */
export async function cancelRun(dir: string): Promise<Cancelled> {
  await readSpec(dir);
  const owner = await runOwner(dir);
  if (owner !== undefined) return ask(owner);
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
    if (late === undefined) throw error;
    return ask(late);
  }
}

function ask(pid: number): Cancelled {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
  return 'asked';
}

async function cancelOwnerless(dir: string): Promise<Cancelled> {
  const { status, step, steps } = await readState(dir);
  if (status === 'done' || status === 'failed' || status === 'cancelled') return 'over';
  await writeJson(statePath(dir), { status: 'cancelled', step, steps } satisfies RunState);
  return 'cancelled';
}

import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasEnded } from '../findings/run-status.ts';
import { UserError } from '../text/errors.ts';
import { artefactName, type RunState } from '../protocol/run.ts';
import { writeByRename } from '../platform/files/write-file.ts';
import { readSpec, readState, statePath, stopPath, writeJson } from './files.ts';
import { lockRun, runOwner, type Owner } from './lock.ts';
import { isHere } from './processes.ts';
import { readText } from '../platform/files/regular-file.ts';

/** How often an owner checks for a stop request, in ms. */
const POLL_MS = 250;

type Cancellation =
  /** The owner was asked to stop and will end after its current step. */
  | 'asked'
  /** The run had no owner and is now cancelled. */
  | 'cancelled'
  | 'over';

/** Stops a run. Errors: run-not-found, run-newer, run-damaged. */
export async function cancelRun(dir: string, platform = process.platform): Promise<Cancellation> {
  await readSpec(dir);
  const owner = await runOwner(dir);
  if (owner) return requestStop(dir, owner, platform);
  try {
    const lock = await lockRun(dir);
    try {
      return await endOwnerless(dir);
    } finally {
      await lock.release();
    }
  } catch (error) {
    // Another process has just taken the run.
    const late = error instanceof UserError && error.code === 'run-locked' ? await runOwner(dir) : undefined;
    if (!late) throw error;
    return requestStop(dir, late, platform);
  }
}

/**
 * Requests a stop by a file that names this owner, so that no later owner obeys it. Not by a signal, since Windows has
 * none that a process can handle.
 */
async function requestStop(
  dir: string,
  { pid, machine, token }: Owner,
  platform: NodeJS.Platform,
): Promise<Cancellation> {
  try {
    await writeByRename(stopPath(dir), token);
  } finally {
    // Trainers of earlier versions obey only the signal, and a full disk takes no file.
    if (platform !== 'win32' && isHere(machine)) terminate(pid);
  }
  return 'asked';
}

function terminate(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Whether the current owner has been asked to stop, even if it has not noticed yet. */
export async function isStopRequested(dir: string): Promise<boolean> {
  const owner = await runOwner(dir);
  return owner !== undefined && (await requestedToken(dir)) === owner.token;
}

const requestedToken = (dir: string) => readText(stopPath(dir)).catch(() => undefined);

/** For the owner: a signal that fires when the holder of `token` is asked to stop. `close` stops watching. */
export function watchForStop(dir: string, token: string): { signal: AbortSignal; close(): Promise<void> } {
  const asked = new AbortController();
  const isAsked = async () => (await requestedToken(dir)) === token;
  // Unlike watching, polling works on every file system.
  const timer = setInterval(() => void isAsked().then((yes) => yes && asked.abort()), POLL_MS).unref();
  return {
    signal: asked.signal,
    async close() {
      clearInterval(timer);
      await rm(stopPath(dir), { force: true });
    },
  };
}

async function endOwnerless(dir: string): Promise<Cancellation> {
  const state = await readState(dir);
  if (hasEnded(state)) return 'over';
  if (await endTrained(dir, state)) return 'over';
  const { step, steps } = state;
  await writeJson(statePath(dir), { status: 'cancelled', step, steps } satisfies RunState);
  return 'cancelled';
}

/**
 * A run whose owner was killed while it measured the result is done once another process has measured it. Does nothing
 * if the run has an owner, or no result.
 */
export async function endMeasured(dir: string): Promise<void> {
  if ((await readState(dir)).status !== 'evaluating' || (await runOwner(dir))) return;
  // Fails if another process has just taken the run.
  const lock = await lockRun(dir).catch(() => undefined);
  if (!lock) return;
  try {
    await endTrained(dir, await readState(dir));
  } finally {
    await lock.release();
  }
}

/** For the holder of the lock: whether the run has a result. If so, it is done. */
async function endTrained(dir: string, state: RunState): Promise<boolean> {
  if (state.status !== 'evaluating') return false;
  // A result on a cluster is not here yet.
  if (!existsSync(join(dir, artefactName(await readSpec(dir))))) return false;
  const noOwner = { pid: undefined, pidStarted: undefined, machine: undefined, heartbeat: undefined };
  const noTimes = { phase: undefined, etaSeconds: undefined, begun: undefined, ends: undefined };
  const done = { ...state, ...noOwner, ...noTimes, status: 'done' } satisfies RunState;
  await writeJson(statePath(dir), done);
  return true;
}

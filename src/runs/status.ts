import { standingOf, type Standing } from '../findings/run-status.ts';
import type { RunState } from '../protocol/run.ts';
import { isProcessAlive, isSameProcess } from './processes.ts';

/** Maximum age of a valid heartbeat. An owner renews it every 2 s, even during a long step. */
export const FRESH_MS = 15_000;
/** A clock may be set back a little between heartbeats; one further in the future is not from a live owner. */
const AHEAD_MS = 5_000;

/**
 * Whether the process that owns the run is alive. The heartbeat is used only if the system does not report when a
 * process started, because it looks stale after a process or machine was suspended, or when the clock was set.
 */
export function isAlive({ pid, pidStarted, heartbeat }: RunState): boolean {
  if (pid === undefined || heartbeat === undefined) return false;
  const age = Date.now() - Date.parse(heartbeat);
  const isFresh = age < FRESH_MS && age > -AHEAD_MS;
  // Elsewhere, finding the start time takes a child process, and no pid is reused while a heartbeat is fresh.
  if (pidStarted !== undefined && (process.platform === 'linux' || !isFresh))
    return isSameProcess(pid, pidStarted);
  return isFresh && isProcessAlive(pid);
}

/** A run's status, taking into account whether its owner is alive. */
export const effectiveStatus = (run: Parameters<typeof standingOf>[0]): Standing =>
  standingOf(run, isAlive(run.state));

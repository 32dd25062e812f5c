import { standingOf, type Standing } from '../findings/run-status.ts';
import type { RunState } from '../protocol/run.ts';
import { isProcessAlive, isSameProcess } from './processes.ts';

/** An owner renews its heartbeat every 2 s, even in the middle of a long step. */
const FRESH_MS = 15_000;
/** A clock may be set back a little between heartbeats; one further in the future is not from a living owner. */
const AHEAD_MS = 5_000;

/**
 * Whether the process that owns the run is alive. Its heartbeat counts only where the system does not tell when a
 * process started: it looks old when a stopped process goes on, a machine wakes up, or somebody sets the clock.
 */
export function isAlive({ pid, pidStarted, heartbeat }: RunState): boolean {
  if (pid === undefined || heartbeat === undefined) return false;
  const age = Date.now() - Date.parse(heartbeat);
  const isFresh = age < FRESH_MS && age > -AHEAD_MS;
  // Elsewhere looking at the start takes a process, and no pid is reused within a heartbeat's age.
  if (pidStarted !== undefined && (process.platform === 'linux' || !isFresh))
    return isSameProcess(pid, pidStarted);
  return isFresh && isProcessAlive(pid);
}

/** How a run stands now, judged by the process that owns it. */
export const effectiveStatus = (run: Parameters<typeof standingOf>[0]): Standing =>
  standingOf(run, isAlive(run.state));

import { effectiveStatusOf, type EffectiveStatus } from '../findings/run-status.ts';
import type { RunState } from '../protocol/run.ts';
import { isFresh, isHere, isProcessAlive, isSameProcess } from './processes.ts';

/**
 * Whether the process that owns the run is alive. The heartbeat is used only if the process is on another machine or the
 * system does not report when it started, because it looks stale after a process or machine was suspended, or when the
 * clock was set.
 */
export function isAlive({ pid, pidStarted, machine, heartbeat }: RunState): boolean {
  if (pid === undefined || heartbeat === undefined) return false;
  const hasBeat = isFresh(Date.parse(heartbeat));
  if (!isHere(machine)) return hasBeat;
  // Elsewhere, finding the start time takes a child process, and no pid is reused while a heartbeat is fresh.
  if (pidStarted !== undefined && (process.platform === 'linux' || !hasBeat))
    return isSameProcess(pid, pidStarted);
  return hasBeat && isProcessAlive(pid);
}

/** A run's status, taking into account whether its owner is alive. */
export const effectiveStatus = (run: Parameters<typeof effectiveStatusOf>[0]): EffectiveStatus =>
  effectiveStatusOf(run, isAlive(run.state));

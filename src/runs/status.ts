import type { RunState, RunStatus } from '../protocol/run.ts';
import { isProcessAlive } from './processes.ts';

/** An owner renews its heartbeat every 2 s, even in the middle of a long step. */
const FRESH_MS = 15_000;

/** Does the process that owns the run live, and has it been heard of lately? */
export function isAlive({ pid, heartbeat }: RunState): boolean {
  if (pid === undefined || heartbeat === undefined) return false;
  return Date.now() - Date.parse(heartbeat) < FRESH_MS && isProcessAlive(pid);
}

export type EffectiveStatus = RunStatus | 'interrupted';

/** The status to show: a run that says it is running but whose owner is gone was interrupted. */
export function effectiveStatus(state: RunState): EffectiveStatus {
  const owned = state.status === 'running' || state.status === 'evaluating';
  return owned && !isAlive(state) ? 'interrupted' : state.status;
}

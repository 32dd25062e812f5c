import type { RunState, RunStatus } from '../protocol/run.ts';
import { isProcessAlive, isSameProcess } from './processes.ts';

/** An owner renews its heartbeat every 2 s, even in the middle of a long step. */
const FRESH_MS = 15_000;
/** A clock may be set back a little between heartbeats; one further in the future is not from a living owner. */
const AHEAD_MS = 5_000;

/** Whether the process that owns the run is alive and its heartbeat recent. */
export function isAlive({ pid, pidStarted, heartbeat }: RunState): boolean {
  if (pid === undefined || heartbeat === undefined) return false;
  const age = Date.now() - Date.parse(heartbeat);
  if (!(age < FRESH_MS && age > -AHEAD_MS)) return false;
  // Elsewhere checking the start needs a process, and no pid is reused within a heartbeat's age.
  const told = process.platform === 'linux' && pidStarted !== undefined;
  return told ? isSameProcess(pid, pidStarted) : isProcessAlive(pid);
}

/** According to its state, the run has ended: nobody writes it any more. */
export const hasEnded = (state: RunState): state is RunState & { status: 'done' | 'failed' | 'cancelled' } =>
  state.status === 'done' || state.status === 'failed' || state.status === 'cancelled';

export type EffectiveStatus = RunStatus | 'interrupted';

/** The status to show: a run whose state says it is running but whose owner has died was interrupted. */
export function effectiveStatus(state: RunState): EffectiveStatus {
  const owned = state.status === 'running' || state.status === 'evaluating';
  return owned && !isAlive(state) ? 'interrupted' : state.status;
}

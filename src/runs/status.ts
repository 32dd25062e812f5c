import type { RunState, RunStatus } from '../protocol/run.ts';
import { isProcessAlive, isSameProcess } from './processes.ts';

/** An owner renews its heartbeat every 2 s, even in the middle of a long step. */
const FRESH_MS = 15_000;
/** A clock may be set back a little between two beats; what lies further ahead was not written by who lives. */
const AHEAD_MS = 5_000;

/** Does the process that owns the run live, and has it been heard of lately? */
export function isAlive({ pid, pidStarted, heartbeat }: RunState): boolean {
  if (pid === undefined || heartbeat === undefined) return false;
  const age = Date.now() - Date.parse(heartbeat);
  if (!(age < FRESH_MS && age > -AHEAD_MS)) return false;
  // Elsewhere asking takes a process of its own, and no pid is given to another within a heartbeat's age.
  const told = process.platform === 'linux' && pidStarted !== undefined;
  return told ? isSameProcess(pid, pidStarted) : isProcessAlive(pid);
}

/** Nobody writes it any more, as far as the state tells. */
export const hasEnded = (state: RunState): state is RunState & { status: 'done' | 'failed' | 'cancelled' } =>
  state.status === 'done' || state.status === 'failed' || state.status === 'cancelled';

export type EffectiveStatus = RunStatus | 'interrupted';

/** The status to show: a run that says it is running but whose owner is gone was interrupted. */
export function effectiveStatus(state: RunState): EffectiveStatus {
  const owned = state.status === 'running' || state.status === 'evaluating';
  return owned && !isAlive(state) ? 'interrupted' : state.status;
}

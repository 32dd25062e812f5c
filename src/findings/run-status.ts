/** The effective status of a run, for the command line, the editor and its panel. Pure. */
import type { RunSpec, RunState, RunStatus } from '../protocol/run.ts';

/** `interrupted`: according to its state it is running, but its owner is gone. */
export type EffectiveStatus = RunStatus | 'interrupted';

/** Time in which a newly started owner writes its first heartbeat. */
export const START_GRACE_MS = 60_000;

type End = 'done' | 'failed' | 'cancelled';
const isEnd = (status: EffectiveStatus): status is End =>
  status === 'done' || status === 'failed' || status === 'cancelled';

/** Whether the run has ended according to its state. */
export const hasEnded = (state: RunState): state is RunState & { status: End } => isEnd(state.status);

/** @param alive whether the run's owner is alive: `isAlive` of src/runs, where processes can be seen */
export function effectiveStatusOf(
  { spec, state }: { spec: Pick<RunSpec, 'createdAt'>; state: RunState },
  alive: boolean,
  now = Date.now(),
): EffectiveStatus {
  if (hasEnded(state) || alive) return state.status;
  const queued = Date.parse(state.queuedAt ?? spec.createdAt);
  return state.status === 'queued' && Math.abs(now - queued) < START_GRACE_MS ? 'queued' : 'interrupted';
}

/** Whether its weights are written, even if its evaluation crashed, and the trainer with it. */
export const hasResult = ({ state }: { state: RunState }, status: EffectiveStatus | 'live'): boolean =>
  status === 'done' || (status === 'interrupted' && state.status === 'evaluating');

/** Whether its owner is working on it, or is about to. */
export const isLive = (status: EffectiveStatus): status is Exclude<EffectiveStatus, End | 'interrupted'> =>
  status !== 'interrupted' && !isEnd(status);

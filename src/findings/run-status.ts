/** How a run stands: the one derivation of it, for the command line, the editor and its panel. Pure. */
import type { RunSpec, RunState, RunStatus } from '../protocol/run.ts';

/** `interrupted`: its state says that it goes on, but the process that owned it has gone. */
export type Standing = RunStatus | 'interrupted';

/** A run's owner that was just started needs at most this long until its first heartbeat. */
export const START_GRACE_MS = 60_000;

type End = 'done' | 'failed' | 'cancelled';
const isEnd = (standing: Standing): standing is End =>
  standing === 'done' || standing === 'failed' || standing === 'cancelled';

/** According to its state, the run has ended: nobody writes it any more. */
export const hasEnded = (state: RunState): state is RunState & { status: End } => isEnd(state.status);

/** @param alive whether the run's owner is alive: `isAlive` of src/runs, where processes can be seen */
export function standingOf(
  { spec, state }: { spec: Pick<RunSpec, 'createdAt'>; state: RunState },
  alive: boolean,
  now = Date.now(),
): Standing {
  if (hasEnded(state) || alive) return state.status;
  const queued = Date.parse(state.queuedAt ?? spec.createdAt);
  return state.status === 'queued' && Math.abs(now - queued) < START_GRACE_MS ? 'queued' : 'interrupted';
}

/** Whether its owner works for it, or is about to. */
export const isLive = (standing: Standing): standing is Exclude<Standing, End | 'interrupted'> =>
  standing !== 'interrupted' && !isEnd(standing);

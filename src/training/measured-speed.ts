/** The training speed of earlier runs on this machine. */
import type { BackendName, Hyper } from '../protocol/run.ts';
import { listRuns } from '../runs/index.ts';

/** Tokens per second of runs with the same method, precision and backend, newest first, by the sha256 of their base. */
export async function measuredSpeeds(
  options: Pick<Hyper, 'method' | 'precision'> & { backend: BackendName },
): Promise<Map<string, number[]>> {
  const speeds = new Map<string, number[]>();
  for (const { spec, events } of await listRuns()) {
    const { base, hyper } = spec;
    if (hyper.method !== options.method || hyper.precision !== options.precision) continue;
    const done = events.findLast((event) => event.type === 'done');
    const start = events.findLast((event) => event.type === 'start');
    if (done && done.tokensPerSecond > 0 && start?.backend === options.backend)
      speeds.set(base.sha256, [...(speeds.get(base.sha256) ?? []), done.tokensPerSecond]);
  }
  return speeds;
}

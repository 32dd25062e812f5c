/** How fast bases trained on this machine before. */
import type { BackendName, Hyper } from '../protocol/run.ts';
import { listRuns } from '../runs/index.ts';

/** Tokens per second of the runs that were trained like that, newest first, by the sha256 of their base. */
export async function measuredSpeeds(
  how: Pick<Hyper, 'method' | 'precision'> & { backend: BackendName },
): Promise<Map<string, number[]>> {
  const speeds = new Map<string, number[]>();
  for (const { spec, events } of await listRuns()) {
    const { base, hyper } = spec;
    if (hyper.method !== how.method || hyper.precision !== how.precision) continue;
    const done = events.findLast((event) => event.type === 'done');
    const start = events.findLast((event) => event.type === 'start');
    if (done && done.tokensPerSecond > 0 && start?.backend === how.backend)
      speeds.set(base.sha256, [...(speeds.get(base.sha256) ?? []), done.tokensPerSecond]);
  }
  return speeds;
}

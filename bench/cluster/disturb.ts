/** Kills a worker in the middle of a trial with a checkpoint in storage, then restarts the dashboard. */
import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RayCluster } from './ray.ts';

const POLL_MS = 500;
const PATIENCE_MS = 600_000;

export interface Disturbance {
  /** Tasks that were running on the worker. */
  lost: string[];
  /** The first step of each of them afterwards. */
  resumedAt: Record<string, number>;
}

interface DriverLine {
  type: string;
  id: string;
  status?: string;
  node?: string;
  line?: { type: string; step?: number };
}

interface JobDetails {
  submission_id: string;
  status: string;
  start_time: number;
}

export async function disturb(cluster: RayCluster, storage: string): Promise<Disturbance> {
  const startedAt = Date.now();
  const job = await waitFor('a job', async () =>
    (await cluster.ask<JobDetails[]>('/api/jobs/')).find(({ start_time }) => start_time > startedAt),
  );
  const victim = await waitFor('a checkpoint of a running trial', async () => {
    const lines = await driverLines(cluster, job);
    if (lines.some(({ type }) => type === 'done')) return 'ended' as const;
    const running = whereTasksRun(lines);
    const kept = await readdir(storage, { recursive: true });
    return [...running].find(([id]) => kept.some((name) => name.includes(id) && /step-\d+\.tar$/.test(name)));
  });
  if (victim === 'ended') throw new Error('No trial was long enough for a checkpoint: give more --steps.');
  const [, node] = victim;
  const before = await driverLines(cluster, job);
  await cluster.kill(node);
  const lost = [...whereTasksRun(before)].filter(([, where]) => where === node).map(([id]) => id);
  await cluster.restartDashboard();
  let lines: DriverLine[] = [];
  await waitFor('the job to end', async () => {
    lines = await driverLines(cluster, job);
    return lines.some(({ type }) => type === 'done') || undefined;
  });
  const resumedAt: Record<string, number> = {};
  for (const id of lost) {
    const retried = lines.findIndex((line) => line.id === id && line.status === 'retrying');
    const first = lines
      .slice(retried)
      .find(
        (event) => retried >= 0 && event.type === 'line' && event.id === id && (event.line?.step ?? 0) > 0,
      );
    if (first) resumedAt[id] = first.line!.step!;
  }
  return { lost, resumedAt };
}

/** The node of each running task. */
function whereTasksRun(lines: DriverLine[]): Map<string, string> {
  const nodes = new Map<string, string>();
  const running = new Map<string, string>();
  for (const { type, id, status, node } of lines) {
    if (type !== 'task') continue;
    if (node) nodes.set(id, node);
    if (status === 'running') running.set(id, nodes.get(id)!);
    else if (status !== undefined) running.delete(id);
  }
  return running;
}

async function driverLines(cluster: RayCluster, { submission_id }: JobDetails): Promise<DriverLine[]> {
  const { logs } = await cluster.ask<{ logs: string }>(`/api/jobs/${submission_id}/logs`);
  return logs.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as DriverLine];
    } catch {
      return [];
    }
  });
}

async function waitFor<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    // The dashboard may be down.
    const found = await look().catch(() => undefined);
    if (found !== undefined) return found;
    if (performance.now() - startedAt > PATIENCE_MS) throw new Error(`Waited too long for ${what}.`);
    await sleep(POLL_MS);
  }
}

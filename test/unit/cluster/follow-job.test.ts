/** Following a job: each line once, whatever happens to the connection. */
import { afterEach, expect, it } from 'vitest';
import { followJob } from '../../../src/cluster/follow-job.ts';
import { parseCluster } from '../../../src/cluster/ray/address.ts';
import { RayClient } from '../../../src/cluster/ray/client.ts';
import { printed, RayServer, type RayJob } from '../../support/ray-server.ts';

let server: RayServer;
let job: RayJob;
afterEach(() => server.stop());

const line = (step: number) => ({ type: 'line', id: 'train', line: { type: 'step', step } });
const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => line(from + at));

/** The lines received so far, and a promise for the end. */
async function follow(options: { signal?: AbortSignal } = {}) {
  server = await new RayServer().start();
  const client = new RayClient({ address: parseCluster(server.url) });
  server.onSubmit = (one) => (job = one);
  await client.submit({ submissionId: 'a-job', entrypoint: '', runtimeEnv: {}, metadata: {} });
  const received: number[] = [];
  const other: string[] = [];
  const troubles: (string | undefined)[] = [];
  const signal = options.signal ?? new AbortController().signal;
  const ended = followJob(client, 'a-job', {
    signal,
    pollMs: 5,
    onLine: (one) => void (one.type === 'line' && received.push(Number(one.line['step']))),
    onForeignLine: (text) => other.push(text),
    onConnectionChange: (error) => troubles.push(error?.code),
  });
  return { received, other, troubles, ended };
}

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
};

const steps = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

it("streams the job's output, separately from that of Ray and libraries", async () => {
  const { received, other, ended } = await follow();
  job.logs += printed(...lines(1, 12)) + 'Running entrypoint\n{"type":"step"\n';
  await until(() => received.length === 12 && other.length === 2);
  // A line still being written is left for later.
  const half = printed(line(13));
  job.logs += half.slice(0, 20);
  await until(() => server.following === 1);
  job.logs += half.slice(20);
  await until(() => received.length === 13);
  job.logs += printed(line(14)).trimEnd();
  job.status = 'SUCCEEDED';
  expect(await ended).toMatchObject({ status: 'SUCCEEDED' });
  expect(received).toEqual(steps(14));
  expect(other).toEqual(['Running entrypoint', '{"type":"step"']);
});

it('passes on each line once if the connection breaks repeatedly', async () => {
  const { received, ended } = await follow();
  for (let from = 1; from <= 40; from += 10) {
    // The connection breaks in the middle of the last line.
    const text = printed(...lines(from, from + 9));
    job.logs += text.slice(0, -30);
    await until(() => received.length === from + 8);
    server.cutTails();
    job.logs += text.slice(-30);
  }
  job.status = 'SUCCEEDED';
  await ended;
  expect(received).toEqual(steps(40));
});

it('resumes once the dashboard is back', async () => {
  const { received, troubles, ended } = await follow();
  job.logs += printed(...lines(1, 3));
  await until(() => received.length === 3);
  await server.stop();
  await until(() => troubles.length > 0);
  job.logs += printed(...lines(4, 5));
  await server.start();
  await until(() => received.length === 5);
  expect(troubles[0]).toBe('cluster-down');
  expect(troubles.at(-1)).toBeUndefined();
  job.status = 'FAILED';
  job.message = 'Job entrypoint command failed with exit code 1';
  expect(await ended).toEqual({ status: 'FAILED', message: job.message });
});

it('also reads the logs without WebSockets', async () => {
  const { received, ended } = await follow();
  server.refusesTails = true;
  server.cutTails();
  for (let at = 1; at <= 3; at += 1) {
    job.logs += printed(line(at));
    await until(() => received.length === at);
  }
  job.status = 'SUCCEEDED';
  await ended;
  expect(received).toEqual([1, 2, 3]);
});

it('without WebSockets, stops trying them and polls less often the longer the log', async () => {
  const { received, ended } = await follow();
  server.refusesTails = true;
  server.cutTails();
  // Long enough to skip ten polls.
  const filler = `${'x'.repeat(999)}\n`.repeat(1000);
  job.logs += filler + printed(line(1));
  await until(() => received.length === 1);
  const before = server.requests.length;
  const since = () => server.requests.slice(before).map((one) => one.replace('/api/jobs/a-job', ''));
  await until(() => since().filter((one) => one === 'GET /logs').length === 3);
  const looks = since().join(' ').split('GET /logs').slice(1, -1);
  for (const one of looks) expect(one.match(/GET/g)).toHaveLength(11);
  expect(since().some((one) => one.startsWith('WS'))).toBe(false);
  // The next poll still sees the end, and nothing is missed.
  job.logs += printed(line(2));
  job.status = 'SUCCEEDED';
  const asked = since().length;
  await ended;
  expect(since().length - asked).toBeLessThanOrEqual(3);
  expect(received).toEqual([1, 2]);
});

it('tries WebSockets again after the cluster was unavailable', async () => {
  const { received, troubles, ended } = await follow();
  server.refusesTails = true;
  server.cutTails();
  job.logs += printed(line(1));
  await until(() => received.length === 1);
  await server.stop();
  await until(() => troubles.length > 0);
  server.refusesTails = false;
  await server.start();
  await until(() => server.following === 1);
  job.status = 'SUCCEEDED';
  await ended;
});

it('reports that a job is lost', async () => {
  const { ended } = await follow();
  server.jobs.clear();
  server.cutTails();
  await expect(ended).rejects.toMatchObject({ code: 'cluster-lost' });
});

it('leaves the job running on request', async () => {
  const leave = new AbortController();
  const { received, ended } = await follow({ signal: leave.signal });
  job.logs += printed(line(1));
  await until(() => received.length === 1);
  leave.abort();
  expect(await ended).toBeUndefined();
  expect(job.status).toBe('RUNNING');
  expect(server.requests.some((one) => one.startsWith('POST') && one.endsWith('/stop'))).toBe(false);
});

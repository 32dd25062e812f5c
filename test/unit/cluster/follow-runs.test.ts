/** The runs that one job trains side by side, in their local directories. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { follow as followWork } from '../../../src/cluster/follow.ts';
import { parseCluster } from '../../../src/cluster/ray/address.ts';
import { RayClient } from '../../../src/cluster/ray/client.ts';
import { readCluster, writeCluster } from '../../../src/cluster/store.ts';
import type { ReproducerMessage } from '../../../src/protocol/reproduction.ts';
import { cancelRun, createRun, readRun } from '../../../src/runs/index.ts';
import { runOwner } from '../../../src/runs/lock.ts';
import { printed, RayServer, type RayJob } from '../../support/ray-server.ts';
import { newRun, startEvent, stepEvent, useTemporaryHome } from '../runs/help.ts';
import { clusterFile, handedOver } from './help.ts';

const home = useTemporaryHome();
const ID = 'a-reproduction';
let server: RayServer;
let client: RayClient;
let job: RayJob;
let dir: string;
let lora: string;
let full: string;
let messages: ReproducerMessage[];

beforeEach(async () => {
  messages = [];
  server = await new RayServer('a-token').start();
  server.onSubmit = (one) => (job = one);
  client = new RayClient({ address: parseCluster(server.url), token: 'a-token' });
  await client.submit({ submissionId: 'a-job', entrypoint: '', runtimeEnv: {}, metadata: {} });
  dir = join(home.path(), ID);
  await mkdir(dir);
  const made = [await createRun(newRun()), await createRun(newRun())];
  [lora, full] = made.map((run) => run.dir) as [string, string];
  const runs = { lora: made[0]!.id, full: made[1]!.id };
  await writeCluster(dir, clusterFile(server.url, { kind: 'reproduce', runs }));
  for (const run of [lora, full])
    await writeCluster(run, clusterFile(server.url, { kind: 'reproduce', reproduction: ID }));
});
afterEach(() => server.stop());

const at = { time: '2026-11-28T00:00:00.000Z' };
const printedLine = (id: string, line: object) => printed({ type: 'line', id, line });
const status = (id: string, what: string, more: object = {}) =>
  printed({ type: 'task', id, status: what, attempt: 1, ...more });
const doneEvent = {
  type: 'done',
  ...at,
  step: 30,
  tokensPerSecond: 100,
  peakMemory: 1e9,
  seconds: 9,
  artefact: 'adapter.gguf',
};
const started = printed({ type: 'started', ray: '2.60.0', nodes: 2 });
const training = (id: string, steps = 1) =>
  printedLine(id, { ...startEvent(0), ...at }) +
  Array.from({ length: steps }, (_, i) => printedLine(id, { ...stepEvent(i + 1), ...at })).join('') +
  printedLine(id, { type: 'state', status: 'running', step: steps, steps: 30, phase: 'Training' });

/** The end of a run's task whose file contains `text`. */
async function end(id: string, text: string): Promise<string> {
  const { log, result } = await handedOver({ 'adapter.gguf': text });
  const file = `${id}.b64`;
  server.logFiles.set(`a-node/${file}`, log);
  return (
    printedLine(id, doneEvent) +
    printed({ ...result, id, fetch: { kind: 'log', nodeId: 'a-node', file } }) +
    status(id, 'done')
  );
}

async function follow(detach = new AbortController()): Promise<void> {
  const file = (await readCluster(dir))!;
  const onMessage = (message: ReproducerMessage) => void messages.push(message);
  await followWork({ client, dir, file, emit: onMessage, detach: detach.signal, pollMs: 5 });
}

const stateOf = async (run: string) => (await readRun(run)).state;
const types = async (run: string) => (await readRun(run)).events.map(({ type }) => type);
const endOf = async (of: string) => (await readCluster(of))?.ended;

describe('runs trained by one job', () => {
  it('end separately: one with its result, one with its error', async () => {
    const error = {
      type: 'error',
      ...at,
      code: 'diverged',
      message: 'It diverged.',
      next: 'Lower the rate.',
    };
    job.logs =
      started +
      training('lora') +
      training('full', 2) +
      printedLine('full', error) +
      status('full', 'failed', { code: 'diverged', message: 'It diverged.' }) +
      printedLine('lora', {
        type: 'progress',
        of: 'evaluator.mjs',
        phase: 'HumanEval, base',
        done: 1,
        total: 6,
      }) +
      printedLine('lora', { type: 'failed', of: 'evaluator.mjs', message: 'HumanEval is not there.' }) +
      (await end('lora', 'weights')) +
      printed({ type: 'done', failed: ['full'] });
    job.status = 'FAILED';
    await follow();
    expect(await stateOf(lora)).toMatchObject({ status: 'done', step: 1 });
    expect(readFileSync(join(lora, 'adapter.gguf'), 'utf8')).toBe('weights');
    expect(await types(lora)).toEqual(['start', 'step', 'done']);
    expect(await stateOf(full)).toMatchObject({ status: 'failed', error: { code: 'diverged' } });
    expect(await types(full)).toEqual(['start', 'step', 'step', 'error']);
    expect(messages).toContainEqual({ type: 'run', task: 'lora', status: 'done' });
    expect(messages).toContainEqual({ type: 'run', task: 'full', status: 'failed', message: 'It diverged.' });
    expect(messages).toContainEqual({
      type: 'leftOut',
      task: 'lora',
      of: 'evaluator.mjs',
      message: 'HumanEval is not there.',
    });
    // All were tried, so none can be resumed.
    expect([await endOf(dir), await endOf(lora), await endOf(full)]).toEqual(['done', 'done', 'failed']);
    for (const run of [lora, full]) expect(await runOwner(run)).toBeUndefined();
  });

  it('are reattached to without repeating an event or a download', async () => {
    job.logs = started + training('lora') + training('full') + (await end('lora', 'weights'));
    const detach = new AbortController();
    const first = follow(detach);
    await vi.waitUntil(async () => (await endOf(lora)) === 'done', 60_000);
    await vi.waitUntil(async () => (await types(full)).length === 2, 60_000);
    detach.abort();
    await first;
    expect(await endOf(dir)).toBeUndefined();
    expect(await runOwner(full)).toBeUndefined();
    server.logFiles.clear();
    job.logs += (await end('full', 'more')) + printed({ type: 'done', failed: [] });
    job.status = 'SUCCEEDED';
    await follow();
    expect([await types(lora), await types(full)]).toEqual(Array(2).fill(['start', 'step', 'done']));
    expect(await endOf(dir)).toBe('done');
  });

  it('are all cancelled if the job is stopped', async () => {
    job.logs = started + training('lora') + status('lora', 'failed', { code: 'cancelled' });
    job.status = 'STOPPED';
    await follow();
    for (const run of [lora, full]) {
      expect((await stateOf(run)).status).toBe('cancelled');
      expect(await endOf(run)).toBe('cancelled');
    }
    expect(await endOf(dir)).toBe('cancelled');
  });

  it('are stopped together if one is cancelled here by a signal that only ends the following', async () => {
    job.logs = started + training('lora');
    const detach = new AbortController();
    const ended = follow(detach);
    await vi.waitUntil(async () => (await types(lora)).length === 2, 60_000);
    // As on Windows: this process is the owner, and a signal would end the test.
    expect(await cancelRun(lora, 'win32')).toBe('asked');
    await vi.waitUntil(() => job.status === 'STOPPED', 60_000);
    detach.abort();
    await ended;
    for (const of of [dir, lora, full]) expect(await endOf(of)).toBe('cancelled');
  });
});

describe('a failure on the cluster', () => {
  it('is thrown, and fails the runs that the job did not try', async () => {
    job.logs = started + (await end('lora', 'weights'));
    job.status = 'FAILED';
    job.message = 'RuntimeEnvSetupError: no space left on device';
    await expect(follow()).rejects.toMatchObject({
      code: 'cluster-failed',
      next: expect.stringContaining(`"reproduce --resume ${ID}" on the command line`),
    });
    expect((await stateOf(lora)).status).toBe('done');
    expect((await stateOf(full)).error?.message).toContain('no space left on device');
    expect([await endOf(dir), await endOf(full)]).toEqual(['failed', 'failed']);
  });

  it('affects only the run whose result is gone', async () => {
    job.logs = started + (await end('lora', 'weights')) + (await end('full', 'more'));
    job.logs += printed({ type: 'done', failed: [] });
    job.status = 'SUCCEEDED';
    server.logFiles.delete('a-node/lora.b64');
    await follow();
    expect(await stateOf(lora)).toMatchObject({ status: 'failed', error: { code: 'cluster-failed' } });
    expect(existsSync(join(lora, 'adapter.gguf'))).toBe(false);
    expect((await stateOf(full)).status).toBe('done');
  });

  it('is reported if the job no longer exists', async () => {
    server.jobs.clear();
    await expect(follow()).rejects.toMatchObject({ code: 'cluster-lost' });
    expect([await endOf(dir), await endOf(lora)]).toEqual(['lost', 'lost']);
    expect((await stateOf(full)).error?.next).toContain(`reproduce --resume ${ID}`);
  });
});

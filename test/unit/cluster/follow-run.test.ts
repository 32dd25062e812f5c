/** A run training on a cluster, in its local directory. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type * as fs from 'node:fs/promises';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { follow as followWork } from '../../../src/cluster/follow.ts';
import { mirrorRun } from '../../../src/cluster/mirror-run.ts';
import { parseCluster } from '../../../src/cluster/ray/address.ts';
import { RayClient } from '../../../src/cluster/ray/client.ts';
import { readCluster, writeCluster } from '../../../src/cluster/store.ts';
import { cancelRun, createRun, openRunWriter, readRun } from '../../../src/runs/index.ts';
import { printed, RayServer, type RayJob } from '../../support/ray-server.ts';
import { newRun, startEvent, stepEvent, useTemporaryHome } from '../runs/help.ts';
import { clusterFile, handedOver } from './help.ts';

/** The end of a path whose writes go to a device that is always full. */
const full = vi.hoisted(() => ({ path: undefined as string | undefined }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>();
  const open: typeof fs.open = (path, ...more) =>
    real.open(full.path !== undefined && String(path).endsWith(full.path) ? '/dev/full' : path, ...more);
  return { ...real, open };
});

useTemporaryHome();
let server: RayServer;
let client: RayClient;
let job: RayJob;
let dir: string;

beforeEach(async () => {
  server = await new RayServer('a-token').start();
  server.onSubmit = (one) => (job = one);
  client = new RayClient({ address: parseCluster(server.url), token: 'a-token' });
  await client.submit({ submissionId: 'a-job', entrypoint: '', runtimeEnv: {}, metadata: {} });
  ({ dir } = await createRun(newRun()));
  await writeCluster(dir, clusterFile(server.url));
});
afterEach(() => server.stop());

const at = { time: '2026-11-27T20:00:00.000Z' };
const printedLine = (line: object) => printed({ type: 'line', id: 'train', line });
const doneEvent = {
  type: 'done',
  ...at,
  step: 30,
  tokensPerSecond: 100,
  peakMemory: 1e9,
  seconds: 9,
  artefact: 'adapter.gguf',
};
const trained =
  printed(
    { type: 'started', ray: '2.60.0', nodes: 2 },
    { type: 'task', id: 'train', status: 'running', attempt: 1 },
  ) +
  printedLine({ ...startEvent(0), ...at }) +
  printedLine({ ...stepEvent(1), ...at }) +
  printedLine({ type: 'state', status: 'running', step: 1, steps: 30, phase: 'Training' });

async function follow(detach = new AbortController()) {
  const file = (await readCluster(dir))!;
  const emit = () => undefined;
  const ended = followWork({ client, dir, file, emit, detach: detach.signal, pollMs: 5 });
  // Handled later.
  ended.catch(() => undefined);
  return { ended, detach };
}

const until = async (condition: () => boolean | Promise<boolean>) => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
};
const types = async () => (await readRun(dir)).events.map(({ type }) => type);

async function finish(files: Record<string, string> = { 'adapter.gguf': 'weights' }): Promise<void> {
  const { log, result } = await handedOver(files);
  server.logFiles.set('a-node/result.b64', log);
  job.logs += printedLine(doneEvent) + printed(result, { type: 'done', failed: [] });
  job.status = 'SUCCEEDED';
}

describe('a run on a cluster', () => {
  it('looks as if it had trained locally', async () => {
    job.logs = trained;
    const { ended } = await follow();
    await until(async () => (await readRun(dir)).state.step === 1);
    expect((await readRun(dir)).state).toMatchObject({
      status: 'running',
      phase: 'Training',
      pid: process.pid,
    });
    await finish({
      'adapter.gguf': 'weights',
      'evaluation/summary.json': '{}',
      'checkpoints/step-000030/state.json': '{}',
      'state.json': 'of the worker',
    });
    expect(await ended).toBe('done');
    const { state, events } = await readRun(dir);
    expect(state).toMatchObject({ status: 'done', step: 1 });
    expect(state.pid).toBeUndefined();
    expect(events.map(({ type }) => type)).toEqual(['start', 'step', 'done']);
    // The times are the worker's.
    expect(events.every(({ time }) => time === at.time)).toBe(true);
    expect(readFileSync(join(dir, 'adapter.gguf'), 'utf8')).toBe('weights');
    expect(existsSync(join(dir, 'checkpoints/step-000030/state.json'))).toBe(true);
    expect(readdirSync(dir).filter((name) => name.startsWith('.'))).toEqual([]);
    expect((await readCluster(dir))?.ended).toBe('done');
    expect(readFileSync(join(dir, 'cluster.json'), 'utf8')).not.toContain('a-token');
  });

  it('says why it is waiting', async () => {
    const message = 'No node of the cluster has 64 processors.';
    job.logs = printed({
      type: 'task',
      id: 'train',
      status: 'waiting',
      attempt: 1,
      code: 'cluster-resources',
      message,
    });
    const { ended, detach } = await follow();
    await until(async () => (await readRun(dir)).state.phase === message);
    detach.abort();
    await ended;
  });

  it('is reattached to without repeating an event', async () => {
    job.logs = trained;
    const first = await follow();
    await until(async () => (await types()).length === 2);
    first.detach.abort();
    expect(await first.ended).toBeUndefined();
    job.logs += printedLine({ ...stepEvent(2), ...at });
    const second = await follow();
    await until(async () => (await types()).length === 3);
    await finish();
    expect(await second.ended).toBe('done');
    expect(await types()).toEqual(['start', 'step', 'step', 'done']);
  });

  it('keeps its earlier events when submitted again', async () => {
    const writer = await openRunWriter(dir);
    await writer.event({ type: 'warning', message: 'The cluster was lost.' });
    await writer.close();
    await writeCluster(dir, clusterFile(server.url, { eventsBefore: 1 }));
    job.logs = trained;
    const { ended } = await follow();
    await finish();
    await ended;
    expect(await types()).toEqual(['warning', 'start', 'step', 'done']);
  });

  it('is stopped there when cancelled here', async () => {
    job.logs = trained;
    const { ended } = await follow();
    await until(async () => (await types()).length === 2);
    // As a driver does when asked to stop.
    server.onStop = (one) => {
      one.logs += printed({ type: 'task', id: 'train', status: 'failed', attempt: 1, code: 'cancelled' });
      one.status = 'STOPPED';
    };
    // As on Windows: this process is the owner, and a signal would end the test.
    expect(await cancelRun(dir, 'win32')).toBe('asked');
    expect(await ended).toBe('cancelled');
    expect(job.status).toBe('STOPPED');
    expect((await readCluster(dir))?.ended).toBe('cancelled');
  });
});

describe('a failure on the cluster', () => {
  it.each([
    ['STOPPED', 'cancelled'],
    ['FAILED', 'failed'],
  ] as const)('never leaves a finished run without its result: %s', async (status, ended) => {
    job.logs = trained + printedLine(doneEvent);
    job.status = status;
    const how = await (await follow()).ended.catch(({ code }: { code: string }) => code);
    expect(how).toBe(status === 'STOPPED' ? 'cancelled' : 'cluster-failed');
    expect((await readCluster(dir))?.ended).toBe(ended);
    expect(await types()).not.toContain('done');
  });

  it("is reported as the trainer's error", async () => {
    const error = {
      type: 'error',
      ...at,
      code: 'corpus-empty',
      message: 'Nothing to learn.',
      next: 'Add files.',
    };
    job.logs = trained + printedLine(error);
    job.logs += printed(
      { type: 'task', id: 'train', status: 'failed', attempt: 1 },
      { type: 'done', failed: ['train'] },
    );
    job.status = 'FAILED';
    await expect((await follow()).ended).rejects.toMatchObject({
      code: 'corpus-empty',
      message: error.message,
    });
    expect((await readCluster(dir))?.ended).toBe('failed');
    expect(await types()).toEqual(['start', 'step', 'error']);
    expect((await readRun(dir)).state).toMatchObject({ status: 'failed', error: { code: 'corpus-empty' } });
  });

  it.each([
    ['cluster-storage', 'The storage /mnt/shared cannot be written (EACCES).'],
    ['memory', 'The worker ran out of memory.'],
    ['cluster-resources', 'No node has 64 processors.'],
  ])("is reported with the driver's sentence: %s", async (code, message) => {
    job.logs = printed(
      { type: 'started', ray: '2.60.0', nodes: 1 },
      { type: 'task', id: 'train', status: 'failed', attempt: 1, code, message },
      { type: 'done', failed: ['train'] },
    );
    job.status = 'FAILED';
    await expect((await follow()).ended).rejects.toMatchObject({ code, message });
  });

  it("is reported with Ray's message if the driver never started", async () => {
    job.status = 'FAILED';
    job.message = 'Traceback\n  File "agent.py"\nRuntimeEnvSetupError: no space left on device';
    await expect((await follow()).ended).rejects.toMatchObject({
      code: 'cluster-failed',
      message: expect.stringContaining(': RuntimeEnvSetupError: no space left on device.'),
    });
  });

  it('is reported if the job no longer exists', async () => {
    server.jobs.clear();
    await expect((await follow()).ended).rejects.toMatchObject({ code: 'cluster-lost' });
    expect((await readCluster(dir))?.ended).toBe('lost');
    const { state, events } = await readRun(dir);
    expect(state).toMatchObject({ status: 'failed', error: { next: expect.stringContaining('{resume 2') } });
    expect(events.map(({ type }) => type)).toEqual(['error']);
  });

  it('leaves the job running if only the token is wrong', async () => {
    client = new RayClient({ address: parseCluster(server.url), token: 'another' });
    await expect((await follow()).ended).rejects.toMatchObject({ code: 'cluster-token' });
    expect((await readCluster(dir))?.ended).toBeUndefined();
    expect((await readRun(dir)).state.status).toBe('running');
  });
});

describe('a result', () => {
  const failing = async (): Promise<string> => {
    const { ended } = await follow();
    const error = await ended.then(
      () => expect.fail('it did not fail'),
      (thrown: { code: string; message: string }) => thrown,
    );
    expect(error.code).toBe('cluster-failed');
    // It can be fetched again.
    expect((await readCluster(dir))?.ended).toBeUndefined();
    expect(readdirSync(dir).filter((name) => name.startsWith('.'))).toEqual([]);
    expect(await types()).not.toContain('done');
    return error.message;
  };

  it('is rejected if it differs from the trained one, and the local one is kept', async () => {
    await writeFile(join(dir, 'adapter.gguf'), 'of before');
    await finish();
    const log = server.logFiles.get('a-node/result.b64')!;
    server.logFiles.set('a-node/result.b64', (await handedOver({ 'adapter.gguf': 'weightz' })).log);
    expect(await failing()).toContain('adapter.gguf is not what was made there');
    server.logFiles.set('a-node/result.b64', log.slice(0, log.length / 2));
    expect(await failing()).toContain('no whole archive');
    server.logFiles.clear();
    expect(await failing()).toContain('The file does not exist');
    expect(readFileSync(join(dir, 'adapter.gguf'), 'utf8')).toBe('of before');
  });

  it('is fetched even if the connection breaks, the cluster goes away and its dashboard restarts', async () => {
    await finish();
    // Cut in the middle, then refused, then the node is not known yet.
    server.logFailures.push('cut', 'cut', 500);
    const phases: (string | undefined)[] = [];
    const writer = await openRunWriter(dir);
    const set = writer.state.bind(writer);
    writer.state = (patch) => {
      if ('phase' in patch) phases.push(patch.phase);
      return set(patch);
    };
    const file = (await readCluster(dir))!;
    const detach = new AbortController().signal;
    const options = { client, dir, file, emit: () => undefined, detach, pollMs: 5 };
    const status = await followWork(options, (one) => mirrorRun(one, () => Promise.resolve(writer)));
    expect(status).toBe('done');
    expect(readFileSync(join(dir, 'adapter.gguf'), 'utf8')).toBe('weights');
    const [fetching, away] = ['Fetching the result', "The cluster can't be reached; trying again"];
    expect(phases.slice(phases.indexOf(fetching))).toEqual([
      ...[fetching, away, fetching, away, away, fetching, undefined],
    ]);
  });

  it('is awaited as long as the user waits', async () => {
    await finish();
    const leave = new AbortController();
    const { ended } = await follow(leave);
    server.logFailures.push(...Array<'cut'>(1000).fill('cut'));
    await until(() => server.logFailures.length < 996);
    leave.abort();
    expect(await ended).toBeUndefined();
    expect((await readCluster(dir))?.ended).toBeUndefined();
    expect(readdirSync(dir).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('is no longer awaited once the run is cancelled, and can be fetched later', async () => {
    await finish();
    const { ended } = await follow();
    server.logFailures.push(...Array<'cut'>(1000).fill('cut'));
    await until(() => server.logFailures.length < 998);
    expect(await cancelRun(dir, 'win32')).toBe('asked');
    expect(await ended).toBe('cancelled');
    expect((await readCluster(dir))?.ended).toBeUndefined();
    server.logFailures.length = 0;
    expect(await (await follow()).ended).toBe('done');
  });

  it.runIf(process.platform === 'linux')('says that the local disk is full', async () => {
    await finish();
    full.path = 'result.zip';
    await expect((await follow()).ended).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringContaining(dir) as string,
    });
    full.path = undefined;
    expect((await readCluster(dir))?.ended).toBeUndefined();
    expect(readdirSync(dir).filter((name) => name.startsWith('.'))).toEqual([]);
    expect(await (await follow()).ended).toBe('done');
  });

  /** Ends the job with a result in `path`. */
  async function finishOnStorage(path: string): Promise<void> {
    const { log, result } = await handedOver({ 'adapter.gguf': 'weights' });
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, Buffer.from(log, 'base64'));
    job.logs +=
      printedLine(doneEvent) +
      printed({ ...result, fetch: { kind: 'storage', path } }, { type: 'done', failed: [] });
    job.status = 'SUCCEEDED';
  }

  it('is read from storage mounted here, and then removed', async () => {
    const storage = join(dir, '..', 'storage');
    await writeCluster(dir, clusterFile(server.url, { storage }));
    const path = join(storage, basename(dir), 'train', 'result.zip');
    await finishOnStorage(path);
    expect(await (await follow()).ended).toBe('done');
    expect(readFileSync(join(dir, 'adapter.gguf'), 'utf8')).toBe('weights');
    expect(existsSync(dirname(path))).toBe(false);
  });

  it('stays in storage until its download is recorded here', async () => {
    const storage = join(dir, '..', 'storage');
    await writeCluster(dir, clusterFile(server.url, { storage }));
    const path = join(storage, basename(dir), 'train', 'result.zip');
    await finishOnStorage(path);
    // As if the run's directory could not be written for a moment.
    await mkdir(join(dir, 'adapter.gguf', 'x'), { recursive: true });
    await expect((await follow()).ended).rejects.toThrow();
    expect(existsSync(path)).toBe(true);
    rmSync(join(dir, 'adapter.gguf'), { recursive: true });
    expect(await (await follow()).ended).toBe('done');
    expect(existsSync(path)).toBe(false);
  });

  it("can't name any other file for deletion", async () => {
    const storage = join(dir, '..', 'storage');
    await writeCluster(dir, clusterFile(server.url, { storage }));
    const path = join(dir, '..', 'mine.zip');
    await finishOnStorage(path);
    expect(await (await follow()).ended).toBe('done');
    expect(existsSync(path)).toBe(true);
  });

  it.each(['../outside', '/etc/outside', 'a/../../outside', 'C:\\outside', './run.json'])(
    'may not be named %s',
    async (name) => {
      // No packer writes such a name, so one of the same length is replaced.
      const before = 'x'.repeat(name.length);
      await finish({ 'adapter.gguf': 'weights', [before]: 'x' });
      const archive = Buffer.from(server.logFiles.get('a-node/result.b64')!, 'base64').toString('latin1');
      const changed = Buffer.from(archive.replaceAll(before, name), 'latin1');
      server.logFiles.set('a-node/result.b64', changed.toString('base64'));
      job.logs = job.logs.replace(JSON.stringify(before), JSON.stringify(name));
      await failing();
      expect(existsSync(join(dir, '..', 'outside'))).toBe(false);
    },
  );
});

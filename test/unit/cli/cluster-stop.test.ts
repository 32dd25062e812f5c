/** A run that is being sent, and cancelling work that no process follows: no result from the cluster is lost. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  cancelGroupJob,
  describeStopped,
  findGroupJob,
  launchOnCluster,
  resumeOnCluster,
  stopDetached,
} from '../../../src/cli/processes/cluster-job.ts';
import { isOnCluster } from '../../../src/cli/processes/cluster-reproduction.ts';
import type { SendOptions } from '../../../src/cli/processes/send-work.ts';
import { follow } from '../../../src/cluster/follow.ts';
import { openCluster, readCluster, writeCluster } from '../../../src/cluster/store.ts';
import { corpusPlanSchema } from '../../../src/protocol/run.ts';
import { createReproduction } from '../../../src/reproduce/store.ts';
import { cancelRun, createRun, isAlive, queueRun, readRun } from '../../../src/runs/index.ts';
import { createSweep, readSweep } from '../../../src/training/sweep/store.ts';
import { UserError } from '../../../src/text/errors.ts';
import { printed, RayServer, type RayJob } from '../../support/ray-server.ts';
import { clusterFile, handedOver } from '../cluster/help.ts';
import { newRun, useTemporaryHome } from '../runs/help.ts';
import { baseLine, newSweep, trial } from '../training/sweep-help.ts';

const sendWork = vi.hoisted(() => vi.fn());
vi.mock('../../../src/cli/processes/send-work.ts', () => ({
  sendWork,
  isRefused: (error: { code?: string }) => error.code === 'cancelled',
}));
vi.mock('../../../src/cli/processes/launch.ts', async (original) => ({
  ...(await original<object>()),
  launchTrainer: () => undefined,
}));

const home = useTemporaryHome();
let server: RayServer;
let job: RayJob;

beforeEach(async () => {
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  server = await new RayServer().start();
  job = { status: 'RUNNING', message: '', logs: '', request: {} };
  server.jobs.set('a-job', job);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await server.stop();
});

it('collects trials that a sweep finished while it was not followed', async () => {
  const corpus = join(home.path(), 'corpus');
  await mkdir(corpus);
  const sweep = await createSweep({ ...newSweep(), extend: false }, corpus);
  await writeCluster(sweep.dir, clusterFile(server.url, { kind: 'sweep' }));
  const measured = [baseLine(), trial(1e-4, -0.1)];
  job.logs = printed(...measured.map((line) => ({ type: 'line', id: 'x', line: { type: 'line', line } })));
  await cancelGroupJob((await findGroupJob(sweep.spec.id))!);
  expect(job.status).toBe('STOPPED');
  expect((await readSweep(sweep.dir)).lines).toEqual(measured);
  expect((await readCluster(sweep.dir))?.ended).toBe('cancelled');
});

it('leaves a run whose job has ended to be collected, and stops a running one', async () => {
  const { dir } = await createRun(newRun());
  await writeCluster(dir, clusterFile(server.url));
  job.status = 'SUCCEEDED';
  const over = await stopDetached(dir, false);
  expect(over).toEqual({ kind: 'train', how: 'over' });
  expect(describeStopped(over!, 'a-run')).toContain(
    'Take over what it made with: forget-me-not resume a-run',
  );
  expect((await readCluster(dir))?.ended).toBeUndefined();

  job.status = 'RUNNING';
  expect(await stopDetached(dir, true)).toBeUndefined();
  expect(job.status).toBe('RUNNING');
  expect(await stopDetached(dir, false)).toEqual({ kind: 'train', how: 'stopped' });
  const ofMany = { kind: 'reproduce', how: 'stopped', reproduction: 'many' } as const;
  expect(describeStopped(ofMany, 'a-run')).toContain('forget-me-not reproduce --resume many');
  expect(job.status).toBe('STOPPED');
  expect((await readCluster(dir))?.ended).toBe('cancelled');
});

it.each(['train', 'evaluate'] as const)('gives up a result that is gone, of a job to %s', async (kind) => {
  const { dir, id } = await createRun(newRun());
  await writeCluster(dir, clusterFile(server.url, { kind }));
  const { result } = await handedOver({ 'adapter.gguf': 'weights' });
  const done = {
    type: 'done',
    ...{ time: '2026-11-27T20:00:00.000Z', step: 30, tokensPerSecond: 100, peakMemory: 1e9, seconds: 9 },
    artefact: 'adapter.gguf',
  };
  const summary = { type: 'summary', summary: { step: 30, sentence: 'It learned.', comparisons: [] } };
  job.logs = printed({ type: 'line', id: 'train', line: kind === 'train' ? done : summary }, result);
  job.status = 'SUCCEEDED';
  const file = (await readCluster(dir))!;
  const detach = new AbortController().signal;
  const followed = { client: openCluster(server.url), dir, file, emit: () => undefined, detach, pollMs: 5 };
  await expect(follow(followed)).rejects.toMatchObject({
    code: 'cluster-failed',
    message: expect.stringContaining('The file does not exist') as string,
    next: expect.stringContaining(`If the result is gone there, give it up with {cancel ${id}}`) as string,
  });
  expect((await readCluster(dir))?.ended).toBeUndefined();

  const stopped = await stopDetached(dir, false);
  expect(stopped).toMatchObject({ kind, how: 'given-up' });
  expect(describeStopped(stopped!, 'a-run')).toMatch(
    /is given up\. Start it again with: forget-me-not \w+ a-run$/,
  );
  expect((await readCluster(dir))?.ended).toBe('cancelled');
  if (kind === 'evaluate') return;
  expect(await cancelRun(dir)).toBe('cancelled');
  await resumeOnCluster(dir, {});
  expect(sendWork).toHaveBeenCalledOnce();
});

describe('a reproduction whose runs share a job', () => {
  async function sent() {
    const { dir, id } = await createRun(newRun());
    const asked = {
      folder: '/code',
      corpus: corpusPlanSchema.parse({}),
      corpusDigest: 'd',
      base: { id: 'tiny', path: '/tiny.gguf', sha256: '00' },
      budgetMinutes: 60,
      claims: ['forgetting' as const],
      data: {},
      sequenceLength: 64,
      heldOutWindows: 16,
      retentionTexts: 8,
      recompute: false,
      precision: { lora: 'f32', full: 'f32' } as const,
      backend: 'wasm' as const,
      elsewhere: true as const,
      versions: {},
    };
    const corpus = join(home.path(), 'its-corpus');
    await mkdir(corpus);
    const repro = await createReproduction(asked, corpus);
    const file = clusterFile(server.url, { kind: 'reproduce' });
    await writeCluster(repro.dir, { ...file, runs: { lora: id } });
    await writeCluster(dir, { ...file, reproduction: repro.spec.id });
    return { repro, dir };
  }

  it('stops the job, and cancels the unfinished runs', async () => {
    const { repro, dir } = await sent();
    const found = await findGroupJob(repro.spec.id);
    expect(found).toMatchObject({ dir: repro.dir, command: `reproduce --resume ${repro.spec.id}` });
    await cancelGroupJob(found!);
    expect(job.status).toBe('STOPPED');
    expect((await readRun(dir)).state.status).toBe('cancelled');
    for (const of of [repro.dir, dir]) expect((await readCluster(of))?.ended).toBe('cancelled');
    expect(await findGroupJob(repro.spec.id)).toBeUndefined();
    expect(await isOnCluster(repro)).toBe(false);
  });

  it('trains none of them on this machine', async () => {
    const { repro, dir } = await sent();
    await expect(resumeOnCluster(dir, {})).rejects.toMatchObject({
      code: 'run-locked',
      next: expect.stringContaining(`reproduce --resume ${repro.spec.id}`),
    });
  });
});

describe('a run that is being sent', () => {
  type Sent = [client: unknown, work: unknown, options: SendOptions];
  const launch = ({ dir, spec }: Awaited<ReturnType<typeof createRun>>) =>
    launchOnCluster(
      dir,
      spec,
      { client: openCluster(server.url), storage: null, cpus: undefined },
      { memoryBytes: 0 },
    );

  it('has an owner until it is sent, so nobody trains it here', async () => {
    const run = await createRun(newRun());
    sendWork.mockImplementationOnce(async (...[, , { onAgreed }]: Sent) => {
      expect((await readRun(run.dir)).state.phase).toBe('Asking the cluster');
      await onAgreed!();
      const { state } = await readRun(run.dir);
      expect(state).toMatchObject({ status: 'queued', phase: `Sending to ${new URL(server.url).host}` });
      expect(isAlive(state)).toBe(true);
      await expect(queueRun(run.dir)).rejects.toMatchObject({ code: 'run-locked' });
    });
    await launch(run);
    const { state } = await readRun(run.dir);
    expect(state).toEqual({ status: 'queued', step: 0, steps: 30, queuedAt: expect.any(String) as string });
  });

  it('can be cancelled, and is then deleted', async () => {
    const run = await createRun(newRun());
    sendWork.mockImplementationOnce(async (...[, , { stopped }]: Sent) => {
      const aborted = once(stopped!, 'abort');
      expect(await cancelRun(run.dir, 'win32')).toBe('asked');
      await aborted;
      throw new UserError('cancelled', 'Nothing was started on the cluster.', '');
    });
    await expect(launch(run)).rejects.toMatchObject({ code: 'cancelled' });
    expect(existsSync(run.dir)).toBe(false);
  });
});

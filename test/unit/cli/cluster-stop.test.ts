/** Cancelling work that no process follows: no result from the cluster is lost. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  cancelGroupJob,
  describeStopped,
  findGroupJob,
  resumeOnCluster,
  stopDetached,
} from '../../../src/cli/processes/cluster-job.ts';
import { isOnCluster } from '../../../src/cli/processes/cluster-reproduction.ts';
import { readCluster, writeCluster } from '../../../src/cluster/store.ts';
import { corpusPlanSchema } from '../../../src/protocol/run.ts';
import { createReproduction } from '../../../src/reproduce/store.ts';
import { createRun, readRun } from '../../../src/runs/index.ts';
import { createSweep, readSweep } from '../../../src/training/sweep/store.ts';
import { printed, RayServer, type RayJob } from '../../support/ray-server.ts';
import { clusterFile } from '../cluster/help.ts';
import { newRun, useTemporaryHome } from '../runs/help.ts';
import { baseLine, newSweep, trial } from '../training/sweep-help.ts';

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

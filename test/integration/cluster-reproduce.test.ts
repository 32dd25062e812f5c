/**
 * `reproduce --on`: the built command line against a server that behaves like Ray's dashboard. The driver is faked.
 */
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { extract } from '../../src/platform/files/zip.ts';
import { openCorpus } from '../../src/corpus/index.ts';
import { clusterJobSchema, type ClusterJob } from '../../src/protocol/cluster.ts';
import { claimResultSchema, reproductionStateSchema } from '../../src/protocol/reproduction.ts';
import { runsDir } from '../../src/platform/files/paths.ts';
import { readState } from '../../src/runs/files.ts';
import { Workplace } from '../support/cli.ts';
import { printed, RayServer, type RayJob } from '../support/ray-server.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { until as waitUntil } from '../support/until.ts';
import { baseLine, trial } from '../unit/training/sweep-help.ts';

let place: Workplace;
let base: string;
let code: string;
let server: RayServer;
/** Jobs by kind. */
const jobs: Partial<Record<ClusterJob['kind'], { job: RayJob; sent: ClusterJob; folder: string }>> = {};

beforeAll(async () => {
  place = await Workplace.create();
  code = await place.code();
  base = place.path('tiny.gguf');
  await writeTinyModel(base, { seed: 1 });
  vi.stubEnv('FORGET_ME_NOT_HOME', place.home);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await place?.dispose();
});
beforeEach(async () => {
  server = await new RayServer().start();
  server.onSubmit = (job) => void play(job);
});
afterEach(() => server.stop());

/** The sweep's trials end at once; the runs continue. */
async function play(job: RayJob): Promise<void> {
  const { working_dir: uri } = job.request['runtime_env'] as { working_dir: string };
  const name = uri.replace('gcs://', '');
  const folder = place.path(`unpacked-${name}`);
  await mkdir(folder, { recursive: true });
  await writeFile(place.path(name), server.packages.get(name)!);
  await extract(place.path(name), { choose: (member) => join(folder, member.name) });
  const sent = clusterJobSchema.parse(JSON.parse(await readFile(join(folder, 'job.json'), 'utf8')));
  jobs[sent.kind] = { job, sent, folder };
  job.logs = printed({ type: 'started', ray: '2.60.0', nodes: 1 });
  if (sent.kind !== 'sweep') return;
  for (const { id, argv } of sent.tasks) {
    const [, method, rate] = /^(lora|full)(?::(.+))?$/.exec(argv[3]!)! as unknown as [
      string,
      'lora' | 'full',
      string?,
    ];
    const line = rate ? trial(Number(rate), -0.1, { method, kl: 0.01 }) : baseLine(method);
    job.logs += printed({ type: 'line', id, line: { type: 'line', line } });
  }
  job.logs += printed({ type: 'done', failed: [] });
  job.status = 'SUCCEEDED';
}

const until = (what: string, ready: () => boolean | Promise<boolean>) =>
  waitUntil(what, ready, { everyMs: 20, patienceMs: 120_000 });

const answerSchema = z.object({ dir: z.string(), claims: z.array(claimResultSchema) });

it('finds the rates on the cluster, sends all runs as one job, detaches, attaches again, and ends', async () => {
  const args = ['reproduce', code, '--base', base, '--seq', '32', '--backend', 'wasm', '--budget', '30'];
  const child = spawn(
    process.execPath,
    [resolve('dist/cli.mjs'), ...args, '--claims', 'forgetting,instruction', '--on', server.url, '--yes'],
    { env: place.env },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)));
  const ended = new Promise((done) => child.on('close', done));
  const exited = () => child.exitCode !== null;
  await until('the job of the runs', () => jobs.reproduce !== undefined || exited());
  expect(jobs.reproduce, said).toBeDefined();
  expect(said).toMatch(/To the cluster at 127\.0\.0\.1:\d+ go .* MB: settings, the corpus as tokens/);
  expect(said).toContain('The runs follow when the trials are done');

  const { job, sent, folder } = jobs.reproduce!;
  expect(sent).toMatchObject({ kind: 'reproduce', runtime: 'wasm', storage: null });
  const tasks = new Map(sent.tasks.map((task) => [task.id, task]));
  expect([...tasks.keys()]).toEqual(
    expect.arrayContaining(['lora', 'full', 'lora-instruct', 'full-instruct']),
  );
  expect(tasks.get('lora')).toMatchObject({
    argv: ['trainer.mjs', '{folder}'],
    corpus: 'corpus',
    leaves: ['checkpoints'],
    needs: { cpus: 2, gpus: 0 },
  });
  expect(tasks.get('lora')!.needs.memoryBytes).toBeGreaterThan(0);
  expect(tasks.get('lora-instruct')!.corpus).toBe('corpus-instruct');
  // Each corpus once for all runs; each run as it was created.
  expect((await readdir(join(folder, 'work', sent.id))).sort()).toEqual(['corpus', 'corpus-instruct']);
  for (const { folder: run } of sent.tasks) {
    expect((await readdir(join(folder, 'work', run))).sort()).toEqual([
      'events.jsonl',
      'run.json',
      'state.json',
    ]);
    const { digest } = await openCorpus(join(runsDir(), run, 'corpus'));
    const { corpus } = sent.tasks.find((task) => task.folder === run)!;
    expect((await openCorpus(join(folder, 'work', sent.id, corpus!))).digest).toBe(digest);
  }

  const runOf = (task: string) => join(runsDir(), tasks.get(task)!.folder);
  const tell = (line: object) => printed({ type: 'line', id: 'lora', line });
  job.logs += tell({ type: 'state', status: 'running', step: 3, steps: 40, phase: 'Training' });
  await until('the state of a run', async () => (await readState(runOf('lora'))).step === 3);
  child.kill('SIGINT');
  expect(await ended).toBe(0);
  expect(job.status).toBe('RUNNING');
  expect(said).toContain(`Attach again with: forget-me-not reproduce --resume ${sent.id}`);
  const { size } = server.jobs;
  for (const id of tasks.keys())
    job.logs += printed({
      type: 'task',
      id,
      status: 'failed',
      attempt: 1,
      code: 'memory',
      message: `No memory for ${id}.`,
    });
  job.logs += printed({ type: 'done', failed: [...tasks.keys()] });
  job.status = 'FAILED';
  const { dir, claims } = answerSchema.parse(await place.json('reproduce', '--resume', sent.id));
  expect(server.jobs.size).toBe(size);
  expect(claims).toMatchObject([
    { claim: 'forgetting', verdict: 'not run', why: 'No memory for lora' },
    { claim: 'instruction', verdict: 'not run', why: 'No memory for lora' },
  ]);
  const state = reproductionStateSchema.parse(JSON.parse(await readFile(join(dir, 'results.json'), 'utf8')));
  expect(state.runs).toEqual(Object.fromEntries(sent.tasks.map((task) => [task.id, task.folder])));
  expect((await readState(runOf('full'))).status).toBe('failed');
});

it('refuses local files', async () => {
  const args = [code, '--base', base, '--on', server.url, '--data', 'hellaswag=x.jsonl'];
  const { code: exit, stderr } = await place.run('reproduce', ...args);
  expect(exit).toBe(1);
  expect(stderr).toMatch(/^\[bad-argument\] --data hellaswag=\.\.\. is a file of this machine/);
});

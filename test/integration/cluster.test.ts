/**
 * `--on`: the built command line against a server that behaves like Ray's dashboard. The driver is faked; bench:cluster
 * tries the real one on a real Ray.
 */
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { extract } from '../../src/platform/files/zip.ts';
import { Children } from '../../src/extension/children.ts';
import type { Log } from '../../src/extension/log.ts';
import { clusterJobSchema, type ClusterJob } from '../../src/protocol/cluster.ts';
import type { SendQuestion } from '../../src/protocol/question.ts';
import { openCorpus } from '../../src/corpus/index.ts';
import { readState } from '../../src/runs/files.ts';
import { findRun, readSpec } from '../../src/runs/index.ts';
import { runsDir } from '../../src/platform/files/paths.ts';
import type { Workplace } from '../support/cli.ts';
import { printed, RayServer, type RayJob } from '../support/ray-server.ts';
import { openTraining } from '../support/trainer.ts';
import { until as waitUntil } from '../support/until.ts';
import { handedOver } from '../unit/cluster/help.ts';

const TOKEN = 'a-token-that-nobody-may-see';
let place: Workplace;
let base: string;
let code: string;
let server: RayServer;
let job: RayJob;

beforeAll(async () => {
  ({ place, base, code } = await openTraining());
  vi.stubEnv('FORGET_ME_NOT_HOME', place.home);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await place?.dispose();
});
beforeEach(async () => {
  server = await new RayServer(TOKEN).start();
  server.onSubmit = (one) => (job = one);
  vi.stubEnv('RAY_AUTH_TOKEN', TOKEN);
});
afterEach(() => server.stop());

const how = '--backend wasm --seq 64 --steps 2 --eval-every 2 --humaneval 0 --retention 0 --lr 3e-3'.split(
  ' ',
);
const train = (...args: string[]) => ['train', code, '--base', base, ...how, '--on', server.url, ...args];

/** A folder with the package at this URI in the job's runtime environment. */
async function unpacked(uri: unknown): Promise<string> {
  const name = String(uri).replace('gcs://', '');
  const folder = place.path(`unpacked-${name}`);
  await mkdir(folder, { recursive: true });
  const archive = place.path(name);
  await writeFile(archive, server.packages.get(name)!);
  await extract(archive, { choose: (member) => join(folder, member.name) });
  return folder;
}

const runtimeEnv = () => job.request['runtime_env'] as { working_dir: string; py_modules: string[] };

const until = (ready: () => boolean | Promise<boolean>) =>
  waitUntil(ready.toString(), ready, { everyMs: 10, patienceMs: 120_000 });

const at = { time: '2026-11-27T20:00:00.000Z' };
const tell = (line: object) => printed({ type: 'line', id: 'train', line: { ...at, ...line } });
const startedLogs =
  printed({ type: 'started', ray: '2.60.0', nodes: 1 }) +
  tell({
    type: 'start',
    backend: 'wasm',
    backendReason: 'asked for',
    step: 0,
    steps: 2,
    trainableParameters: 1000,
    trainTokens: 1000,
    heldOutTokens: 100,
  }) +
  tell({ type: 'state', status: 'running', step: 1, steps: 2, phase: 'Training' });

async function end(): Promise<void> {
  const { log, result } = await handedOver({ 'adapter.gguf': 'weights' });
  server.logFiles.set('a-node/result.b64', log);
  const done = { step: 2, tokensPerSecond: 10, peakMemory: 1e8, seconds: 3, artefact: 'adapter.gguf' };
  job.logs += tell({ type: 'done', ...done }) + printed(result, { type: 'done', failed: [] });
  job.status = 'SUCCEEDED';
}

describe('a training on a cluster', () => {
  it('sends settings and tokens but no sources, and ends as a local training does', async () => {
    server.onSubmit = (one) => {
      job = one;
      job.logs = startedLogs;
      void end();
    };
    const done = await place.json<{ run: string; dir: string; status: string; artefact: string }>(
      ...train('--yes'),
    );
    expect(done).toMatchObject({ status: 'done', artefact: 'adapter.gguf', steps: 2 });
    expect(await readFile(join(done.dir, 'adapter.gguf'), 'utf8')).toBe('weights');

    const folder = await unpacked(runtimeEnv().working_dir);
    const sent: ClusterJob = clusterJobSchema.parse(
      JSON.parse(await readFile(join(folder, 'job.json'), 'utf8')),
    );
    expect(sent).toMatchObject({
      id: done.run,
      kind: 'train',
      runtime: 'wasm',
      storage: null,
      tasks: [{ argv: ['trainer.mjs', '{folder}'], folder: done.run, needs: { cpus: 2, gpus: 0 } }],
    });
    // A worker could not fetch this base.
    expect((await readFile(join(folder, sent.base.path!))).equals(await readFile(base))).toBe(true);
    const work = join(folder, 'work', done.run);
    expect((await readdir(work)).sort()).toEqual(['corpus', 'events.jsonl', 'run.json', 'state.json']);
    expect((await openCorpus(join(work, 'corpus'))).digest).toBe(
      (await openCorpus(join(done.dir, 'corpus'))).digest,
    );
    // It contains neither the code nor the token.
    const all = await Promise.all(
      (await readdir(folder, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile() && !entry.name.endsWith('.gguf'))
        .map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1')),
    );
    expect(all.join()).not.toContain('class Command extends EventEmitter');
    expect(all.join() + JSON.stringify(job.request)).not.toContain(TOKEN);
    // Nor any local path, which the run here still has.
    for (const path of [code, base, place.home, homedir()]) expect(all.join()).not.toContain(path);
    expect(await readSpec(done.dir)).toMatchObject({ folder: code, base: { path: base } });

    // The program: its bundles and what they need, but nothing of the editor.
    const program = join(await unpacked(runtimeEnv().py_modules[0]), 'forget_me_not');
    const names = await readdir(program);
    expect(names).toEqual(expect.arrayContaining(['driver.py', '__init__.py', 'dist', 'node_modules']));
    const bundles = await readdir(join(program, 'dist'));
    expect(bundles).toEqual(
      expect.arrayContaining(['trainer.mjs', 'training-worker.mjs', 'cli.mjs', 'wasm']),
    );
    expect(bundles).not.toContain('extension.cjs');
  });

  it('is sent once, detaches on Ctrl+C, is attached to again, and is stopped', async () => {
    server.onSubmit = (one) => {
      job = one;
      job.logs = startedLogs;
    };
    const child = spawn(process.execPath, [resolve('dist/cli.mjs'), ...train('--yes')], {
      env: place.env,
      cwd: place.root,
    });
    let said = '';
    child.stdout.on('data', (text) => (said += String(text)));
    const ended = new Promise((done) => child.on('close', done));
    await until(() => /\d+ tokens to train on/.test(said));
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(said).toContain('The run goes on at 127.0.0.1');
    expect(job.status).toBe('RUNNING');
    const dir = await findRun('latest');
    // The background follower takes over soon.
    await until(async () => (await readState(dir)).pid !== undefined);
    const { pid } = await readState(dir);
    // As if this machine were turned off.
    process.kill(pid!, 'SIGTERM');
    await until(async () => (await readState(dir)).pid === undefined);
    expect((await readState(dir)).status).toBe('running');
    expect(job.status).toBe('RUNNING');

    const puts = server.requests.filter((one) => one.startsWith('PUT')).length;
    await place.json('resume', 'latest', '--detach');
    await until(async () => (await readState(dir)).phase === 'Training');
    expect(server.requests.filter((one) => one.startsWith('PUT'))).toHaveLength(puts);
    expect(server.jobs.size).toBe(1);
    await place.json('cancel', 'latest');
    await until(async () => (await readState(dir)).status === 'cancelled');
    expect(job.status).toBe('STOPPED');
  });
});

it.each([[[]], [['--json']]])('sends nothing without consent: %j', async (options) => {
  const before = await readdir(runsDir()).catch(() => []);
  const { code: status, stderr } = await place.run(...train(...options));
  expect(status).toBe(1);
  expect(stderr).toMatch(/^\[bad-argument\] Nothing was sent, because nobody could be asked\. Add --yes\.$/m);
  if (options.length === 0)
    expect(stderr).toMatch(
      /To the cluster at 127\.0\.0\.1:\d+ go .* MB: settings, .*, the base \S+\.gguf, and/,
    );
  expect(server.requests.filter((one) => /^(PUT|POST)/.test(one))).toEqual([]);
  expect(await readdir(runsDir()).catch(() => [])).toEqual(before);
});

it('asks an editor with every option; after a no, nothing is sent or left', async () => {
  server.onSubmit = (one) => {
    job = one;
    job.logs = startedLogs;
  };
  const questions: SendQuestion[] = [];
  const logged: string[] = [];
  const answers = [false, true];
  const children = new Children(
    () => Promise.resolve({ command: process.execPath, env: { ...place.env, RAY_AUTH_TOKEN: '' } }),
    resolve('dist/cli.mjs'),
    { info: (line: string) => logged.push(line) } as unknown as Log,
    (question) => (questions.push(question), Promise.resolve(answers.shift()!)),
  );
  const ask = () =>
    children.ask(z.object({ dir: z.string() }), train('--yes', '--detach'), {
      env: { RAY_AUTH_TOKEN: TOKEN },
    });
  const before = await readdir(runsDir()).catch(() => []);
  await expect(ask()).rejects.toMatchObject({ code: 'cancelled' });
  expect(server.requests.filter((one) => /^(PUT|POST)/.test(one))).toEqual([]);
  expect(await readdir(runsDir()).catch(() => [])).toEqual(before);
  const { dir } = await ask();
  const { host } = new URL(server.url);
  expect(questions).toMatchObject(Array(2).fill({ ask: 'send', host, plainText: false, storage: null }));
  expect(questions[1]!.program).toBeGreaterThan(1e6);
  await until(async () => (await readState(dir)).phase === 'Training');
  expect(await readState(dir)).toMatchObject({ cluster: host });
  expect(logged.join()).not.toContain(TOKEN);
  await place.json('cancel', 'latest');
  await until(async () => (await readState(dir)).status === 'cancelled');
  expect(job.status).toBe('STOPPED');
});

describe('fails with one sentence before it starts anything', () => {
  const fails = async (...args: string[]): Promise<string> => {
    const before = await readdir(runsDir()).catch(() => []);
    const { code: status, stdout, stderr } = await place.run(...args);
    expect(status).toBe(1);
    expect(await readdir(runsDir()).catch(() => [])).toEqual(before);
    expect(stdout + stderr).not.toContain(TOKEN);
    return stderr.trim();
  };

  it('for a wrong token', async () => {
    vi.stubEnv('RAY_AUTH_TOKEN', 'another');
    expect(await fails(...train())).toMatch(/^\[cluster-token\] .* rejects the token\. /);
  });
  it('for no cluster', async () => {
    await server.stop();
    expect(await fails(...train())).toMatch(/^\[cluster-down\] .* can't be reached \(ECONNREFUSED\)\. /);
  });
  it('for an address that others could read', async () => {
    expect(await fails(...train('--on', 'http://ray.example:8265'))).toMatch(/^\[cluster-address\] /);
  });
  it.each([
    ['--storage', 'here'],
    ['--backend', 'webgpu'],
  ])('for %s', async (...args) => {
    expect(await fails(...train(...args))).toMatch(/^\[bad-argument\] /);
  });
});

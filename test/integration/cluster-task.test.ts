/** A task as a cluster's node runs it, without Ray: what it keeps on the storage, and how another node resumes it. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { findPython } from '../../bench/python.ts';
import type { SweepLine } from '../../src/protocol/sweep.ts';
import { sweepTasks } from '../../src/training/sweep/cluster-tasks.ts';
import { runSweep } from '../../src/training/sweep/run.ts';
import { readSweep, type Sweep } from '../../src/training/sweep/store.ts';
import { processes } from '../support/processes.ts';
import { createTinySweep, timeless } from '../support/tiny-sweep.ts';
import { until } from '../support/until.ts';

const STEPS = 40;
let home: string;
let python: string[];
let known: SweepLine[];
const job = () => join(home, 'job');
const storage = () => join(home, 'storage');

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'forget-me-not-task-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', join(home, 'data'));
  python = (await findPython()).command;
  const sweep = await createTinySweep(home, [1e-3], STEPS);
  await pack(sweep);
  await runSweep(sweep.dir, { signal: new AbortController().signal });
  known = (await readSweep(sweep.dir)).lines;
  // The package as in the job's runtime environment.
  await cp('src/cluster/driver', join(home, 'modules', 'forget_me_not'), { recursive: true });
  await symlink(resolve('dist'), join(home, 'modules', 'forget_me_not', 'dist'), 'junction');
  await mkdir(storage());
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true, force: true });
});

async function pack(sweep: Sweep, patch: object = {}): Promise<void> {
  const { base, id } = sweep.spec;
  await cp(sweep.dir, join(job(), 'work', id), { recursive: true });
  await cp(base.path, join(job(), 'base', 'tiny.gguf'));
  const needs = { cpus: 1, memoryBytes: 0, gpus: 0 };
  const tasks = sweepTasks(sweep, 0).tasks.map((task) => ({ ...task, folder: id, needs, retries: 1 }));
  await writeFile(
    join(job(), 'job.json'),
    JSON.stringify({
      version: 1,
      id,
      kind: 'sweep',
      forgetMeNot: '0.0.0',
      base: { id: 'tiny', sha256: base.sha256, bytes: 1, path: 'base/tiny.gguf' },
      storage: storage(),
      runtime: 'wasm',
      tasks,
      ...patch,
    }),
  );
}

type Message = ['line', { type: string; step?: number; line?: SweepLine }] | ['status' | 'end', Ended];
interface Ended {
  failure?: { code: string; message: string } | null;
  again?: boolean;
}

function start(node: string, task: string): ChildProcess {
  const [command, ...args] = python;
  return spawn(command!, [...args, resolve('test/support/cluster-task.py'), task], {
    cwd: job(),
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      PYTHONPATH: join(home, 'modules'),
      PYTHONDONTWRITEBYTECODE: '1',
      FORGET_ME_NOT_CLUSTER_HOME: join(home, node),
    },
  });
}

async function* messagesOf(child: ChildProcess): AsyncGenerator<Message> {
  for await (const line of createInterface({ input: child.stdout! })) yield JSON.parse(line) as Message;
}

async function all(node: string, task: string) {
  const lines: SweepLine[] = [];
  const steps: number[] = [];
  let end: Ended = {};
  for await (const [kind, what] of messagesOf(start(node, task)))
    if (kind === 'line') {
      if (what.line) lines.push(what.line);
      else if (what.step) steps.push(what.step);
    } else if (kind === 'end') end = what;
  return { lines, steps, end };
}

const storedArchives = async () =>
  (await readdir(storage(), { recursive: true })).filter((name) => name.endsWith('.tar'));

/** Our programs on a node. */
async function programsOn(node: string): Promise<number[]> {
  const found = (await processes()).filter(({ args }) =>
    ['sweeper.mjs', join(home, node)].every((part) => args.some((one) => one.includes(part))),
  );
  return found.map(({ pid }) => pid);
}

it('resumes a trial on another node after the first one was lost', async () => {
  const lost = start('node-1', 'lora-0.001');
  let reached = 0;
  let held: number[] | undefined;
  for await (const [kind, what] of messagesOf(lost)) {
    if (kind === 'line' && what.step) reached = what.step;
    expect(reached, 'it ended before it could be killed').toBeLessThan(STEPS);
    if (reached < 3 || held) continue;
    // Paused until a checkpoint is on the storage, which is checked every two seconds.
    held = await programsOn('node-1');
    for (const pid of held) process.kill(pid, 'SIGSTOP');
    await until('a checkpoint on the storage', async () => {
      expect(lost.exitCode, 'it ended before it could be killed').toBeNull();
      const names = await storedArchives();
      return ['rest', 'step-\\d+'].every((name) =>
        names.some((stored) => RegExp(`${name}.tar$`).test(stored)),
      );
    });
    lost.kill('SIGKILL');
  }
  if (lost.signalCode === null) await once(lost, 'exit');
  const { lines, steps, end } = await all('node-2', 'lora-0.001');
  expect(end).toMatchObject({ failure: null });
  expect(steps[0]).toBeGreaterThan(1);
  expect(timeless(lines)).toEqual(timeless(known));
  // Its files are no longer needed and gone from the node.
  expect(await storedArchives()).toEqual([]);
  const left = await readdir(join(home, 'node-2', 'jobs'), { recursive: true });
  expect(left.filter((name) => name.includes('sweep.json'))).toEqual([]);
});

it('refuses a different base, and reports how a program ended', async () => {
  const path = join(job(), 'job.json');
  const spec = JSON.parse(await readFile(path, 'utf8')) as {
    base: { sha256: string };
    tasks: { id: string; argv: string[] }[];
  };
  const broken = {
    ...spec,
    tasks: [{ ...spec.tasks[0], argv: ['sweeper.mjs', '{folder}', '--base', 'full'] }],
  };
  await writeFile(path, JSON.stringify(broken));
  const wrong = await all('node-3', 'lora-base');
  expect(wrong.end).toMatchObject({ again: false, failure: { code: 'bad-argument' } });
  expect(wrong.end.failure!.message).toMatch(/has no trials of full/);
  await writeFile(path, JSON.stringify({ ...spec, base: { ...spec.base, sha256: '0'.repeat(64) } }));
  // The next attempt starts from the storage; only the reason of the failure stays.
  const left = await readdir(join(home, 'node-3', 'jobs'), { recursive: true, withFileTypes: true });
  const names = left.filter((one) => !one.isDirectory()).map(({ name }) => name);
  expect(names.sort()).toEqual(['lora-base.lock', 'sweeper.log']);
  // What all tasks share is unchanged.
  expect((await readdir(join(home, 'node-3'))).sort()).toEqual(
    expect.arrayContaining(['cache', 'models', 'runtime']),
  );
  const other = await all('node-3', 'lora-base');
  expect(other.end).toMatchObject({ again: false, failure: { code: 'base-checksum' } });
  await writeFile(path, JSON.stringify(spec));
});

it('runs further programs in its folder, whose failure does no harm, with a corpus that tasks share', async () => {
  const path = join(job(), 'job.json');
  const spec = JSON.parse(await readFile(path, 'utf8')) as { id: string; tasks: object[] };
  const own = join(job(), 'work', spec.id);
  await cp(own, join(job(), 'work', 'other'), {
    recursive: true,
    filter: (from) => !from.includes(join(own, 'corpus')),
  });
  const task = {
    ...spec.tasks[0],
    id: 'more',
    folder: 'other',
    corpus: 'corpus',
    leaves: ['left'],
    argv: ['sweeper.mjs', '{folder}', '--base', 'lora'],
    then: [
      ['sweeper.mjs', '{folder}', '--base', 'full'],
      ['sweeper.mjs', '{folder}', '--base', 'lora', '--known', '{after}'],
    ],
  };
  await writeFile(path, JSON.stringify({ ...spec, tasks: [task] }));
  const said: { type: string; of?: string; message?: string; line?: SweepLine }[] = [];
  let end: Ended = {};
  for await (const [kind, what] of messagesOf(start('node-4', 'more')))
    if (kind === 'line') said.push(what);
    else if (kind === 'end') end = what;
  expect(end).toMatchObject({ failure: null });
  const lines = said.filter(({ line }) => line);
  expect(lines.map(({ of }) => of)).toEqual([undefined, 'sweeper.mjs']);
  expect(timeless(lines.map(({ line }) => line!))).toEqual(timeless([known[0]!, known[0]!]));
  expect(said).toContainEqual(
    expect.objectContaining({
      type: 'failed',
      of: 'sweeper.mjs',
      message: expect.stringContaining('has no trials of full'),
    }),
  );
});

it('cleans up a node except for what is needed', async () => {
  const jobs = join(home, 'node-5', 'jobs', 'a-job');
  const put = async (name: string) => {
    await mkdir(dirname(join(jobs, name)), { recursive: true });
    await writeFile(join(jobs, name), name);
  };
  const names = ['done/run/adapter.gguf', 'done/run/trainer.log', 'done.lock', 'failed/run/model.gguf'];
  for (const name of [...names, 'failed/run/trainer.log', 'running/run/state.json']) await put(name);
  const script = [
    'import sys; from pathlib import Path',
    'from forget_me_not.leftovers import clean_up',
    'from forget_me_not.node import locked',
    'jobs = Path(sys.argv[1])',
    'with locked(jobs / "running.lock"): clean_up(jobs, ["done", "running", "unknown"], ["failed"])',
    'print(sorted(path.relative_to(jobs).as_posix() for path in jobs.rglob("*") if path.is_file()))',
    'clean_up(jobs, ["done", "running", "failed"], [])',
    'print(jobs.exists())',
  ].join('\n');
  const [command, ...args] = python;
  const { stdout } = await promisify(execFile)(command!, [...args, '-c', script, jobs], {
    env: { ...process.env, PYTHONPATH: join(home, 'modules'), PYTHONDONTWRITEBYTECODE: '1' },
  });
  const [after, there] = stdout.trim().split('\n');
  expect(after).toBe("['failed/run/trainer.log', 'running.lock', 'running/run/state.json']");
  expect(there).toBe('False');
});

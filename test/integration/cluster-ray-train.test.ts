/**
 * `train --engine ray-train --on`: the built command line, a server that behaves like Ray's dashboard, and the task as
 * a node runs it. The driver, which gives tasks to Ray, and PyTorch under Ray Train are fakes; the real ones are tested
 * by hand (docs/ray-train.md).
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { findPython } from '../../bench/python.ts';
import { extract } from '../../src/platform/files/zip.ts';
import { openGguf } from '../../src/gguf/index.ts';
import type { ClusterJob } from '../../src/protocol/cluster.ts';
import type { RunEvent } from '../../src/protocol/events.ts';
import { runsDir } from '../../src/platform/files/paths.ts';
import { readSpec } from '../../src/runs/index.ts';
import { readAdapterGguf } from '../../src/weights/index.ts';
import type { Workplace } from '../support/cli.ts';
import { NO_ROOM, fakeRayTrain, type RecordedStart } from '../support/ray-train.ts';
import { printed, RayServer, type RayJob } from '../support/ray-server.ts';
import { eventsOf, openTraining, untilEvent, untilIdle } from '../support/trainer.ts';

let place: Workplace;
let base: string;
let code: string;
let python: string[];
let server: RayServer;
const storage = () => place.path('storage');

beforeAll(async () => {
  ({ place, base, code } = await openTraining());
  vi.stubEnv('FORGET_ME_NOT_HOME', place.home);
  python = (await findPython()).command;
  // The package as in the job's runtime environment.
  await cp('src/cluster/driver', place.path('modules', 'forget_me_not'), { recursive: true });
  await symlink(resolve('dist'), place.path('modules', 'forget_me_not', 'dist'), 'junction');
  await mkdir(storage());
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await place?.dispose();
});
beforeEach(async () => {
  server = await new RayServer().start();
});
afterEach(() => server.stop());

const budget = '--seq 64 --steps 2 --eval-every 1 --lr 3e-3';
const measured = '--backend wasm --humaneval 0 --retention 0 --held-out-windows 2 --strength 1';
const train = (...args: string[]) => [
  ...['train', code, '--base', base, ...budget.split(' '), ...measured.split(' ')],
  ...['--engine', 'ray-train', '--on', server.url],
  ...args,
];

/** A folder with what was sent with a job. */
async function unpacked({ request }: RayJob): Promise<string> {
  const { working_dir } = request['runtime_env'] as { working_dir: string };
  const name = working_dir.replace('gcs://', '');
  const folder = place.path(`unpacked-${name}`);
  await mkdir(folder, { recursive: true });
  await writeFile(place.path(name), server.packages.get(name)!);
  await extract(place.path(name), { choose: (member) => join(folder, member.name) });
  return folder;
}

type Message = ['line' | 'status', { type: string; step?: number }] | ['end', Ended];
interface Ended {
  failure: { code: string; message: string; next: string } | null;
  files: { name: string; bytes: number; sha256: string }[] | null;
  fetch: { kind: string; path?: string } | null;
}

/** Runs the job's task as a node does, with a fake of Ray Train as its Python. */
function startTask(node: string, folder: string, python3: string): ChildProcess {
  const [command, ...args] = python;
  return spawn(command!, [...args, resolve('test/support/cluster-task.py'), 'train'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      PYTHONPATH: place.path('modules'),
      PYTHONDONTWRITEBYTECODE: '1',
      FORGET_ME_NOT_CLUSTER_HOME: place.path(node),
      FORGET_ME_NOT_PYTHON: python3,
    },
  });
}

async function* messagesOf(child: ChildProcess): AsyncGenerator<Message> {
  for await (const line of createInterface({ input: child.stdout! })) yield JSON.parse(line) as Message;
}

async function endOf(child: ChildProcess): Promise<Ended> {
  let end: Ended | undefined;
  for await (const [kind, what] of messagesOf(child)) if (kind === 'end') end = what as Ended;
  return end!;
}

/** A fake Python executable that records how it was started. */
async function fakePython(name: string, missing: string[] = []) {
  const path = place.path(name);
  await writeFile(path, fakeRayTrain(`${path}.jsonl`, missing));
  await chmod(path, 0o755);
  return {
    path,
    starts: async (): Promise<RecordedStart[]> =>
      (await readFile(`${path}.jsonl`, 'utf8'))
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as RecordedStart),
  };
}

describe('a training by Ray Train on a cluster', () => {
  it('resumes from its checkpoint on another node, and its result arrives as that of any run', async () => {
    const torch = await fakePython('torch');
    let sent: ClusterJob | undefined;
    const shared = () => join(storage(), sent!.id, 'train', 'ray-train');
    const failed = vi.fn();
    const drive = async (job: RayJob) => {
      const folder = await unpacked(job);
      sent = JSON.parse(await readFile(join(folder, 'job.json'), 'utf8')) as ClusterJob;
      const tell = (kind: string, what: object) =>
        (job.logs +=
          kind === 'line'
            ? printed({ type: 'line', id: 'train', line: what })
            : printed({ type: 'task', id: 'train', status: 'running', attempt: 1, ...what }));
      job.logs = printed({ type: 'started', ray: '2.60.0', nodes: 2 });
      const lost = startTask('node-1', folder, torch.path);
      for await (const [kind, what] of messagesOf(lost)) {
        if (kind !== 'end') tell(kind, what);
        // It is in its second step then, waiting.
        if (kind === 'line' && what.step === 1 && what.type === 'checkpoint') lost.kill('SIGKILL');
      }
      expect(existsSync(join(shared(), 'train.json'))).toBe(true);
      for await (const [kind, what] of messagesOf(startTask('node-2', folder, torch.path))) {
        if (kind !== 'end') tell(kind, what);
        else {
          const { failure, files, fetch } = what as Ended;
          expect(failure).toBeNull();
          job.logs += printed({ type: 'result', id: 'train', files, fetch }, { type: 'done', failed: [] });
        }
      }
      job.status = 'SUCCEEDED';
    };
    server.onSubmit = (job) =>
      void drive(job).catch((error: unknown) => {
        failed(error);
        job.status = 'FAILED';
      });
    const done = await place.json<{ dir: string; status: string; artefact: string }>(
      ...train('--yes', '--storage', storage(), '--workers', '3', '--cpus', '1'),
    );
    expect(failed).not.toHaveBeenCalled();
    expect(done).toMatchObject({ status: 'done', artefact: 'adapter.gguf', steps: 2 });

    expect(sent!.tasks).toMatchObject([
      {
        argv: ['trainer.mjs', '{folder}'],
        shares: ['ray-train'],
        workers: { count: 3, cpus: 1, gpus: 0 },
        needs: { cpus: 1, gpus: 0, memoryBytes: 0 },
      },
    ]);
    expect((await readSpec(done.dir)).engine).toEqual({
      name: 'ray-train',
      workers: 3,
      gpus: false,
      cpus: 1,
      parallel: 'fsdp',
    });
    // Each attempt joined the cluster, with workers on any node besides the task's own processor.
    const starts = await torch.starts();
    expect(starts.map(({ args }) => args[1])).toEqual(
      Array(2).fill(['ray_train.needs', 'ray_train.fit']).flat(),
    );
    for (const { args, address, folder } of starts.filter(({ args }) => args[1] === 'ray_train.fit')) {
      expect(args.slice(3)).toEqual([
        '--workers',
        '3',
        '--cpus',
        '1',
        '--node',
        'a-node',
        '--reserved-cpus',
        '1',
      ]);
      expect({ address, folder }).toEqual({ address: 'a-head:6379', folder: shared() });
    }
    const events = await eventsOf(done.dir);
    const of = <T extends RunEvent['type']>(type: T) =>
      events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);
    expect(of('step').map(({ step }) => step)).toEqual([1, 2]);
    // The run shows what its workers wait for.
    const phases = of('phase').map(({ phase }) => phase);
    expect(phases.slice(phases.indexOf('Training')).slice(0, 3)).toEqual(['Training', NO_ROOM, 'Training']);
    // The second attempt did not measure the base again, and still knows the change.
    const measured = of('evaluation').map(({ step, change }) => [step, change !== undefined]);
    // Later ones are the evaluator's.
    expect(measured.slice(0, 3)).toEqual([
      [0, false],
      [1, true],
      [2, true],
    ]);
    const gguf = await openGguf(base);
    expect((await readAdapterGguf(join(done.dir, 'adapter.gguf'), gguf)).layers.length).toBeGreaterThan(0);
    await gguf.close();
    expect(existsSync(join(done.dir, 'evaluation', 'summary.json'))).toBe(true);
    // The workers' files stay on the cluster and are deleted when no longer needed.
    expect(existsSync(join(done.dir, 'ray-train'))).toBe(false);
    expect(existsSync(shared())).toBe(false);
  });

  it('uses one node if nodes share no folder, and first says what its Python lacks', async () => {
    server.onSubmit = (job) => (job.status = 'STOPPED');
    await place.run(...train('--yes', '--detach'));
    const [job] = server.jobs.values();
    const folder = await unpacked(job!);
    const without = await fakePython('without-torch', ['torch', 'peft']);
    const { failure } = await endOf(startTask('node-3', folder, without.path));
    expect(failure).toEqual({
      code: 'backend-unavailable',
      message: `Ray Train can't train here, because the Python "${without.path}" has no torch and no peft.`,
      next: 'Install it: pip install "torch" "peft"; on a cluster, on all of its nodes.',
    });
    expect(await without.starts()).toHaveLength(1);
    const made = await readdir(place.path('node-3', 'jobs'), { recursive: true });
    expect(made.filter((name) => name.endsWith('train.json'))).toEqual([]);

    const torch = await fakePython('torch-again');
    const child = startTask('node-3', folder, torch.path);
    for await (const [kind, what] of messagesOf(child))
      if (kind === 'line' && what.type === 'step') child.kill('SIGKILL');
    const [, fit] = await torch.starts();
    expect(fit!.args.slice(3)).toEqual([
      '--workers',
      '2',
      '--here',
      '--node',
      'a-node',
      '--reserved-cpus',
      '2',
    ]);
    expect(fit!.folder).toContain(place.path('node-3'));
  });

  it.each([
    [['--storage', 's3://bucket/folder'], /folder, so an address can't be their --storage/],
    [['--minutes', '1'], /does not know --minutes/],
    [['--backend', 'webgpu'], /is for this machine/],
  ])('is refused with %s', async (args, sentence) => {
    const before = await readdir(runsDir());
    const { code: status, stderr } = await place.run(...train(...args));
    expect(status).toBe(1);
    expect(stderr.trim()).toMatch(/^\[bad-argument\] [^\n]*$/);
    expect(stderr).toMatch(sentence);
    expect(await readdir(runsDir())).toEqual(before);
  });
});

it('goes on here after a stop, and then deletes what only the workers read and wrote', async () => {
  vi.stubEnv('FORGET_ME_NOT_PYTHON', (await fakePython('torch-here')).path);
  const here = train('--yes', '--detach').filter((word) => word !== '--on' && word !== server.url);
  const { dir } = await place.json<{ dir: string }>(...here);
  await untilEvent(dir, ({ type }) => type === 'checkpoint');
  await place.json('cancel', 'latest');
  await untilIdle(place.home);
  expect(existsSync(join(dir, 'ray-train', 'train.json'))).toBe(true);
  expect(await place.json('resume', 'latest')).toMatchObject({ status: 'done', steps: 2 });
  expect(existsSync(join(dir, 'ray-train'))).toBe(false);
});

describe('Python, before it imports anything', () => {
  const ask = async (script: string[], packages = resolve('src/training/ray-train')) => {
    const [command, ...args] = python;
    const { stdout } = await promisify(execFile)(command!, [...args, '-S', ...script], {
      env: {
        ...process.env,
        PYTHONPATH: [packages, resolve('src/training/ray-train')].join(delimiter),
        PYTHONDONTWRITEBYTECODE: '1',
      },
    });
    return JSON.parse(stdout) as unknown;
  };

  it('names missing packages', async () => {
    const packages = place.path('packages');
    for (const name of ['ray', 'torch', 'transformers', 'fsspec', 'pandas', 'pyarrow', 'pydantic']) {
      await mkdir(join(packages, name), { recursive: true });
      await writeFile(
        join(packages, name, '__init__.py'),
        'raise RuntimeError("It must not be imported.")\n',
      );
    }
    const needs = () => ask(['-m', 'ray_train.needs'], packages);
    // requests is part of ray[train].
    expect(await needs()).toEqual({ type: 'needs', missing: ['ray[train]', 'peft'] });
    for (const name of ['requests', 'peft']) await writeFile(join(packages, `${name}.py`), '');
    expect(await needs()).toEqual({ type: 'needs', missing: [] });
  });

  it('counts the workers that the nodes have room for', async () => {
    const script = [
      'import json',
      'from ray_train.capacity import WorkerRequest, describe_shortage, workers_that_fit',
      'def node(name, **has): return {"NodeID": name, "NodeName": name, "Alive": name != "dead", "Resources": has}',
      'nodes = [node("a", CPU=4.0), node("b", CPU=3.0, GPU=1.0), node("dead", CPU=99.0, GPU=9.0), node("head")]',
      'requests = [WorkerRequest(9), WorkerRequest(2), WorkerRequest(9, cpus=2), WorkerRequest(9, reserved_cpus=2), WorkerRequest(9, here=True, reserved_cpus=2),',
      '         WorkerRequest(9, gpu=True), WorkerRequest(9, cpus=5)]',
      'counted = [workers_that_fit(nodes, "a", request) for request in requests]',
      'print(json.dumps([counted, describe_shortage(2, requests[4])]))',
    ].join('\n');
    expect(await ask(['-c', script])).toEqual([
      [7, 2, 3, 5, 2, 1, 0],
      'Of 9 workers with 1 processor each, the node that it began on has room for 2' +
        ' in addition to the 2 that prepare and measure',
    ]);
  });
});

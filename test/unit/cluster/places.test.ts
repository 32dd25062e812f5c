/** Where a Ray Train training starts on a cluster, and what it reports while it waits; with a fake Ray. */
import { execFile } from 'node:child_process';
import { delimiter, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { findPython } from '../../../bench/python.ts';

async function run(...script: string[]): Promise<unknown[]> {
  const [command, ...args] = (await findPython()).command;
  const { stdout } = await promisify(execFile)(command!, [...args, '-S', ...script], {
    env: {
      ...process.env,
      PYTHONPATH: ['test/support/fake-ray', 'src/cluster', 'src/training/ray-train']
        .map((path) => resolve(path))
        .join(delimiter),
      PYTHONDONTWRITEBYTECODE: '1',
    },
  });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

const waiting = { type: 'task', id: 'train', status: 'waiting', attempt: 1 };
const tooSmall = {
  code: 'cluster-resources',
  message:
    'No node of the cluster has 3 processors: 1 processor to prepare and measure, and 1 processor for each of 2 workers.',
  next: expect.stringMatching(
    /^Give --storage a folder .*; or ask for less with --workers or --cpus/,
  ) as string,
};

it("starts on a node with room for all workers, if other nodes don't share its folder", async () => {
  const room = { CPU: 3 };
  expect(await run(resolve('test/support/cluster-driver.py'))).toEqual([
    { look: 'small nodes' },
    { ...waiting, ...tooSmall },
    { look: 'again' },
    { look: 'a large one, which is busy' },
    waiting,
    { look: 'that is idle' },
    { look: 'again' },
    // The placement group was removed once the task had been assigned to its node.
    { begun: [['c', false]], rooms: [[room, 'REMOVED']] },
    expect.objectContaining({ status: 'retrying', attempt: 1 }),
    { look: 'it is lost' },
    { ...waiting, ...tooSmall },
    { begun: [['c', false]], rooms: [[room, 'REMOVED']] },
  ]);
});

it('starts on any node if all share its folder', async () => {
  expect(await run(resolve('test/support/cluster-driver.py'), '/a/folder')).toEqual([
    { look: 'small nodes' },
    waiting,
    ...['again', 'a large one, which is busy', 'that is idle', 'again'].map((look) => ({ look })),
    { begun: ['SPREAD'], rooms: [] },
    expect.objectContaining({ status: 'retrying', attempt: 1 }),
    { look: 'it is lost' },
    { begun: ['SPREAD', 'SPREAD'], rooms: [] },
  ]);
});

it('reports what workers wait for, and when the wait ends', async () => {
  const script = [
    'import json, ray',
    'from ray.util.placement_group import placement_group, place',
    'from ray_train.capacity import WorkerRequest',
    'from ray_train.waiting import Waiting',
    'ray.cluster.nodes = [ray.node("a", CPU=2.0), ray.node("b", CPU=1.0)]',
    'waiting = Waiting("a", WorkerRequest(2, reserved_cpus=1), lambda line: print(json.dumps(line)))',
    'def look(what):',
    '    print(json.dumps(what))',
    '    waiting.poll()',
    'first, other = placement_group([]), placement_group([])',
    // From another job.
    'ray.cluster.groups["0002000000"] = {**ray.cluster.groups.pop(other.id)}',
    'look("asked for")',
    'look("others are before it")',
    'look("still")',
    'ray.cluster.nodes[1]["Alive"] = False',
    'look("a node is lost")',
    'place(first.id, "a")',
    'look("placed")',
    'look("later")',
  ].join('\n');
  expect(await run('-c', script)).toEqual([
    'asked for',
    'others are before it',
    { type: 'waiting', message: 'The cluster is busy: waiting until all workers have room' },
    'still',
    'a node is lost',
    {
      type: 'waiting',
      message:
        'Of 2 workers with 1 processor each, the cluster has room for 1 in addition to the 1 that prepare and measure;' +
        ' it waits for more nodes',
    },
    'placed',
    { type: 'waiting' },
    'later',
  ]);
});

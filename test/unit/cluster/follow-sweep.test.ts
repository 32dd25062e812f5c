/** A sweep whose trials run on a cluster. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { follow as followWork } from '../../../src/cluster/follow.ts';
import { parseCluster } from '../../../src/cluster/ray/address.ts';
import { RayClient } from '../../../src/cluster/ray/client.ts';
import { readCluster, writeCluster } from '../../../src/cluster/store.ts';
import type { SweeperMessage, SweepLine } from '../../../src/protocol/sweep.ts';
import { appendLine, createSweep, readSweep, type Sweep } from '../../../src/training/sweep/store.ts';
import { printed, RayServer, type RayJob } from '../../support/ray-server.ts';
import { useTemporaryHome } from '../runs/help.ts';
import { baseLine, newSweep, trial } from '../training/sweep-help.ts';
import { clusterFile } from './help.ts';

const home = useTemporaryHome();
let server: RayServer;
let job: RayJob;
let sweep: Sweep;

beforeEach(async () => {
  server = await new RayServer().start();
  server.onSubmit = (one) => (job = one);
  const corpus = join(home.path(), 'corpus');
  await mkdir(corpus);
  sweep = await createSweep({ ...newSweep(), extend: false }, corpus);
  await writeCluster(sweep.dir, clusterFile(server.url, { kind: 'sweep' }));
});
afterEach(() => server.stop());

async function follow() {
  const client = new RayClient({ address: parseCluster(server.url) });
  await client.submit({ submissionId: 'a-job', entrypoint: '', runtimeEnv: {}, metadata: {} });
  const messages: SweeperMessage[] = [];
  const ended = followWork({
    client,
    dir: sweep.dir,
    file: (await readCluster(sweep.dir))!,
    emit: (message: SweeperMessage) => void messages.push(message),
    detach: new AbortController().signal,
    pollMs: 5,
  });
  ended.catch(() => undefined);
  return { messages, ended };
}

const measured = (line: SweepLine) => printed({ type: 'line', id: 'x', line: { type: 'line', line } });
const lines = () => readSweep(sweep.dir).then((read) => read.lines);

it("collects each trial's measurements once, in any order", async () => {
  await appendLine(sweep, baseLine());
  await appendLine(sweep, trial(1e-4, -0.1));
  const { messages, ended } = await follow();
  const progress = {
    type: 'progress',
    method: 'lora',
    learningRate: 1e-3,
    trial: 1,
    trials: 1,
    step: 3,
    steps: 12,
    loss: 2,
  };
  job.logs =
    printed({ type: 'line', id: 'x', line: progress }) +
    measured(baseLine()) +
    measured(trial(1e-3, -0.3)) +
    measured(trial(1e-4, -0.1)) +
    // Its node was lost, so it was repeated.
    measured(trial(1e-3, -0.3)) +
    measured(trial(3e-4, -0.2)) +
    printed({ type: 'done', failed: [] });
  job.status = 'SUCCEEDED';
  await ended;
  expect((await lines()).map((line) => (line.type === 'trial' ? line.learningRate : line.type))).toEqual([
    'base',
    ...[1e-4, 1e-3, 3e-4],
  ]);
  expect(messages).toEqual([{ ...progress, trial: 2, trials: 3 }, { type: 'trial' }, { type: 'trial' }]);
  expect((await readCluster(sweep.dir))?.ended).toBe('done');
});

it("ends with a trial's error, and keeps the other trials", async () => {
  const { ended } = await follow();
  job.logs =
    measured(baseLine()) +
    measured(trial(1e-4, -0.1)) +
    printed(
      {
        type: 'task',
        id: 'lora-0.0003',
        status: 'failed',
        attempt: 4,
        code: 'memory',
        message: 'No memory.',
      },
      { type: 'done', failed: ['lora-0.0003'] },
    );
  job.status = 'FAILED';
  await expect(ended).rejects.toMatchObject({ code: 'memory', message: 'No memory.' });
  expect(await lines()).toHaveLength(2);
  expect((await readCluster(sweep.dir))?.ended).toBe('failed');
});

it('does not report an error if it was stopped', async () => {
  const { ended } = await follow();
  job.logs = measured(baseLine());
  job.status = 'STOPPED';
  await ended;
  expect((await readCluster(sweep.dir))?.ended).toBe('cancelled');
});

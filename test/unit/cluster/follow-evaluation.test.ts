/** A run measured on a cluster. */
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { follow as followWork } from '../../../src/cluster/follow.ts';
import { parseCluster } from '../../../src/cluster/ray/address.ts';
import { RayClient } from '../../../src/cluster/ray/client.ts';
import { readCluster, writeCluster } from '../../../src/cluster/store.ts';
import type { EvaluatorMessage } from '../../../src/protocol/evaluator.ts';
import { createRun } from '../../../src/runs/index.ts';
import { printed, RayServer, type RayJob } from '../../support/ray-server.ts';
import { newRun, useTemporaryHome } from '../runs/help.ts';
import { clusterFile, handedOver } from './help.ts';

useTemporaryHome();
let server: RayServer;
let job: RayJob;
let dir: string;

beforeEach(async () => {
  server = await new RayServer().start();
  server.onSubmit = (one) => (job = one);
  ({ dir } = await createRun(newRun()));
  await mkdir(join(dir, 'evaluation'));
  await writeFile(join(dir, 'evaluation', 'summary.json'), 'of before');
  await writeCluster(dir, clusterFile(server.url, { kind: 'evaluate', args: ['--tasks', 'retention'] }));
});
afterEach(() => server.stop());

/** Follows to the end; `found` is the run's summary at the time of each message. */
async function follow() {
  const client = new RayClient({ address: parseCluster(server.url) });
  await client.submit({ submissionId: 'a-job', entrypoint: '', runtimeEnv: {}, metadata: {} });
  const messages: { type: string; found: string }[] = [];
  const onMessage = ({ type }: EvaluatorMessage) =>
    messages.push({ type, found: readFileSync(join(dir, 'evaluation', 'summary.json'), 'utf8') });
  const file = (await readCluster(dir))!;
  const ended = followWork({
    client,
    dir,
    file,
    emit: onMessage,
    detach: new AbortController().signal,
    pollMs: 5,
  });
  ended.catch(() => undefined);
  return { messages, ended };
}

const printedLine = (line: object) => printed({ type: 'line', id: 'evaluate', line });
const progress = printedLine({ type: 'progress', phase: 'Retention', done: 1, total: 2 });
const summary = printedLine({
  type: 'summary',
  summary: { step: 30, sentence: 'It learned.', comparisons: [] },
});

it("passes on the evaluator's messages, and its summary once the results have been fetched", async () => {
  // From an earlier evaluation: the worker only returns the files it wrote.
  await writeFile(join(dir, 'evaluation', 'humaneval.30.jsonl'), 'of before');
  const { messages, ended } = await follow();
  const { log, result } = await handedOver({
    'evaluation/summary.json': 'of the cluster',
    'evaluation/retention.30.jsonl': '{}',
  });
  server.logFiles.set('a-node/result.b64', log);
  job.logs = progress + summary + printed(result, { type: 'done', failed: [] });
  job.status = 'SUCCEEDED';
  await ended;
  expect(messages).toEqual([
    { type: 'progress', found: 'of before' },
    { type: 'summary', found: 'of the cluster' },
  ]);
  expect(readFileSync(join(dir, 'evaluation', 'humaneval.30.jsonl'), 'utf8')).toBe('of before');
  expect((await readCluster(dir))?.ended).toBe('done');
});

it("throws the evaluator's error, and leaves the results unchanged", async () => {
  const { messages, ended } = await follow();
  const failed = { type: 'failed', code: 'hub-not-found', message: 'There is no such set.', next: 'Look.' };
  job.logs = progress + printedLine(failed) + printed({ type: 'done', failed: ['evaluate'] });
  job.status = 'FAILED';
  await expect(ended).rejects.toMatchObject({ code: 'hub-not-found', message: failed.message });
  expect(messages).toHaveLength(1);
  expect(readFileSync(join(dir, 'evaluation', 'summary.json'), 'utf8')).toBe('of before');
});

it('reports nothing if it was stopped', async () => {
  const { messages, ended } = await follow();
  job.logs = printed({ type: 'task', id: 'evaluate', status: 'failed', attempt: 1, code: 'cancelled' });
  job.status = 'STOPPED';
  await ended;
  expect(messages).toEqual([]);
  expect((await readCluster(dir))?.ended).toBe('cancelled');
});

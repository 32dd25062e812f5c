/**
 * `train --engine ray-train --on`: the same run here, on one node of a cluster, on several, stopped and gone on with,
 * and with a lost node: that of a worker, and that of the task. All end with the same adapter and the same chart.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { RunEvent } from '../../src/protocol/events.ts';
import { readRun, readState } from '../../src/runs/index.ts';
import { readSeries } from '../../webview/view-model/series.ts';
import { writeTinyModel } from '../../test/support/tiny-model.ts';
import { until as waitUntil } from '../../test/support/until.ts';
import { RayCluster } from '../cluster/ray.ts';

const TRAINED = '--seq 64 --batch 1 --accumulate 3 --lr 1e-3';
const MEASURED = '--backend wasm --humaneval 0 --retention 0 --held-out-windows 2 --strength 1';
/** Processors: of the task, and of each of two workers. */
const NODES = 3;
const PATIENCE_MS = 540_000;

interface Case {
  name: string;
  /** Its adapter is, byte for byte, that of the run here. */
  sameBytes: boolean;
  /** Nats per token, of the steps that both told. */
  lossesApart: number;
  /** Points of the chart, of training and held-out loss, that the chart of the run here does not have. */
  falsePoints: number;
  /** Steps that were made and not heard of, because the job was stopped before they came. */
  untold: number;
  /** The newest step that was heard of when its node was lost. */
  lostAt?: number;
  /** Step at which it went on, if it was interrupted. */
  wentOnAt?: number;
  /** Said while it waited for another node. */
  waited?: string;
  seconds: number;
}

export interface OnCluster {
  python: string;
  /** An empty folder. */
  dir: string;
  steps: string;
  /** Cases whose names contain this. */
  only: string;
  log(line: string): void;
}

interface Run {
  run: string;
  dir: string;
  lostAt?: number;
  waited?: string;
}

export async function compareOnCluster({ python, dir, steps, only, log }: OnCluster): Promise<Case[]> {
  const home = join(dir, 'home');
  const [base, code, storage] = [join(dir, 'tiny.gguf'), join(dir, 'code'), join(dir, 'storage')];
  await Promise.all([mkdir(home), mkdir(storage), cp(resolve('src/protocol'), code, { recursive: true })]);
  await writeTinyModel(base, { seed: 5 });
  let env: NodeJS.ProcessEnv = { ...process.env, FORGET_ME_NOT_HOME: home, FORGET_ME_NOT_PYTHON: python };
  const command = async <T>(...args: string[]): Promise<T> => {
    const all = [resolve('dist/cli.mjs'), ...args, '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, all, { env, maxBuffer: 1 << 28 });
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as T;
  };
  const each = Math.max(1, Math.round(Number(steps) / 10));
  const how = `${TRAINED} ${MEASURED} --steps ${steps} --eval-every ${each}`.split(' ');
  const asked = ['train', code, '--base', base, '--engine', 'ray-train', ...how];
  log('Here ...');
  const here = await command<Run>(...asked);
  const cluster = await RayCluster.start(dirname(python), NODES);
  const end = () => void cluster.stop().finally(() => process.exit(1));
  process.once('SIGINT', end).once('SIGTERM', end);
  try {
    env = { ...env, RAY_AUTH_TOKEN: cluster.token };
    const found: Case[] = [];
    const on = [...asked, '--on', cluster.url, '--yes', '--cpus', '1'];
    const several = [...on, '--storage', storage];
    const measure = async (name: string, train: () => Promise<Run>) => {
      if (!name.includes(only)) return;
      log(`${name} ...`);
      const began = performance.now();
      const { run, dir: there, lostAt, waited } = await train();
      const seconds = Math.round((performance.now() - began) / 1000);
      log(`${run} has ended.`);
      const lost = { ...(lostAt !== undefined && { lostAt }), ...(waited !== undefined && { waited }) };
      found.push({ name, ...(await compared(here.dir, there)), ...lost, seconds });
      log(JSON.stringify(found.at(-1)));
    };
    await measure('on several nodes', () => command<Run>(...several));
    await measure('stopped, and gone on with', async () => {
      const begun = await command<Run>(...several, '--detach');
      await untilKept(begun.dir);
      await command('cancel', begun.run);
      await untilEnded(begun.dir);
      return command<Run>('resume', begun.run, '--yes');
    });
    const losing = (victim: (cluster: RayCluster) => Promise<string>, instead: string) => async () => {
      const { run, dir } = await command<Run>(...several, '--detach');
      await untilKept(dir);
      await cluster.kill(await victim(cluster));
      const lostAt = (await readState(dir)).step;
      const waited = await until('it to say that it waits', async () => {
        const { status, phase = '' } = await readState(dir);
        if (status !== 'running') throw new Error(`It is ${status}: give more --steps.`);
        return /room for|No node/.test(phase) ? phase : undefined;
      });
      await cluster.worker(instead);
      await untilEnded(dir);
      return { run, dir, lostAt, waited };
    };
    await measure("with a worker's node lost", losing(nodeOfWorker, 'spare-1'));
    await measure("with its task's node lost", losing(nodeOfTask, 'spare-2'));
    await cluster.worker('large', NODES);
    await measure('on one node', () => command<Run>(...on));
    return found;
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
    await cluster.stop();
  }
}

async function compared(here: string, there: string): Promise<Omit<Case, 'name' | 'seconds'>> {
  const [ours, theirs] = await Promise.all([eventsOf(here), eventsOf(there)]);
  const adapters = await Promise.all([here, there].map((dir) => readFile(join(dir, 'adapter.gguf'))));
  const [a, b] = [lossesOf(ours), lossesOf(theirs)];
  const wentOn = theirs.filter((event) => event.type === 'start').find(({ step }) => step > 0);
  const shown = new Set(chartOf(ours));
  return {
    sameBytes: adapters[0]!.equals(adapters[1]!),
    lossesApart: Math.max(...[...a].map(([step, loss]) => Math.abs(loss - (b.get(step) ?? loss)))),
    falsePoints: chartOf(theirs).filter((point) => !shown.delete(point)).length,
    untold: [...a.keys()].filter((step) => !b.has(step)).length,
    ...(wentOn && { wentOnAt: wentOn.step }),
  };
}

const eventsOf = async (dir: string): Promise<RunEvent[]> => (await readRun(dir)).events;

/** By step, as it was made last. */
const lossesOf = (events: readonly RunEvent[]): Map<number, number> =>
  new Map(events.flatMap((event) => (event.type === 'step' ? [[event.step, event.loss]] : [])));

/** The points that the panel draws of a training, each as a text. */
function chartOf(events: readonly RunEvent[]): string[] {
  const { loss, learningRate, metrics } = readSeries(events);
  return [
    ...loss.map(({ x, y }) => `loss ${x} ${y}`),
    ...learningRate.map(({ x, y }) => `rate ${x} ${y}`),
    ...metrics
      .filter(({ setting }) => setting.startsWith('during training'))
      .flatMap(({ points }) => points.map(({ x, y }) => `held-out ${x} ${y}`)),
  ];
}

const statusOf = async (dir: string): Promise<string> => (await readState(dir)).status;

const untilEnded = (dir: string) =>
  until('its end', async () => !['running', 'evaluating'].includes(await statusOf(dir)));

const untilKept = (dir: string) =>
  until('a checkpoint', async () => (await eventsOf(dir)).some(({ type }) => type === 'checkpoint'));

/** The name of the node on which the newest job's task is. */
async function nodeOfTask(cluster: RayCluster): Promise<string> {
  const jobs = await cluster.ask<{ submission_id: string | null; start_time: number }[]>('/api/jobs/');
  const [newest] = jobs.filter((job) => job.submission_id).sort((a, b) => b.start_time - a.start_time);
  const { logs } = await cluster.ask<{ logs: string }>(`/api/jobs/${newest!.submission_id}/logs`);
  return /"id": ?"train", "status": ?"preparing".*?"node": ?"([^"]+)"/.exec(logs)![1]!;
}

/** The name of a node on which one of Ray Train's workers is. */
async function nodeOfWorker(cluster: RayCluster): Promise<string> {
  const actors = await cluster.list<{ class_name: string; state: string; node_id: string }>('actors');
  const worker = actors.find(
    ({ class_name, state }) => class_name.includes('TrainWorker') && state === 'ALIVE',
  );
  const nodes = await cluster.list<{ node_id: string; node_name: string }>('nodes');
  return nodes.find(({ node_id }) => node_id === worker!.node_id)!.node_name;
}

const until = <T>(what: string, done: () => Promise<T>) =>
  waitUntil(what, done, { everyMs: 250, patienceMs: PATIENCE_MS });

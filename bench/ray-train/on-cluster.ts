/**
 * `train --engine ray-train --on`: the same run here, on one node of a cluster, on several, stopped and gone on with,
 * and with a lost node. All end with the same adapter.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { RunEvent } from '../../src/protocol/events.ts';
import { readRun, readState } from '../../src/runs/index.ts';
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
  /** Steps that were made and not heard of, because the job was stopped before they came. */
  untold: number;
  /** Step at which it went on, if it was interrupted. */
  wentOnAt?: number;
  seconds: number;
}

export interface OnCluster {
  python: string;
  /** An empty folder. */
  dir: string;
  steps: string;
  log(line: string): void;
}

interface Run {
  run: string;
  dir: string;
}

export async function compareOnCluster({ python, dir, steps, log }: OnCluster): Promise<Case[]> {
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
      log(`${name} ...`);
      const began = performance.now();
      const there = await train();
      const seconds = Math.round((performance.now() - began) / 1000);
      found.push({ name, ...(await compared(here.dir, there.dir)), seconds });
      log(JSON.stringify(found.at(-1)));
    };
    await measure('on several nodes', () => command<Run>(...several));
    await measure('stopped, and gone on with', async () => {
      const begun = await command<Run>(...several, '--detach');
      await untilKept(begun.dir);
      await command('cancel', begun.run);
      await until('its end', async () => (await statusOf(begun.dir)) === 'cancelled');
      return command<Run>('resume', begun.run, '--yes');
    });
    await measure('with its node lost', async () => {
      const begun = await command<Run>(...several, '--detach');
      await untilKept(begun.dir);
      const [, name] =
        /"id":"train","status":"preparing".*?"node":"([^"]+)"/.exec(await logsOf(cluster)) ?? [];
      await cluster.kill(name!);
      await cluster.worker('worker-instead');
      await until('its end', async () => !['running', 'evaluating'].includes(await statusOf(begun.dir)));
      return begun;
    });
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
  return {
    sameBytes: adapters[0]!.equals(adapters[1]!),
    lossesApart: Math.max(...a.map((loss, i) => Math.abs(loss - (b[i] ?? loss)))),
    untold: a.filter((_, i) => b[i] === undefined).length,
    ...(wentOn && { wentOnAt: wentOn.step }),
  };
}

const eventsOf = async (dir: string): Promise<RunEvent[]> => (await readRun(dir)).events;

/** Of each step, as it was made last. */
function lossesOf(events: readonly RunEvent[]): number[] {
  const losses: number[] = [];
  for (const event of events) if (event.type === 'step') losses[event.step - 1] = event.loss;
  return losses;
}

const statusOf = async (dir: string): Promise<string> => (await readState(dir)).status;

const untilKept = (dir: string) =>
  until('a checkpoint', async () => (await eventsOf(dir)).some(({ type }) => type === 'checkpoint'));

/** Of the newest job that is ours. */
async function logsOf(cluster: RayCluster): Promise<string> {
  const jobs = await cluster.ask<{ submission_id: string | null; start_time: number }[]>('/api/jobs/');
  const [newest] = jobs.filter((job) => job.submission_id).sort((a, b) => b.start_time - a.start_time);
  return (await cluster.ask<{ logs: string }>(`/api/jobs/${newest!.submission_id}/logs`)).logs;
}

const until = (what: string, done: () => Promise<boolean>) =>
  waitUntil(what, done, { everyMs: 250, patienceMs: PATIENCE_MS });

/**
 * Compares a sweep on a Ray cluster with the same sweep run locally: `npm run bench:cluster [-- --json]`.
 *
 * Ray is installed into its own virtual environment. A head and two workers with one processor each are started on this
 * machine, with a token and a shared folder as storage. The command line runs a sweep of 8 trials locally with two
 * processors, on the cluster, and on the cluster again while a worker is killed in the middle of a trial and the
 * dashboard is restarted. All must end with the same results.
 */
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { writeTinyModel } from '../test/support/tiny-model.ts';
import { disturb, type Disturbance } from './cluster/disturb.ts';
import { RayCluster } from './cluster/ray.ts';
import { runSweep, sameTrials, trialsPerMinute, type Place, type Swept } from './cluster/sweep.ts';
import { pythonWith } from './python.ts';

const options = {
  json: { type: 'boolean', default: false },
  /** Size of each trial: steps, sequences per step, tokens per sequence. */
  steps: { type: 'string', default: '60' },
  batch: { type: 'string', default: '4' },
  seq: { type: 'string', default: '128' },
} as const;

const WORKERS = 2;
/** A trial takes about 20 seconds on one processor, so that there is a recent checkpoint when a worker is killed. */
const MODEL = { seed: 1, layers: 4, embedding: 192, heads: 6, kvHeads: 3, ffn: 512 };

interface Results {
  /** The sweeps on the cluster had the same results as the local one. */
  sameResults: boolean;
  /** No trial was lost, and none with a checkpoint restarted from the beginning. */
  survivedWorkerLoss: boolean;
  /** Trials per minute on the cluster relative to those of the local sweep with as many processors. */
  throughputRatio: number;
  /** Uploaded by the first sweep on the cluster. */
  uploadMB: number;
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const trial = ['--steps', values.steps, '--batch', values.batch, '--seq', values.seq];
  const log = (line: string) => console.error(line);
  const bin = dirname(await pythonWith(resolve('bench/cluster/requirements.txt'), 'bench-ray', log));
  const dir = await mkdtemp(join(tmpdir(), 'fmn-bench-'));
  let cluster: RayCluster | undefined;
  const stop = () => void cluster?.stop().finally(() => process.exit(1));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const place: Place = {
      home: join(dir, 'home'),
      base: join(dir, 'bench.gguf'),
      folder: join(dir, 'code'),
    };
    await mkdir(place.home);
    // A copy, so that all sweeps read the same text.
    await cp(resolve('src/protocol'), place.folder, { recursive: true });
    await writeTinyModel(place.base, MODEL);
    log('The local sweep ...');
    const local = await runSweep(place, { trial, processors: WORKERS });
    log(describe(local));
    log('Starting Ray ...');
    cluster = await RayCluster.start(bin, WORKERS);
    const storage = join(dir, 'storage');
    await mkdir(storage);
    const on = { url: cluster.url, token: cluster.token, storage };
    log('The sweep on the cluster ...');
    const remote = await runSweep(place, { trial, on });
    log(describe(remote));
    log('Again, while a worker and the dashboard are killed ...');
    const [disturbed, what] = await Promise.all([runSweep(place, { trial, on }), disturb(cluster, storage)]);
    log(`${describe(disturbed)}\n${JSON.stringify(what)}`);
    const results: Results = {
      sameResults: sameTrials(local, remote) && sameTrials(local, disturbed),
      survivedWorkerLoss: disturbed.trials.length === local.trials.length && survived(what),
      throughputRatio: Number((trialsPerMinute(remote) / trialsPerMinute(local)).toFixed(2)),
      uploadMB: Number((remote.uploadBytes / 1e6).toFixed(1)),
    };
    console.log(values.json ? JSON.stringify(results) : results);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await cluster?.stop();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

const describe = (swept: Swept) =>
  `${swept.trials.length} trials, ${trialsPerMinute(swept).toFixed(2)} per minute; in all ${swept.seconds.toFixed(0)} s`;

/** Whether every trial of the lost worker was resumed after its first step. */
const survived = ({ lost, resumedAt }: Disturbance) =>
  lost.length > 0 && lost.every((id) => (resumedAt[id] ?? 0) > 1);

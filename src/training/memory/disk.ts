/** What a run writes, in bytes, before it starts: a disk that fills up half-way costs what was trained since. */
import { mkdir, readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelConfig } from '../../model/config.ts';
import { UserError } from '../../protocol/errors.ts';
import { artefactName, type EvaluationPlan, type Hyper } from '../../protocol/run.ts';
import { formatBytes } from '../../protocol/units.ts';
import { CheckpointPlan } from '../checkpoints/store.ts';
import { countParameters } from './plan.ts';

/** Corpus, events and figures, the base's scores and the room that a file system wants for itself. */
const BESIDES = 100e6;
/** As many checkpoints are kept of so long a run as of any longer one. */
const MANY_STEPS = 300;
const F32 = 4;
const F16 = 2;

export type DiskHyper = Pick<Hyper, 'method' | 'rank' | 'targets' | 'optimizer' | 'steps' | 'evalEvery'>;

/** The most that lies in the run's directory at any time. */
export function planDisk(
  config: ModelConfig,
  hyper: DiskHyper,
  { keep, patience }: Pick<EvaluationPlan, 'keep' | 'patience'>,
): number {
  const trained = countParameters(config, hyper);
  const checkpoint = F32 * trained * (hyper.optimizer === 'adamw' ? 3 : 2);
  const result = (hyper.method === 'full' ? F16 : F32) * trained;
  // Each that is kept may have another best one before it.
  const bests = keep === 'best' || patience !== undefined ? 2 : 1;
  const kept = bests * mostKept(hyper);
  // The next one is written before the oldest goes. The result, or that of a checkpoint in measuring, is written
  // beside those, and beside the one that an earlier attempt has left.
  return kept * checkpoint + Math.max(checkpoint, 2 * result) + BESIDES;
}

/** Checkpoints with weights that are kept at once. */
function mostKept({ steps, evalEvery }: Pick<DiskHyper, 'steps' | 'evalEvery'>): number {
  const plan = new CheckpointPlan(evalEvery);
  let kept: number[] = [];
  let most = 0;
  for (let step = 1; step <= steps; step += 1) {
    if (step < steps && !plan.due(step)) continue;
    const outdated = plan.outdated([...kept, step]);
    kept = [...kept, step].filter((one) => !outdated.includes(one));
    most = Math.max(most, kept.length);
  }
  return most;
}

export interface RunSpace {
  config: ModelConfig;
  hyper: DiskHyper;
  evaluation: EvaluationPlan;
  /** Where the run's length is time, its steps are only an estimate. */
  minutes?: number | undefined;
  /** Bytes; looked up without. */
  free?: number;
}

/**
 * Throws `disk-full` where the run won't fit: into `dir`, its own or the folder that it will lie in.
 * What it has written before counts as there.
 */
export async function requireRunSpace(
  dir: string,
  { config, hyper, evaluation, minutes, free }: RunSpace,
): Promise<void> {
  await mkdir(dir, { recursive: true });
  const steps = minutes === undefined ? hyper.steps : Math.max(hyper.steps, MANY_STEPS);
  const needed = planDisk(config, { ...hyper, steps }, evaluation);
  const room = (free ?? (await freeSpace(dir))) + (await written(dir, hyper));
  if (needed <= room) return;
  const smaller = hyper.method === 'full' ? ', train with --method lora,' : '';
  throw new UserError(
    'disk-full',
    `This run writes up to ${formatBytes(needed)} into ${dir}, and ${formatBytes(room)} are free there.`,
    `Free some space${smaller} or set FORGET_ME_NOT_HOME to a folder on a larger disk.`,
  );
}

async function freeSpace(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}

async function written(dir: string, { method }: Pick<Hyper, 'method'>): Promise<number> {
  const names = await readdir(join(dir, 'checkpoints'), { recursive: true }).catch(() => []);
  const paths = [
    ...names.map((name) => join(dir, 'checkpoints', name)),
    join(dir, artefactName({ hyper: { method } })),
  ];
  const sizes = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        (found) => (found.isFile() ? found.size : 0),
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

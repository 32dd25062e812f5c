/**
 * Plans the bytes that a run will write, before it starts: if the disk fills up half-way, training since the last
 * checkpoint is lost.
 */
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelConfig } from '../../model/config.ts';
import { freeSpace } from '../../platform/files/disk.ts';
import { msg, UserError } from '../../text/errors.ts';
import { artefactName, type EvaluationPlan, type Hyper } from '../../protocol/run.ts';
import { formatBytes } from '../../text/units.ts';
import { CheckpointPlan } from './store.ts';
import { countParameters } from '../memory/plan.ts';

/** Corpus, events and metrics, the base's scores, and the overhead of the file system. */
const OTHER_BYTES = 100e6;
/** From this many steps on, the number of kept checkpoints no longer grows. */
const MANY_STEPS = 300;
const F32 = 4;
const F16 = 2;

export type DiskHyper = Pick<Hyper, 'method' | 'rank' | 'targets' | 'optimizer' | 'steps' | 'evalEvery'>;

/** The largest size of the run's directory at any time. */
export function planDisk(
  config: ModelConfig,
  hyper: DiskHyper,
  { keep, patience }: Pick<EvaluationPlan, 'keep' | 'patience'>,
): number {
  const trained = countParameters(config, hyper);
  const checkpoint = F32 * trained * (hyper.optimizer === 'adamw' ? 3 : 2);
  const lora = hyper.method === 'lora';
  const result = (lora ? F32 : F16) * trained;
  // Each kept checkpoint may have another best one before it, which is kept too.
  const checkpointSets = keep === 'best' || patience !== undefined ? 2 : 1;
  const kept = checkpointSets * maxKeptCheckpoints(hyper);
  // The next checkpoint is written before the oldest is deleted. The result (or that of a checkpoint being measured) is
  // written in addition, possibly next to one left by an earlier attempt. LoRA may keep the adapter that it began with,
  // and its own as trained.
  return kept * checkpoint + Math.max(checkpoint, 2 * result) + (lora ? 2 * result : 0) + OTHER_BYTES;
}

/** The most checkpoints with weights that are kept at the same time. */
function maxKeptCheckpoints({ steps, evalEvery }: Pick<DiskHyper, 'steps' | 'evalEvery'>): number {
  const plan = new CheckpointPlan(evalEvery);
  let kept: number[] = [];
  let most = 0;
  for (let step = 1; step <= steps; step += 1) {
    if (step < steps && !plan.isDue(step)) continue;
    const outdated = plan.outdated([...kept, step]);
    kept = [...kept, step].filter((checkpoint) => !outdated.includes(checkpoint));
    most = Math.max(most, kept.length);
  }
  return most;
}

export interface RunSpace {
  config: ModelConfig;
  hyper: DiskHyper;
  evaluation: EvaluationPlan;
  /** The budget in minutes, if there is one; then the number of steps is only an estimate. */
  minutes?: number | undefined;
  /** Free bytes. Default: looked up. */
  free?: number;
}

/**
 * Throws `disk-full` if the run won't fit into `dir`, its own directory or the parent of it. Space that it already uses
 * counts as available.
 */
export async function requireRunSpace(
  dir: string,
  { config, hyper, evaluation, minutes, free }: RunSpace,
): Promise<void> {
  await mkdir(dir, { recursive: true });
  const steps = minutes === undefined ? hyper.steps : Math.max(hyper.steps, MANY_STEPS);
  const needed = planDisk(config, { ...hyper, steps }, evaluation);
  const room = (free ?? (await freeSpace(dir))) + (await writtenBytes(dir, hyper));
  if (needed <= room) return;
  const smaller = hyper.method === 'full' ? ', train with --method lora,' : '';
  throw new UserError(
    'disk-full',
    msg`This run writes up to ${formatBytes(needed)} into ${dir}, but only ${formatBytes(room)} are free there.`,
    msg`Free some space${smaller} or set FORGET_ME_NOT_HOME to a folder on a larger disk.`,
  );
}

async function writtenBytes(dir: string, { method }: Pick<Hyper, 'method'>): Promise<number> {
  const names = await readdir(join(dir, 'checkpoints'), { recursive: true }).catch(() => []);
  const paths = [
    ...names.map((name) => join(dir, 'checkpoints', name)),
    join(dir, artefactName({ hyper: { method } })),
  ];
  const sizes = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        (entry) => (entry.isFile() ? entry.size : 0),
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

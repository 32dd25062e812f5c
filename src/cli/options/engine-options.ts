/** `train --engine ray-train`: PyTorch under Ray Train in place of our own trainer. */
import { Option, type Command } from 'commander';
import { isAddress } from '../../cluster/job.ts';
import { UserError } from '../../protocol/errors.ts';
import type { BackendName, RayTrainEngine } from '../../protocol/run.ts';
import type { Place } from '../machine/place.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { whole } from './numbers.ts';
import type { TrainOptions } from './train-options.ts';

export interface EngineOptions {
  engine?: RayTrainEngine['name'];
  workers?: number;
  workerGpus?: boolean;
  parallel?: RayTrainEngine['parallel'];
}

export const addEngineOptions = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--engine <name>',
        'train with PyTorch and PEFT under Ray Train, for bases that fit no single device and for many GPUs; here, or with --on on a cluster whose Python has them; needs --steps, --epochs or --tokens as the budget',
      ).choices(['ray-train']),
    )
    .option(
      '--workers <n>',
      'with --engine: processes that train together (default: 2); on a cluster, each has --cpus processors (default: 1)',
      whole(1),
    )
    .option('--worker-gpus', 'with --engine: each of them has a GPU')
    .addOption(
      new Option(
        '--parallel <how>',
        'with --engine: fsdp: each worker keeps its share of the model; ddp: each has all of it (default: fsdp)',
      ).choices(['fsdp', 'ddp']),
    );

/** Ray Train's workers, of which only the cluster knows how much memory they have. `backend`: what measures the result. */
export const enginePlace = (
  { gpus }: Pick<RayTrainEngine, 'gpus'>,
  backend: BackendName = 'tensorflow',
): Place => ({
  backend,
  // Processors gain little from bf16 in PyTorch.
  precision: () => (gpus ? 'bf16' : 'f32'),
  fit: (_base, { recompute, batch, accumulate }) =>
    Promise.resolve({ fitted: { recompute, batch, accumulate }, memoryBytes: 0 }),
});

/** What such a run can't do: an option, and whether it was given. */
const missing: readonly [name: string, given: (options: TrainOptions) => boolean][] = [
  ['--minutes', ({ minutes }) => minutes !== undefined],
  ['--eval-tasks', ({ evalTasks = [] }) => evalTasks.length > 0],
  ['--forgetting-limit', ({ forgettingLimit }) => forgettingLimit !== undefined],
  ['--patience', ({ patience }) => patience !== undefined],
  ['--keep best', ({ keep }) => keep === 'best'],
  ['--precision f16', ({ precision }) => precision === 'f16'],
];

/**
 * The engine that was asked for, and the options of a run that it trains: it measures nothing at checkpoints but the
 * held-out loss, and makes no trials of learning rates. Errors: bad-argument for what does not go with it.
 */
export function withEngine<O extends TrainOptions & EngineOptions & ClusterOptions>(
  options: O,
): { engine?: RayTrainEngine; options: O } {
  const { engine: name, workers, workerGpus, parallel, cpus, storage } = options;
  if (name === undefined) {
    const given = [
      ['--workers', workers],
      ['--worker-gpus', workerGpus],
      ['--parallel', parallel],
    ].find(([, value]) => value !== undefined);
    if (!given) return { options };
    throw new UserError(
      'bad-argument',
      `${String(given[0])} is for a training under Ray Train.`,
      'Give --engine ray-train, or leave it out.',
    );
  }
  const [refused] = missing.find(([, given]) => given(options)) ?? [];
  if (refused)
    throw new UserError(
      'bad-argument',
      `A training under Ray Train does not know ${refused}.`,
      'Leave it out, or train without --engine.',
    );
  if (storage && isAddress(storage))
    throw new UserError(
      'bad-argument',
      "Ray Train's workers read the run from a folder, so an address can't be their --storage.",
      'Give --storage a folder that all nodes share, or leave it out: all workers are then on one node.',
    );
  const engine = {
    name,
    workers: workers ?? 2,
    gpus: workerGpus ?? false,
    ...(cpus !== undefined && { cpus }),
    parallel: parallel ?? 'fsdp',
  };
  return { engine, options: { ...options, evalTasks: [], rateTrials: false } };
}

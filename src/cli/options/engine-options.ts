/** `train --engine ray-train`: PyTorch under Ray Train instead of our own trainer. */
import { isAddress } from '../../cluster/job.ts';
import { UserError } from '../../text/errors.ts';
import { rayTrainEngineSchema, type BackendName, type RayTrainEngine } from '../../protocol/run.ts';
import { firstUnsupported, specPart, type TrainOptions } from '../../training/options/index.ts';
import { flagName } from '../../training/options/option.ts';
import { engineOptions, type ClusterOptions, type EngineOptions } from '../../training/options/place.ts';
import type { TrainingTarget } from '../machine/training-target.ts';

/** Ray Train's workers; only the cluster knows their memory. `backend`: measures the result. */
export const engineTarget = (
  { gpus }: Pick<RayTrainEngine, 'gpus'>,
  backend: BackendName = 'tensorflow',
): TrainingTarget => ({
  backend,
  // On a CPU, PyTorch gains little from bf16.
  precision: () => (gpus ? 'bf16' : 'f32'),
  fit: (_base, { recompute, batch, accumulate }) =>
    Promise.resolve({ settings: { recompute, batch, accumulate }, memoryBytes: 0 }),
});

/**
 * The requested engine, and the options of a run trained by it: at checkpoints it measures only the held-out loss.
 * Errors: bad-argument for options it does not support.
 */
export function withEngine<O extends TrainOptions & EngineOptions & ClusterOptions>(
  options: O,
): { engine?: RayTrainEngine; options: O } {
  const { engine: name, storage } = options;
  if (name === undefined) {
    const given = Object.entries(engineOptions).find(([option]) => options[option as keyof O] !== undefined);
    if (!given) return { options };
    throw new UserError(
      'bad-argument',
      `--${flagName(given[1].flags)} is for a training under Ray Train.`,
      'Give --engine ray-train, or leave it out.',
    );
  }
  const unsupported = firstUnsupported('rayTrain', options);
  if (unsupported)
    throw new UserError(
      'bad-argument',
      `A training under Ray Train does not know ${unsupported}.`,
      'Leave it out, or train without --engine.',
    );
  if (storage && isAddress(storage))
    throw new UserError(
      'bad-argument',
      "Ray Train's workers read the run from a folder, so an address can't be their --storage.",
      'Give --storage a folder that all nodes share, or leave it out: all workers are then on one node.',
    );
  const engine = rayTrainEngineSchema.parse(specPart('engine', options));
  return { engine, options: { ...options, evalTasks: [] } };
}

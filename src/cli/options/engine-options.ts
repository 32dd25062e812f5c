/** `train --engine ray-train`: PyTorch under Ray Train in place of our own trainer. */
import { isAddress } from '../../cluster/job.ts';
import { UserError } from '../../text/errors.ts';
import { rayTrainEngineSchema, type BackendName, type RayTrainEngine } from '../../protocol/run.ts';
import { firstUnsupported, specPart, type TrainOptions } from '../../training/options/index.ts';
import { flagName } from '../../training/options/option.ts';
import { engineOptions, type ClusterOptions, type EngineOptions } from '../../training/options/place.ts';
import type { Place } from '../machine/place.ts';

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

/**
 * The engine that was asked for, and the options of a run that it trains: it measures nothing at checkpoints but the
 * held-out loss, and makes no trials of learning rates. Errors: bad-argument for what does not go with it.
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
  const refused = firstUnsupported('rayTrain', options);
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
  const engine = rayTrainEngineSchema.parse(specPart('engine', options));
  return { engine, options: { ...options, evalTasks: [], rateTrials: false } };
}

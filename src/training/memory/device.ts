/** Plans what a run will allocate in a GPU's own memory, in addition to main memory (plan.ts). */
import type { BaseShape } from '../../base-models/registry.ts';
import type { Adapter } from '../../protocol/doctor.ts';
import { planScoring, StepSizes, type MemoryPlan, type Place, type PlannedHyper } from './plan.ts';

/** The GPU that a run is planned for. */
export type PlannedDevice = Pick<Adapter, 'name' | 'memory' | 'shared' | 'maxBufferSize'>;

export interface DevicePlan extends Omit<MemoryPlan, 'runtime'> {
  /** Unused bytes of the buffers, which are larger than their contents. */
  pool: number;
}

/** Bytes of the largest buffer that a run needs. */
export const largestBuffer = (config: BaseShape, hyper: PlannedHyper, storedBytes?: number): number =>
  new StepSizes(config, hyper, { backend: 'webgpu', storedBytes }).largestTensor();

/**
 * Buffers come in four sizes for each doubling (tensor/webgpu/buffers.ts), so a buffer is at most a quarter too large.
 */
const POOL_SLACK = 0.25;
const F32 = 4;

/**
 * In bytes: weights as stored, trained parameters, their gradients and moments, activations, temporary results, and the
 * pool's share. Gradients don't reuse the memory of activations here, because buffers of another size can't be reused.
 * @param atCheckpoints whether the evaluator scores while the training keeps its memory
 */
export function planDevice(
  config: BaseShape,
  hyper: PlannedHyper,
  { storedBytes, atCheckpoints = false }: Pick<Place, 'storedBytes'> & { atCheckpoints?: boolean },
): DevicePlan {
  const place: Place = { backend: 'webgpu', storedBytes };
  const sizes = new StepSizes(config, hyper, place);
  const parameters = F32 * sizes.trained;
  const parts = {
    weights: sizes.weights(),
    parameters,
    gradients: parameters,
    optimiser: parameters * (hyper.optimizer === 'adamw' ? 2 : 1),
    activations: sizes.activations(),
    workspace: sizes.workspace(),
  };
  const training = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
  const scoring = planScoring(config, hyper, place);
  const evaluation = atCheckpoints ? scoring : Math.max(0, scoring - training);
  const pool = POOL_SLACK * (training + evaluation);
  const total = training + evaluation + pool;
  return { ...parts, evaluation, pool, total };
}

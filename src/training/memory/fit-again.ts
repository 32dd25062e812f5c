/**
 * Refits a run that starts on a backend other than planned: what would have been on a GPU has to fit into main memory.
 */
import type { BaseShape } from '../../base-models/registry.ts';
import type { RunSpec } from '../../protocol/run.ts';
import type { RunWriter } from '../../runs/writer.ts';
import { tensorflowGpu } from '../../tensor/devices/cuda.ts';
import type { Backend } from '../../tensor/index.ts';
import { availableMemory } from '../../platform/machine/available-memory.ts';
import { fitMemory } from './fit.ts';
import type { BaseSizes } from './plan.ts';
import { msg, withTexts } from '../../text/message.ts';

/** The backend that has started, and the sizes of the base on it. */
export interface StartedBackend {
  backend: Pick<Backend, 'name' | 'device'>;
  sizes: BaseSizes;
}

/**
 * The run as it fits the backend that has started, with a warning for each change; unchanged if it was planned for that
 * backend. Each step still learns from the same sequences. Throws UserError `memory` if it can't be made to fit.
 * @param available bytes of main memory; for tests
 */
export async function refitRun(
  config: BaseShape,
  spec: RunSpec,
  { backend: { name, device }, sizes: { baseBytes, storedBytes } }: StartedBackend,
  writer: Pick<RunWriter, 'event'>,
  available?: number,
): Promise<RunSpec> {
  const { planned = spec.backend, hyper, evaluation } = spec;
  if (planned === name || planned === 'auto') return spec;
  // As in the plan before a run: with TensorFlow's GPU, only the GPU's memory is planned.
  const gpu = name === 'tensorflow' ? (await tensorflowGpu())?.memory : undefined;
  const atCheckpoints = evaluation.checkpointTasks.length > 0;
  const fitted = fitMemory(config, hyper, {
    backend: name,
    device,
    available: gpu ?? available ?? (await availableMemory()),
    ...(gpu === undefined && { storedBytes, measuring: { baseBytes, atCheckpoints } }),
  });
  for (const change of fitted.changes)
    await writer.event({
      type: 'warning',
      ...withTexts({ message: msg`To fit into the memory of ${name}, ${change}.` }),
    });
  return { ...spec, hyper: fitted.hyper };
}

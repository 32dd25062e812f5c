/** The base that this machine gets where nobody says. */
import { totalmem } from 'node:os';
import { chooseBase, type ChosenBase, type Hardware } from '../../base-models/choose.ts';
import type { BackendName, Hyper } from '../../protocol/run.ts';
import { fastestPrecision } from '../../tensor/precision.ts';
import { findRuntime } from '../../tensor/runtime/find.ts';
import { installSize } from '../../tensor/runtime/index.ts';
import { guessTokensPerSecond } from '../../training/learning-rate/defaults.ts';
import { measuredSpeeds } from '../../training/measured-speed.ts';
import { leastGpuMemory, runMemory } from '../../training/memory/defaults.ts';
import { findGpus } from './gpus.ts';
import { plannedBackend } from './planned-backend.ts';

export interface AutoBase extends ChosenBase {
  /** What it will be once TensorFlow is installed: where that can be, is not, and would be another base. */
  withTensorflow?: ChosenBase;
}

/**
 * What `--base auto` means on this machine as it is now, whoever asks: train, models, doctor, the wizard.
 * @param wanted what is to compute; wasm has no GPU
 */
export async function autoBase(
  wanted: BackendName | 'auto' = 'auto',
  method?: Hyper['method'],
): Promise<AutoBase> {
  const backend = await plannedBackend({ backend: wanted });
  const chosen = chooseBase(await lookAtHardware(backend, method));
  if (wanted !== 'auto' || backend === 'tensorflow' || !installSize(false)) return chosen;
  const withTensorflow = chooseBase(await lookAtHardware('tensorflow', method));
  return withTensorflow.id === chosen.id ? chosen : { ...chosen, withTensorflow };
}

/** A sentence for those who are better off with TensorFlow; empty for others. */
export const tellWithTensorflow = ({ withTensorflow }: AutoBase): string =>
  withTensorflow ? ` Once TensorFlow is here ({install-runtime}), it is ${withTensorflow.id}.` : '';

/** The same among some, by their ids; undefined when none of them is for this machine. */
export async function autoBaseAmong(
  only: readonly string[],
  wanted: BackendName | 'auto' = 'auto',
  method?: Hyper['method'],
): Promise<ChosenBase | undefined> {
  return chooseBase({ ...(await lookAtHardware(await plannedBackend({ backend: wanted }), method)), only });
}

async function lookAtHardware(
  backend: BackendName,
  method: Hyper['method'] = 'lora',
): Promise<Omit<Hardware, 'only'>> {
  const [gpus, runtime] = await Promise.all([findGpus(), findRuntime()]);
  const [gpu] = backend === 'tensorflow' && runtime?.gpu ? gpus : [];
  const how = { method, backend, precision: fastestPrecision(backend, method) };
  const measured = gpu ? new Map<string, number[]>() : await measuredSpeeds(how);
  return {
    memoryBytes: gpu?.memory ?? Math.min(totalmem(), process.constrainedMemory() || Infinity),
    gpu: gpu !== undefined,
    needs: (base) => (gpu ? leastGpuMemory : runMemory)(base, method, { backend }),
    // The fastest tells what the machine can do; at the others it was busy.
    tokensPerSecond: ({ sha256 = '', parameters }) =>
      Math.max(...(measured.get(sha256) ?? [guessTokensPerSecond(parameters, how)])),
  };
}

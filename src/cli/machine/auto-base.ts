/** The default base on this machine. */
import { totalmem } from 'node:os';
import { chooseBase, type ChosenBase, type Hardware } from '../../base-models/choose.ts';
import type { BackendName, Hyper } from '../../protocol/run.ts';
import { installSize } from '../../tensor/runtime/index.ts';
import { guessTokensPerSecond } from '../../training/speed-guess.ts';
import { measuredSpeeds } from '../../training/measured-speed.ts';
import { minGpuMemory, runMemory } from '../../training/memory/defaults.ts';
import { gpuMemory } from './fit-machine.ts';
import { plannedBackend, plannedPrecision } from './planned-backend.ts';
import { msg, type Text } from '../../text/message.ts';

export interface AutoBase extends ChosenBase {
  /**
   * The choice once TensorFlow is installed. Set only if it is installable, not installed yet, and would change the
   * choice.
   */
  withTensorflow?: ChosenBase;
}

/**
 * What `--base auto` means on this machine now; the same for train, models, doctor and the wizard.
 * @param wanted the backend to choose for; wasm has no GPU
 */
export async function autoBase(
  wanted: BackendName | 'auto' = 'auto',
  method?: Hyper['method'],
): Promise<AutoBase> {
  const backend = await plannedBackend({ backend: wanted });
  const chosen = chooseBase(await inspectHardware(backend, method));
  if (wanted !== 'auto' || backend !== 'wasm' || !installSize(false)) return chosen;
  const withTensorflow = chooseBase(await inspectHardware('tensorflow', method));
  return withTensorflow.id === chosen.id ? chosen : { ...chosen, withTensorflow };
}

/** A sentence for users who would get another base with TensorFlow; else empty. */
export const describeTensorflowGain = ({ withTensorflow }: AutoBase): Text =>
  withTensorflow
    ? msg` With TensorFlow installed ({install-runtime}), it would be ${withTensorflow.id}.`
    : '';

/** As autoBase, but only among the bases with these ids; undefined when none of them suits this machine. */
export async function autoBaseAmong(
  only: readonly string[],
  wanted: BackendName | 'auto' = 'auto',
  method?: Hyper['method'],
): Promise<ChosenBase | undefined> {
  return chooseBase({ ...(await inspectHardware(await plannedBackend({ backend: wanted }), method)), only });
}

async function inspectHardware(
  backend: BackendName,
  method: Hyper['method'] = 'lora',
): Promise<Omit<Hardware, 'only'>> {
  const memory = await gpuMemory(backend);
  const gpu = memory !== undefined;
  const setup = { method, backend, precision: (await plannedPrecision(backend))(method) };
  const measured = gpu ? new Map<string, number[]>() : await measuredSpeeds(setup);
  return {
    memoryBytes: memory ?? Math.min(totalmem(), process.constrainedMemory() || Infinity),
    gpu,
    needs: (base) => (gpu ? minGpuMemory : runMemory)(base, method, { backend }),
    // The fastest run shows the machine's speed; during slower ones it was busy.
    tokensPerSecond: ({ sha256 = '', parameters }) =>
      Math.max(...(measured.get(sha256) ?? [guessTokensPerSecond(parameters, setup)])),
  };
}

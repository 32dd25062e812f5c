/** The base that this machine gets where nobody says. */
import { totalmem } from 'node:os';
import { chooseBase, type ChosenBase, type Hardware } from '../base-models/choose.ts';
import type { BackendName, Hyper } from '../protocol/run.ts';
import { fastestPrecision } from '../tensor/precision.ts';
import { findRuntime } from '../tensor/runtime/find.ts';
import { guessTokensPerSecond } from '../training/defaults.ts';
import { measuredSpeeds } from '../training/measured-speed.ts';
import { leastGpuMemory, runMemory } from '../training/run-memory.ts';
import { findGpus } from './gpus.ts';

/** @param backend what will compute; wasm has no GPU */
export async function autoBase(backend: BackendName, method?: Hyper['method']): Promise<ChosenBase> {
  return chooseBase(await lookAtHardware(backend, method));
}

/** The same among some, by their ids; undefined when none of them is for this machine. */
export async function autoBaseAmong(
  only: readonly string[],
  backend: BackendName,
  method?: Hyper['method'],
): Promise<ChosenBase | undefined> {
  return chooseBase({ ...(await lookAtHardware(backend, method)), only });
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

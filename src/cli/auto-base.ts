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
export async function autoBase(backend: BackendName): Promise<ChosenBase> {
  return chooseBase(await lookAtHardware(backend));
}

/** The same among some, by their ids; undefined when none of them is for this machine. */
export async function autoBaseAmong(
  only: readonly string[],
  backend: BackendName,
): Promise<ChosenBase | undefined> {
  return chooseBase({ ...(await lookAtHardware(backend)), only });
}

async function lookAtHardware(backend: BackendName): Promise<Omit<Hardware, 'only'>> {
  const [gpus, runtime] = await Promise.all([findGpus(), findRuntime()]);
  const [gpu] = backend === 'tensorflow' && runtime?.gpu ? gpus : [];
  const precision: Hyper['precision'] = fastestPrecision(backend, 'lora');
  const how = { method: 'lora' as const, backend, precision };
  const measured = gpu ? new Map<string, number[]>() : await measuredSpeeds(how);
  return {
    memoryBytes: gpu?.memory ?? Math.min(totalmem(), process.constrainedMemory() || Infinity),
    gpu: gpu !== undefined,
    needs: (base) => (gpu ? leastGpuMemory(base, { backend }) : runMemory(base, 'lora', { backend })),
    // The fastest tells what the machine can do; at the others it was busy.
    tokensPerSecond: ({ sha256 = '', parameters }) =>
      Math.max(...(measured.get(sha256) ?? [guessTokensPerSecond(parameters, how)])),
  };
}

/** The base that this machine gets where nobody says. */
import { totalmem } from 'node:os';
import { chooseBase, needsHub, type ChosenBase } from '../base-models/choose.ts';
import type { KnownBase } from '../base-models/registry.ts';
import { hubAnswers } from '../base-models/hub-files.ts';
import { presentBases } from '../base-models/known-base.ts';
import { findRuntime } from '../tensor/runtime/find.ts';
import { leastGpuMemory } from '../training/run-memory.ts';
import { findGpus } from './gpus.ts';

/**
 * Looks at the GPU, and asks the hub only where the choice hangs on it.
 * @param backend what will compute; wasm has no GPU
 */
export async function autoBase(backend = 'auto'): Promise<ChosenBase> {
  const [gpus, runtime, present] = await Promise.all([findGpus(), findRuntime(), presentBases()]);
  const [gpu] = backend !== 'wasm' && runtime?.gpu ? gpus : [];
  const hardware = {
    memoryBytes: gpu?.memory ?? totalmem(),
    gpu: gpu !== undefined,
    present,
    needs: (base: KnownBase) => leastGpuMemory(base, { backend: 'tensorflow' }),
  };
  const best = chooseBase(hardware);
  if (!needsHub(best, present) || (await hubAnswers())) return best;
  return chooseBase({ ...hardware, hasHub: false });
}

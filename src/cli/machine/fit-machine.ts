/** Fits a run to the memory of this machine. */
import type { ModelConfig } from '../../model/config.ts';
import type { BackendName, Hyper } from '../../protocol/run.ts';
import { findNvidia } from '../../tensor/devices/memory.ts';
import { findRuntime } from '../../tensor/runtime/find.ts';
import { availableMemory } from '../../training/memory/available.ts';
import { fitMemory } from '../../training/memory/fit.ts';
import type { BaseSizes, MemoryPlan } from '../../training/memory/plan.ts';
import { formatBytes } from '../view/format.ts';

/** What is known of a base before anything else is read. */
export interface CheckedBase extends BaseSizes {
  config: ModelConfig;
}

/**
 * Prints the memory plan and what was changed to make it fit. Errors: those of fitMemory. On a GPU, the memory that
 * llama.cpp needs for measuring is not counted: it lies in main memory. `atCheckpoints`: undefined if nothing is measured.
 */
export async function fitToMachine(
  { config, baseBytes, storedBytes }: CheckedBase,
  hyper: Hyper,
  backend: BackendName,
  { json, atCheckpoints }: { json?: boolean; atCheckpoints?: boolean },
): Promise<Pick<Hyper, 'recompute' | 'batch' | 'accumulate'>> {
  const gpu = await gpuMemory(backend);
  const available = gpu ?? (await availableMemory());
  const measuring = atCheckpoints === undefined ? {} : { measuring: { baseBytes, atCheckpoints } };
  const room = { backend, available, ...(gpu === undefined && { storedBytes, ...measuring }) };
  const { hyper: fitted, plan, changes } = fitMemory(config, hyper, room);
  if (!json) {
    console.log(`Memory: about ${formatBytes(plan.total)} of ${formatBytes(available)} available`);
    console.log(`  ${describePlan(plan)}`);
    for (const change of changes) console.log(`  to fit, ${change}`);
  }
  return { recompute: fitted.recompute, batch: fitted.batch, accumulate: fitted.accumulate };
}

/** "weights 270 MB, activations 361 MB, ...", largest first. */
export function describePlan({ total, ...parts }: MemoryPlan | Record<string, number>): string {
  return Object.entries(parts)
    .filter(([, bytes]) => bytes >= 0.01 * (total ?? 0))
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, bytes]) => `${name} ${formatBytes(bytes)}`)
    .join(', ');
}

/** Bytes of the GPU that this backend would train on; undefined if it trains on the processor. */
export async function gpuMemory(backend: BackendName): Promise<number | undefined> {
  if (backend !== 'tensorflow' || !(await findRuntime())?.gpu) return undefined;
  return (await findNvidia())[0]?.memory;
}

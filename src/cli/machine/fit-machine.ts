/** Fits a run to the memory of this machine. */
import type { ModelConfig } from '../../model/config.ts';
import type { BackendName, Hyper } from '../../protocol/run.ts';
import { tensorflowGpu } from '../../tensor/devices/cuda.ts';
import { planBackend } from '../../tensor/devices/plan.ts';
import { availableMemory } from '../../platform/machine/available-memory.ts';
import type { DevicePlan, PlannedDevice } from '../../training/memory/device.ts';
import { fitMemory } from '../../training/memory/fit.ts';
import type { BaseSizes, MemoryPlan } from '../../training/memory/plan.ts';
import { formatBytes } from '../view/format.ts';
import { print } from '../view/output.ts';
import { english } from '../../text/message.ts';

/** A base's sizes and configuration, read before anything else. */
export interface CheckedBase extends BaseSizes {
  config: ModelConfig;
}

/**
 * Prints the memory plan and the changes that make it fit: main memory, and a GPU's own memory. Errors: those of
 * fitMemory. On a GPU, the memory that llama.cpp needs for measuring lies in main memory. `atCheckpoints`: undefined if
 * nothing is measured. `device`: the requested GPU.
 */
export async function fitToMachine(
  { config, baseBytes, storedBytes }: CheckedBase,
  hyper: Hyper,
  backend: BackendName,
  { json, atCheckpoints, device: wanted }: { json?: boolean; atCheckpoints?: boolean; device?: string },
): Promise<Pick<Hyper, 'recompute' | 'batch' | 'accumulate'>> {
  // For TensorFlow's GPU, only the GPU's memory is planned.
  const gpu = await cudaMemory(backend);
  const available = gpu ?? (await availableMemory());
  const device = await plannedDevice(backend, wanted);
  const measuring = atCheckpoints === undefined ? {} : { measuring: { baseBytes, atCheckpoints } };
  const room = { backend, available, device, ...(gpu === undefined && { storedBytes, ...measuring }) };
  const { hyper: fitted, plan, device: onDevice, changes } = fitMemory(config, hyper, room);
  if (!json) {
    print(`Memory: about ${formatBytes(plan.total)} of ${formatBytes(available)} available`);
    print(`  ${describePlan(plan)}`);
    if (device && onDevice) print(describeDevice(device, onDevice));
    for (const change of changes) print(`  to fit, ${english(change)}`);
  }
  return { recompute: fitted.recompute, batch: fitted.batch, accumulate: fitted.accumulate };
}

/** "GPU memory: about 2.10 GB of 8.59 GB (NVIDIA GeForce RTX 4060)", and its parts on a second line. */
export function describeDevice({ name, memory }: PlannedDevice, plan: DevicePlan): [string, string] {
  const total = formatBytes(plan.total);
  const size = memory === undefined ? 'how much it has is not known' : `it has ${formatBytes(memory)}`;
  return [`GPU memory: about ${total} on ${name}; ${size}`, `  ${describePlan({ ...plan })}`];
}

/** The GPU that WebGPU would train on; undefined with another backend. Throws like planBackend. */
export async function plannedDevice(
  backend: BackendName,
  wanted?: string,
): Promise<PlannedDevice | undefined> {
  if (backend !== 'webgpu') return undefined;
  return (await planBackend({ backend, device: wanted })).device?.adapter;
}

/** "weights 270 MB, activations 361 MB, ...", largest first. */
export function describePlan({ total, ...parts }: MemoryPlan | Record<string, number>): string {
  return Object.entries(parts)
    .filter(([, bytes]) => bytes >= 0.01 * (total ?? 0))
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, bytes]) => `${name} ${formatBytes(bytes)}`)
    .join(', ');
}

/**
 * Bytes of the GPU that this backend would train on, if it has its own memory and reports its size; undefined
 * otherwise.
 */
export async function gpuMemory(backend: BackendName, wanted?: string): Promise<number | undefined> {
  const device = await plannedDevice(backend, wanted);
  return device && !device.shared ? device.memory : cudaMemory(backend);
}

async function cudaMemory(backend: BackendName): Promise<number | undefined> {
  return backend === 'tensorflow' ? (await tensorflowGpu())?.memory : undefined;
}

/** What WebGPU finds on this machine: adapters, how much of their memory a kernel can see, and what they can do. */
import { reportError } from '../../protocol/errors.ts';
import type { Adapter, DoctorCheck, DoctorReport } from '../../protocol/doctor.ts';
import { formatBytes } from '../view/format.ts';

export interface WebgpuReport {
  adapters: Adapter[];
  /** Why there are none. */
  reason?: string;
}

export async function findWebgpu(): Promise<WebgpuReport> {
  try {
    const { findAdapters } = await import('../../tensor/webgpu/adapter.ts');
    const adapters = await findAdapters();
    return adapters.length ? { adapters } : { adapters, reason: 'No GPU with a driver was found.' };
  } catch (error) {
    const { message, next } = reportError(error);
    return { adapters: [], reason: `${message} ${next}` };
  }
}

export function webgpuBackend({ adapters, reason }: WebgpuReport): DoctorReport['backends'][number] {
  const [first] = adapters;
  return {
    name: 'webgpu',
    starts: first !== undefined,
    reason: first ? `It starts on ${first.name}, when it is asked for (--backend webgpu).` : reason!,
  };
}

export function webgpuCheck({ adapters, reason }: WebgpuReport): DoctorCheck {
  const check = { area: 'webgpu', title: 'WebGPU backend' };
  if (reason) return { ...check, status: 'note', text: reason };
  const real = adapters.some(({ software }) => !software);
  const advice = real ? 'train on it with --backend webgpu.' : 'it computes on the processor, slowly.';
  return {
    ...check,
    status: real ? 'ok' : 'note',
    text: `${adapters.map(describe).join('; ')}; ${advice}`,
  };
}

function describe({ name, mostBuffer, mostBound, features }: Adapter): string {
  const sizes = `buffers of up to ${formatBytes(mostBuffer)}, of which kernels see ${formatBytes(mostBound)}`;
  return `${name} (${[sizes, ...features].join(', ')})`;
}

/** What WebGPU finds on this machine: adapters, how much of their memory a kernel can see, and what they can do. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  webgpuProbeSchema,
  type Adapter,
  type DoctorCheck,
  type DoctorReport,
  type WebgpuProbe,
} from '../../protocol/doctor.ts';
import { formatBytes } from '../view/format.ts';

const exec = promisify(execFile);
/** The wizard waits for it, too. */
const LONGEST_MS = 15_000;

/** Asks in a process of its own, because a broken driver may end it, or hang. */
export async function findWebgpu(): Promise<WebgpuProbe> {
  const script = fileURLToPath(new URL('./webgpu-probe.mjs', import.meta.url));
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  try {
    const { stdout } = await exec(process.execPath, [script], { env, timeout: LONGEST_MS });
    return webgpuProbeSchema.parse(JSON.parse(stdout));
  } catch (error) {
    const how = (error as { killed?: boolean }).killed ? 'did not answer' : 'ended early';
    return { adapters: [], reason: `The process that looked for GPUs ${how}: update the driver.` };
  }
}

export function webgpuBackend({ adapters, reason }: WebgpuProbe): DoctorReport['backends'][number] {
  const [first] = adapters;
  return {
    name: 'webgpu',
    starts: first !== undefined,
    reason: first ? `It starts on ${first.name}, when it is asked for (--backend webgpu).` : reason!,
  };
}

export function webgpuCheck({ adapters, reason }: WebgpuProbe): DoctorCheck {
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

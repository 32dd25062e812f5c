/** What doctor says of the GPUs that WebGPU finds: their memory, what they can do, and which one is used. */
import type { Adapter, DoctorCheck, DoctorReport, WebgpuProbe } from '../../protocol/doctor.ts';
import type { ChosenDevice } from '../../tensor/devices/choose-device.ts';
import { formatBytes } from '../view/format.ts';

export function webgpuBackend(
  { reason }: WebgpuProbe,
  chosen: ChosenDevice | undefined,
): DoctorReport['backends'][number] {
  if (!chosen || reason) return { name: 'webgpu', starts: false, reason: reason ?? NONE };
  const { name, kind } = chosen.adapter;
  const asked = kind === 'software' ? ', when it is asked for (--backend webgpu)' : '';
  return { name: 'webgpu', starts: true, reason: `It starts on ${name}${asked}.` };
}

const NONE = 'No GPU with a driver was found.';

/** @param auto whether `auto` trains on it, and why */
export function webgpuCheck(
  { adapters, reason }: WebgpuProbe,
  chosen: ChosenDevice | undefined,
  { trains, reason: why }: { trains: boolean; reason: string },
): DoctorCheck {
  const check = { area: 'webgpu', title: 'WebGPU backend' };
  if (!chosen || reason) return { ...check, status: 'note', text: reason ?? NONE };
  const list = adapters.map((adapter, number) => `${number}: ${describe(adapter)}`).join('; ');
  const which = adapters.length > 1 ? ` Number ${chosen.number} is used: ${chosen.why} (--device).` : '';
  const advice =
    chosen.adapter.kind === 'software'
      ? 'It computes on the processor, slowly, and only when it is asked for (--backend webgpu).'
      : trains
        ? `Training runs on it: ${why}.`
        : `Train on it with --backend webgpu; by itself, training does not: ${why}.`;
  return {
    ...check,
    status: chosen.adapter.kind === 'software' ? 'note' : 'ok',
    text: `${list}.${which} ${advice}`,
  };
}

/** "NVIDIA GeForce RTX 4090, 25.77 GB of memory, kernels see 2.15 GB of a buffer, shader-f16, subgroups". */
function describe({ name, memory, shared, mostBound, features }: Adapter): string {
  const size = memory === undefined ? '' : `${formatBytes(memory)} of `;
  const room = shared
    ? `${size}the machine's memory`
    : memory === undefined
      ? 'memory not known'
      : `${size}memory`;
  return [name, room, `kernels see ${formatBytes(mostBound)} of a buffer`, ...features].join(', ');
}

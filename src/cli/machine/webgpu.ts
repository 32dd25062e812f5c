/** doctor's report on the GPUs that WebGPU finds: their memory, features, and which of them is used. */
import type { Adapter, DoctorCheck, DoctorReport, WebgpuProbe } from '../../protocol/doctor.ts';
import type { ChosenDevice } from '../../tensor/devices/choose-device.ts';
import { formatBytes } from '../view/format.ts';

export function webgpuBackend(
  { reason }: WebgpuProbe,
  chosen: ChosenDevice | undefined,
): DoctorReport['backends'][number] {
  if (!chosen || reason) return { name: 'webgpu', starts: false, reason: reason ?? NONE };
  const { name, kind } = chosen.adapter;
  const described =
    kind === 'software'
      ? `It starts on ${name}, when it is asked for (--backend webgpu).`
      : `It starts on ${name}.`;
  return { name: 'webgpu', starts: true, reason: described };
}

const NONE = 'No GPU with a driver was found.';

/** @param auto whether `auto` trains on it, and why */
export function webgpuCheck(
  { adapters, reason }: WebgpuProbe,
  chosen: ChosenDevice | undefined,
  { trains, reason: why }: { trains: boolean; reason: string },
): DoctorCheck {
  const check = { area: 'webgpu', title: 'WebGPU backend' };
  const sentences = adapters.map((adapter, number) => describe(number, adapter));
  if (!chosen || reason) return { ...check, status: 'note', text: [reason ?? NONE, ...sentences].join(' ') };
  if (adapters.length > 1) sentences.push(`GPU ${chosen.number} is used: ${chosen.why} (--device).`);
  const advice =
    chosen.adapter.kind === 'software'
      ? 'It computes on the processor, slowly, and only when it is asked for (--backend webgpu).'
      : trains
        ? `Training runs on it: ${why}.`
        : `Train on it with --backend webgpu; by itself, training does not: ${why}.`;
  return {
    ...check,
    status: chosen.adapter.kind === 'software' ? 'note' : 'ok',
    text: [...sentences, advice].join(' '),
  };
}

/** Describes one GPU as sentences that the editor can translate. */
function describe(number: number, adapter: Adapter): string {
  const { name, shared } = adapter;
  const memory = adapter.memory === undefined ? undefined : formatBytes(adapter.memory);
  const mostBound = formatBytes(adapter.mostBound);
  const features = adapter.features.join(', ') || '-';
  if (shared && memory)
    return `GPU ${number} is ${name} and may use ${memory} of the machine's memory; kernels see ${mostBound} of a buffer (${features}).`;
  if (shared)
    return `GPU ${number} is ${name} and uses the machine's memory; kernels see ${mostBound} of a buffer (${features}).`;
  if (memory)
    return `GPU ${number} is ${name} with ${memory} of memory; kernels see ${mostBound} of a buffer (${features}).`;
  return `GPU ${number} is ${name}, whose memory is not known; kernels see ${mostBound} of a buffer (${features}).`;
}

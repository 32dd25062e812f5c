/** doctor's report on the GPUs that WebGPU finds: their memory, features, and which of them is used. */
import type { Adapter, WebgpuProbe } from '../../protocol/doctor.ts';
import type { ChosenDevice } from '../../tensor/devices/choose-device.ts';
import type { BackendCheck, Check } from './completion-gpu.ts';
import { formatBytes } from '../view/format.ts';
import { joinTexts, msg, type Text, textOf } from '../../text/message.ts';

export function webgpuBackend(probe: WebgpuProbe, chosen: ChosenDevice | undefined): BackendCheck {
  if (!chosen || probe.reason)
    return { name: 'webgpu', starts: false, reason: textOf(probe, 'reason') ?? NONE };
  const { name, kind } = chosen.adapter;
  const reason =
    kind === 'software'
      ? msg`It starts on ${name}, but only on request (--backend webgpu).`
      : msg`It starts on ${name}.`;
  return { name: 'webgpu', starts: true, reason };
}

const NONE = msg`No GPU with a driver was found.`;

/** @param auto whether `auto` trains on it, and why */
export function webgpuCheck(
  probe: WebgpuProbe,
  chosen: ChosenDevice | undefined,
  { trains, reason: why }: { trains: boolean; reason: Text },
): Check {
  const check = { area: 'webgpu', title: msg`WebGPU backend` };
  const sentences = probe.adapters.map((adapter, number) => describe(number, adapter));
  if (!chosen || probe.reason)
    return { ...check, status: 'note', text: joinTexts([textOf(probe, 'reason') ?? NONE, ...sentences]) };
  if (probe.adapters.length > 1) sentences.push(msg`GPU ${chosen.number} is used: ${chosen.why} (--device).`);
  const advice =
    chosen.adapter.kind === 'software'
      ? msg`It computes on the processor, slowly, and only on request (--backend webgpu).`
      : trains
        ? msg`Training runs on it: ${why}.`
        : msg`Train on it with --backend webgpu; it is not used by default: ${why}.`;
  return {
    ...check,
    status: chosen.adapter.kind === 'software' ? 'note' : 'ok',
    text: joinTexts([...sentences, advice]),
  };
}

/** Describes one GPU as sentences that the editor can translate. */
function describe(number: number, adapter: Adapter): Text {
  const { name, shared } = adapter;
  const memory = adapter.memory === undefined ? undefined : formatBytes(adapter.memory);
  const bound = formatBytes(adapter.maxStorageBufferBindingSize);
  const features = adapter.features.join(', ') || '-';
  if (shared && memory)
    return msg`GPU ${number} is ${name} and may use ${memory} of the machine's memory; a compute kernel can address ${bound} of a buffer (${features}).`;
  if (shared)
    return msg`GPU ${number} is ${name} and uses the machine's memory; a compute kernel can address ${bound} of a buffer (${features}).`;
  if (memory)
    return msg`GPU ${number} is ${name} with ${memory} of memory; a compute kernel can address ${bound} of a buffer (${features}).`;
  return msg`GPU ${number} is ${name}, whose memory is not known; a compute kernel can address ${bound} of a buffer (${features}).`;
}

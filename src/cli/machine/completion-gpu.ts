/** The device completion would use: the GPUs that llama.cpp sees, or why it uses the CPU. */
import { gpuKindsHere } from '../../packages/gpu-packages.ts';
import { isSoftware, useProcessor, startGpu } from '../../llama-cpp/gpu.ts';
import { sharedLlama } from '../../llama-cpp/llama.ts';
import type { DoctorCheck, DoctorReport } from '../../protocol/doctor.ts';
import { reasonOf } from '../../text/errors.ts';
import { english, joinTexts, msg, type Text } from '../../text/message.ts';
import { gpuKindNames } from '../../protocol/gpu.ts';
import { formatBytes } from '../view/format.ts';

/** A check whose texts are not translated yet. */
export type Check = Omit<DoctorCheck, 'title' | 'text' | 'texts'> & { title: Text; text: Text };

/** A backend whose reason is not translated yet. */
export type BackendCheck = Omit<DoctorReport['backends'][number], 'reason' | 'texts'> & { reason: Text };

export type CompletionGpu = Omit<NonNullable<DoctorReport['completion']>, 'why' | 'texts'> & {
  why?: Text | undefined;
};

/**
 * Loads llama.cpp in this process; node-llama-cpp first tests it in another process, which a broken driver may crash.
 */
export async function findCompletionGpu(): Promise<CompletionGpu> {
  try {
    const { kind, devices, why } = await startGpu('auto');
    if (!kind) return { backend: 'cpu', devices, why };
    const llama = await sharedLlama();
    const { total, free } = await llama.getVramState();
    useProcessor();
    await llama.dispose();
    return { backend: kind, devices, memory: total, free };
  } catch (error) {
    return { backend: 'cpu', devices: [], why: reasonOf(error) };
  }
}

/** `gpus`: names of the GPUs that other programs see. `unseen`: there may be others, which only Dawn would find. */
export function completionCheck(found: CompletionGpu, gpus: readonly string[], unseen = false): Check {
  const { backend, devices, why, memory = 0, free = 0 } = found;
  const check = { area: 'completion', title: msg`Completion on the GPU` };
  if (backend !== 'cpu') {
    const gpu = `${devices.join(', ')} (${gpuKindNames[backend]})`;
    const text = msg`Completion computes on ${gpu}, where ${formatBytes(free)} of ${formatBytes(memory)} are free.`;
    return { ...check, status: 'ok', text };
  }
  const missing = why && english(why).includes('{install-gpu') && gpuKindsHere().length > 0;
  const real = gpus.find((gpu) => !isSoftware(gpu));
  if (missing && real)
    return {
      ...check,
      status: 'missing',
      text: msg`Completion computes on the processor, although there is a GPU (${real}): the build of llama.cpp for GPUs is not installed.`,
      command: 'forget-me-not runtime install-gpu',
    };
  const reason = missing && !unseen ? msg`No GPU was found.` : why;
  return {
    ...check,
    text: joinTexts([msg`Completion computes on the processor.`, ...(reason ? [reason] : [])]),
    ...(missing && unseen
      ? { status: 'missing', command: 'forget-me-not runtime install-gpu' }
      : { status: 'note' }),
  };
}

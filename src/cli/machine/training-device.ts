/** What doctor says about the device that trains: its summary, and the row about the GPU. */
import type { NvidiaGpu } from '../../tensor/devices/memory.ts';
import type { RuntimeReport } from '../../tensor/runtime/index.ts';
import { joinTexts, msg, type Text } from '../../text/message.ts';
import { formatBytes } from '../view/format.ts';
import type { Check } from './completion-gpu.ts';

export interface Probe {
  starts: boolean;
  reason: Text;
}

export interface TrainingFacts {
  /** The backend that `auto` uses; undefined if none starts. */
  chosen: string | undefined;
  /** The GPU that WebGPU trains on. */
  onGpu: string | undefined;
  runtime: RuntimeReport;
}

interface SummaryFacts extends TrainingFacts {
  /** A GPU might train if this were not VS Code's own Node. */
  needsNode: boolean;
  wasm: Probe;
  llama: Probe;
}

export function summaryOf({ chosen, onGpu, runtime, needsNode, wasm, llama }: SummaryFacts): Text {
  if (!chosen)
    return msg`Training cannot start because no backend starts. TensorFlow: ${runtime.reason} wasm: ${wasm.reason}`;
  if (!llama.starts)
    return msg`Neither training nor completion works: both need llama.cpp, which does not start. ${llama.reason}`;
  if (onGpu) return msg`Ready: trains on ${onGpu}, completes with llama.cpp.`;
  if (chosen === 'tensorflow')
    return msg`Ready: trains on TensorFlow ${runtime.version!} (${runtime.gpu ? 'GPU' : 'CPU'}), completes with llama.cpp.`;
  const faster = runtime.command ? msg`; {install-runtime} makes it about six times faster` : '';
  const works = msg`Works, but slowly: trains on the wasm backend${faster}.`;
  return needsNode
    ? joinTexts([works, msg`With Node 20 or newer installed, training could use a GPU.`])
    : works;
}

/** `cudaOffered`: TensorFlow with CUDA can be installed on this machine. */
export function gpuCheck(
  [first, ...others]: readonly NvidiaGpu[],
  { chosen, onGpu, runtime }: TrainingFacts,
  cudaOffered: boolean,
): Check {
  const row = (status: Check['status'], text: Text) => ({ area: 'gpu', title: 'GPU', status, text });
  if (onGpu) return row('ok', msg`${onGpu}; training uses it through WebGPU.`);
  const count = others.length ? `${others.length + 1} x ` : '';
  const memory = first?.memory === undefined ? '' : `${formatBytes(first.memory)}, `;
  const gpu = first && `${count}${first.name}, ${memory}driver ${first.driver}`;
  if (chosen === 'tensorflow' && runtime.gpu)
    return row('ok', msg`${gpu ?? 'NVIDIA'}; TensorFlow uses it, but this version was never tested with it.`);
  if (!gpu) return row('note', msg`No NVIDIA GPU was found (nvidia-smi); training runs on the processor.`);
  if (runtime.cuda)
    return row(
      'broken',
      msg`${gpu}; TensorFlow has CUDA but cannot use it: is the driver recent enough for CUDA 12?`,
    );
  if (!cudaOffered)
    return row(
      'note',
      msg`${gpu}; there is no TensorFlow with CUDA for this platform, so the GPU is not used.`,
    );
  return {
    ...row('missing', msg`${gpu}; TensorFlow is installed without CUDA or not at all.`),
    command: 'forget-me-not runtime install --gpu',
  };
}

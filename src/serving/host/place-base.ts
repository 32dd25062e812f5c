/** Puts a base on the GPU as far as it fits, and tries it; on the processor if anything is wrong with that. */
import type { Llama, LlamaModel, Token } from 'node-llama-cpp';
import { leaveGpu, startGpu, type GpuStart } from '../../llama-cpp/gpu.ts';
import { loadLlamaModel, sharedLlama, type ModelFile } from '../../llama-cpp/llama.ts';
import { whyOf } from '../../text/errors.ts';
import { msg, type Text, told } from '../../text/message.ts';
import { gpuKindNames, type ComputeDevice, type GpuChoice, type GpuKind } from '../../protocol/gpu.ts';
import { endedBy, guarded } from './gpu-guard.ts';
import { leftBeside, plannedOnGpu, type TrainingMemory } from './training-memory.ts';

export interface PlacedBase {
  model: LlamaModel;
  used: Omit<ComputeDevice, 'threads'>;
}

/** What is wanted. */
export interface Placing {
  gpu: GpuChoice;
  /** Tokens of a context, all its sequences together. */
  tokens: number;
}

/** Layers for a context of that many tokens, as many as fit. */
export const fittingLayers = (tokens: number) => ({ fitContext: { contextSize: tokens } });

/** Throws what loadLlamaModel throws, if the processor can't have it either. */
export async function placeBase(file: ModelFile, { gpu, tokens }: Placing): Promise<PlacedBase> {
  const start = await startGpu(gpu);
  const { kind } = start;
  if (!kind) return onProcessor(file, start.why);
  if (await endedBy(kind)) {
    await dropGpu();
    const name = gpuKindNames[kind];
    return onProcessor(
      file,
      msg`The last attempt to use ${name} ended the process: it is tried again after a day, or after {doctor}.`,
    );
  }
  const training = await plannedOnGpu();
  if (!training) {
    await dropGpu();
    const why = msg`A training is in progress on this machine, and how much of the GPU's memory it takes is not known.`;
    return onProcessor(file, why);
  }
  try {
    return await guarded(kind, () => onGpu(file, tokens, { ...start, kind, training }));
  } catch (error) {
    await dropGpu();
    return onProcessor(file, whyNot(kind, error));
  }
}

/** Why the GPU was left, for the person. */
export function whyNot(kind: GpuKind, error: unknown): Text {
  const name = gpuKindNames[kind];
  if (isOutOfMemory(error)) return msg`The memory of the GPU is too full for completion (${name}).`;
  return msg`Completion failed on the GPU (${name}): ${whyOf(error)}.`;
}

/** node-llama-cpp's own estimate (its class is not imported: most processes never load it), or llama.cpp's failure. */
export const isOutOfMemory = (error: unknown): boolean =>
  error instanceof Error &&
  (error.constructor.name === 'InsufficientMemoryError' ||
    /out of (device )?memory|failed to (allocate|create context)|unable to allocate/i.test(error.message));

/** Frees the GPU; llama.cpp is on the processor from now on. Its models have been disposed of. */
export async function dropGpu(): Promise<void> {
  const llama = await sharedLlama();
  leaveGpu();
  await llama.dispose();
}

export async function onProcessor(file: ModelFile, why?: Text): Promise<PlacedBase> {
  const model = await loadLlamaModel(file);
  const ofLayers = model.fileInsights.totalLayers;
  return { model, used: { backend: 'cpu', devices: [], layers: 0, ofLayers, ...told({ why }) } };
}

async function onGpu(
  file: ModelFile,
  tokens: number,
  { kind, devices, training }: GpuStart & { kind: GpuKind; training: TrainingMemory },
): Promise<PlacedBase> {
  const llama = await sharedLlama();
  const free = await keepForTraining(llama, training);
  const model = await loadLlamaModel(file, { gpuLayers: fittingLayers(tokens) });
  try {
    const [layers, ofLayers] = [model.gpuLayers, model.fileInsights.totalLayers];
    if (layers === 0) throw new Error('out of memory: no layer fits');
    await tryOut(model, tokens);
    const some =
      layers < ofLayers &&
      msg`${layers} of ${ofLayers} layers fit in the memory of the GPU that is free (${(free / 1e9).toFixed(1)} GB).`;
    return { model, used: { backend: kind, devices, layers, ofLayers, ...(some && told({ why: some })) } };
  } catch (error) {
    await model.dispose();
    throw error;
  }
}

/** Leaves a training what it plans to take, whether it has it already or not. Returns the bytes that are free. */
async function keepForTraining(llama: Llama, training: TrainingMemory): Promise<number> {
  const { total, free } = await llama.getVramState();
  const rest = Math.max(0, leftBeside(training, { total, free }) - llama.vramPaddingSize);
  await llama.setVramCap(training.bytes > 0 ? rest : null);
  return training.bytes > 0 ? rest : free;
}

/** Bytes that contexts may still take there, beside `model`. */
export async function freeOnGpu(model: LlamaModel): Promise<number> {
  const llama = await sharedLlama();
  const { free } = await llama.getVramState();
  // The cap is for all that this process has there.
  const { gpuLayers, fileInsights } = model;
  const { gpuVram } = await fileInsights.estimateModelResourceRequirementsV2({ gpuLayers });
  return Math.max(0, Math.min(free - llama.vramPaddingSize, (llama.getVramCap() ?? Infinity) - gpuVram));
}

/** Tokens of a prompt that is long enough for the kernels of many rows, and some that are generated one by one. */
const READ = 48;
const WRITTEN = 3;

/** A context as completions will use it. Also compiles the kernels, so that the first completion need not wait. */
async function tryOut(model: LlamaModel, tokens: number): Promise<void> {
  const context = await model.createContext({ contextSize: tokens, failedCreationRemedy: false });
  try {
    const prompt = Array.from({ length: READ }, (_, index) => (index % 97) + 3) as Token[];
    let written = 0;
    const outputs = context.getSequence().evaluate(prompt, { temperature: 0, yieldEogToken: true });
    for await (const token of outputs) if (token >= 0 && ++written >= WRITTEN) break;
  } finally {
    await context.dispose();
  }
}

/** Puts as much of a base on the GPU as fits, and tries it out; falls back to the processor on any failure. */
import type { Llama, LlamaModel, Token } from 'node-llama-cpp';
import { useProcessor, startGpu, type GpuStart } from '../../llama-cpp/gpu.ts';
import { loadLlamaModel, sharedLlama, type ModelFile } from '../../llama-cpp/llama.ts';
import { reasonOf } from '../../text/errors.ts';
import { msg, type Text, withTexts } from '../../text/message.ts';
import { gpuKindNames, type ComputeDevice, type GpuChoice, type GpuKind } from '../../protocol/gpu.ts';
import { hasCrashed, withGuard } from './gpu-guard.ts';
import { availableNextToTraining, trainingGpuMemory, type TrainingMemory } from './training-memory.ts';

export interface PlacedBase {
  model: LlamaModel;
  used: Omit<ComputeDevice, 'threads'>;
  /** What kept it from the GPU, or from more of it, for a time: a training, or the mark of a crash with this kind. */
  awaits?: 'training' | GpuKind;
}

/** The requested placement. */
export interface Placement {
  gpu: GpuChoice;
  /** Tokens of a context, over all its sequences. */
  tokens: number;
  /** As in LlamaHostOptions; only if no GPU is asked for. */
  mapped?: boolean;
}

/** As many layers as fit next to a context of that many tokens. */
export const fittingLayers = (tokens: number) => ({ fitContext: { contextSize: tokens } });

/** Throws like loadLlamaModel if the processor can't load it either. */
export async function placeBase(file: ModelFile, { gpu, tokens, mapped }: Placement): Promise<PlacedBase> {
  const start = await startGpu(gpu);
  const { kind } = start;
  if (!kind) return onProcessor(file, start.why, mapped);
  if (await hasCrashed(kind)) {
    await dropGpu();
    const name = gpuKindNames[kind];
    const why = msg`The last attempt to use ${name} ended the process: it is tried again after a day, or after {doctor}.`;
    return { ...(await onProcessor(file, why)), awaits: kind };
  }
  const training = await trainingGpuMemory();
  if (!training) {
    await dropGpu();
    const why = msg`A training run is in progress on this machine, and how much of the GPU's memory it takes is not known.`;
    return { ...(await onProcessor(file, why)), awaits: 'training' };
  }
  const placed = await withGuard(kind, () => onGpu(file, tokens, { ...start, kind, training })).catch(
    async (error: unknown) => {
      await dropGpu();
      return onProcessor(file, gpuFailure(kind, error));
    },
  );
  const { layers, ofLayers } = placed.used;
  return training.bytes > 0 && layers < ofLayers ? { ...placed, awaits: 'training' } : placed;
}

/** Why the GPU is not used, for the user. */
export function gpuFailure(kind: GpuKind, error: unknown): Text {
  const name = gpuKindNames[kind];
  if (isOutOfMemory(error)) return msg`The memory of the GPU is too full for completion (${name}).`;
  return msg`Completion failed on the GPU (${name}): ${reasonOf(error)}.`;
}

/**
 * node-llama-cpp's own estimate (its class is not imported: most processes never load it), or llama.cpp's failure: of
 * the error or its causes, since each may say what the other leaves out.
 */
export const isOutOfMemory = (error: unknown): boolean =>
  error instanceof Error &&
  (error.constructor.name === 'InsufficientMemoryError' ||
    /out of (device )?memory|failed to (allocate|create context)|unable to allocate/i.test(error.message) ||
    isOutOfMemory(error.cause));

/** Releases the GPU; llama.cpp uses the processor from now on. All models must have been disposed. */
export async function dropGpu(): Promise<void> {
  const llama = await sharedLlama();
  useProcessor();
  await llama.dispose();
}

export async function onProcessor(file: ModelFile, why?: Text, mapped = false): Promise<PlacedBase> {
  const model = await loadLlamaModel(file, { useMmap: mapped });
  const ofLayers = model.fileInsights.totalLayers;
  return { model, used: { backend: 'cpu', devices: [], layers: 0, ofLayers, ...withTexts({ why }) } };
}

async function onGpu(
  file: ModelFile,
  tokens: number,
  { kind, devices, training }: GpuStart & { kind: GpuKind; training: TrainingMemory },
): Promise<PlacedBase> {
  const llama = await sharedLlama();
  const free = await reserveForTraining(llama, training);
  const model = await loadLlamaModel(file, { gpuLayers: fittingLayers(tokens) });
  try {
    const [layers, ofLayers] = [model.gpuLayers, model.fileInsights.totalLayers];
    if (layers === 0) throw new Error('out of memory: no layer fits');
    await warmUp(model, tokens);
    const reason =
      layers < ofLayers &&
      msg`${layers} of ${ofLayers} layers fit in the memory of the GPU that is free (${(free / 1e9).toFixed(1)} GB).`;
    return {
      model,
      used: { backend: kind, devices, layers, ofLayers, ...(reason && withTexts({ why: reason })) },
    };
  } catch (error) {
    await model.dispose();
    throw error;
  }
}

/** Reserves the memory that a training plans to use, whether or not it is allocated yet. Returns the free bytes. */
async function reserveForTraining(llama: Llama, training: TrainingMemory): Promise<number> {
  const { total, free } = await llama.getVramState();
  const rest = Math.max(0, availableNextToTraining(training, { total, free }) - llama.vramPaddingSize);
  await llama.setVramCap(training.bytes > 0 ? rest : null);
  return training.bytes > 0 ? rest : free;
}

/** Bytes on the GPU that contexts may still take besides `model`. */
export async function freeOnGpu(model: LlamaModel): Promise<number> {
  const llama = await sharedLlama();
  const { free } = await llama.getVramState();
  // The cap covers everything that this process has on the GPU.
  const { gpuLayers, fileInsights } = model;
  const { gpuVram } = await fileInsights.estimateModelResourceRequirementsV2({ gpuLayers });
  return Math.max(0, Math.min(free - llama.vramPaddingSize, (llama.getVramCap() ?? Infinity) - gpuVram));
}

/** A prompt long enough for the multi-row kernels, and a few tokens generated one by one. */
const PROMPT_TOKENS = 48;
const ANSWER_TOKENS = 3;

/** Runs a context as completions will use it. Also compiles the kernels, so that the first completion need not wait. */
async function warmUp(model: LlamaModel, tokens: number): Promise<void> {
  const context = await model.createContext({ contextSize: tokens, failedCreationRemedy: false });
  try {
    const prompt = Array.from({ length: PROMPT_TOKENS }, (_, index) => (index % 97) + 3) as Token[];
    let written = 0;
    const outputs = context.getSequence().evaluate(prompt, { temperature: 0, yieldEogToken: true });
    for await (const token of outputs) if (token >= 0 && ++written >= ANSWER_TOKENS) break;
  } finally {
    await context.dispose();
  }
}

/** On which processor completion computes: what can be asked for, and what came of it. */
import { z } from 'zod';
import { textsSchema } from '../text/message.ts';

/** Ways in which llama.cpp uses a GPU. */
export const gpuKinds = ['cuda', 'vulkan', 'metal'] as const;
export type GpuKind = (typeof gpuKinds)[number];
/** As people know them. */
export const gpuKindNames: Record<GpuKind, string> = { cuda: 'CUDA', vulkan: 'Vulkan', metal: 'Metal' };

/** `auto`: a GPU if there is a real one and llama.cpp's binary for it, else the processor. `off`: the processor. */
export const gpuChoices = ['auto', 'off', ...gpuKinds] as const;
export type GpuChoice = (typeof gpuChoices)[number];

/** What a completion server computes on. */
export const computeDeviceSchema = z.object({
  backend: z.enum(['cpu', ...gpuKinds]),
  /** Names of the GPUs; empty on the processor. */
  devices: z.array(z.string()),
  /** How many of the base's layers are in the GPU's memory, and how many it has. */
  layers: z.int(),
  ofLayers: z.int(),
  /** Of each model in use. */
  threads: z.int(),
  /** Why it is the processor although a GPU was wanted, or why not all layers are on the GPU: sentences. */
  why: z.string().optional(),
  texts: textsSchema,
});
export type ComputeDevice = z.infer<typeof computeDeviceSchema>;

/** "NVIDIA GeForce RTX 4090 (Vulkan), 25 of 25 layers"; "the processor, 4 threads". For logs, in English. */
export function describeDevice({ backend, devices, layers, ofLayers, threads }: ComputeDevice): string {
  if (backend === 'cpu') return `the processor, ${threads === 1 ? '1 thread' : `${threads} threads`}`;
  return `${devices.join(', ')} (${gpuKindNames[backend]}), ${layers} of ${ofLayers} layers`;
}

/** The device that completion computes on: what can be requested, and what is actually used. */
import { z } from 'zod';
import { textsSchema } from '../text/message.ts';

/** The GPU APIs of llama.cpp. */
export const gpuKinds = ['cuda', 'vulkan', 'metal'] as const;
export type GpuKind = (typeof gpuKinds)[number];
/** Their display names. */
export const gpuKindNames: Record<GpuKind, string> = { cuda: 'CUDA', vulkan: 'Vulkan', metal: 'Metal' };

/** `auto`: a GPU if there is a real one and llama.cpp's binary for it, else the processor. `off`: the processor. */
export const gpuChoices = ['auto', 'off', ...gpuKinds] as const;
export type GpuChoice = (typeof gpuChoices)[number];

/** The device of a completion server. */
export const computeDeviceSchema = z.object({
  backend: z.enum(['cpu', ...gpuKinds]),
  /** Names of the GPUs; empty on the processor. */
  devices: z.array(z.string()),
  /** How many of the base's layers are in the GPU's memory, and how many there are. */
  layers: z.int(),
  ofLayers: z.int(),
  /** For each model in use. */
  threads: z.int(),
  /** Why it is the processor although a GPU was requested, or why not all layers are on the GPU: sentences. */
  why: z.string().optional(),
  texts: textsSchema,
});
export type ComputeDevice = z.infer<typeof computeDeviceSchema>;

/** "NVIDIA GeForce RTX 4090 (Vulkan), 25 of 25 layers"; "the processor, 4 threads". For logs, in English. */
export function describeDevice({ backend, devices, layers, ofLayers, threads }: ComputeDevice): string {
  if (backend === 'cpu') return `the processor, ${threads === 1 ? '1 thread' : `${threads} threads`}`;
  return `${devices.join(', ')} (${gpuKindNames[backend]}), ${layers} of ${ofLayers} layers`;
}

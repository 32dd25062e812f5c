/** The output of `forget-me-not doctor --json`: what is installed, what is missing, and how to install it. */
import { z } from 'zod';
import { textsSchema } from '../text/message.ts';
import { gpuKinds } from './gpu.ts';

export const doctorCheckSchema = z.object({
  /**
   * Identifier of the area: "machine", "node", "python", "compiler", "tensorflow", "webgpu", "wasm", "gpu", "llama",
   * "completion", "models", "disk", "data".
   */
  area: z.string(),
  /** For the person: "TensorFlow". */
  title: z.string(),
  /**
   * ok; note: fine without; missing: something the person would want is not there; broken: there, but does not work.
   */
  status: z.enum(['ok', 'note', 'missing', 'broken']),
  /** One sentence. */
  text: z.string(),
  /** Terminal command that installs or repairs it; absent when there is nothing to do. */
  command: z.string().optional(),
  texts: textsSchema,
});
export type DoctorCheck = z.infer<typeof doctorCheckSchema>;

export const doctorBackendSchema = z.object({
  name: z.string(),
  starts: z.boolean(),
  version: z.string().optional(),
  reason: z.string(),
  texts: textsSchema,
  command: z.string().optional(),
});

/** A GPU that WebGPU can use. */
export const adapterSchema = z.object({
  name: z.string(),
  /** Name and version of its driver, as far as that tells. */
  driver: z.string().default(''),
  /** A card of its own, inside of the processor, or computing on the processor, such as Mesa's llvmpipe: for tests. */
  kind: z.enum(['discrete', 'integrated', 'unknown', 'software']),
  /** Bytes that it can compute with; absent where no driver tells. */
  memory: z.number().optional(),
  /** Its memory is main memory. */
  shared: z.boolean().default(false),
  /** Bytes of the largest buffer, and of what a kernel can see of it. */
  maxBufferSize: z.number(),
  maxStorageBufferBindingSize: z.number(),
  /** What of use to training it can do beyond the least that WebGPU asks for: "shader-f16", "subgroups". */
  features: z.array(z.string()),
});
export type Adapter = z.infer<typeof adapterSchema>;

/** The output of `devices.mjs probe`. */
export const webgpuProbeSchema = z.object({
  adapters: z.array(adapterSchema),
  /** Why there are none, or why the one that would be used can't be. */
  reason: z.string().optional(),
  texts: textsSchema,
});
export type WebgpuProbe = z.infer<typeof webgpuProbeSchema>;

export const doctorReportSchema = z.object({
  /** One sentence: whether this machine can train and complete, and how fast. */
  summary: z.string(),
  texts: textsSchema,
  /** Training and completion both work. */
  ok: z.boolean(),
  version: z.string(),
  machine: z.object({
    platform: z.string(),
    arch: z.string(),
    cpu: z.string(),
    cores: z.int(),
    /** Bytes. */
    memory: z.number(),
    freeMemory: z.number(),
    freeDisk: z.number(),
  }),
  node: z.string(),
  /** Versions; absent when not installed. */
  python: z.string().optional(),
  pip: z.string().optional(),
  compiler: z.string().optional(),
  /** The backend that `auto` uses: the fastest by a measured product, of those that start. */
  chosenBackend: z.string().optional(),
  /** Why, for people. */
  chosenReason: z.string().optional(),
  /** The place in `adapters` of the GPU that WebGPU uses unless another is asked for. */
  chosenAdapter: z.int().optional(),
  backends: z.array(doctorBackendSchema),
  /** NVIDIA GPUs, from nvidia-smi. */
  gpus: z.array(z.object({ name: z.string(), driver: z.string(), memory: z.number() })),
  /** GPUs of any maker with a driver, from WebGPU. */
  adapters: z.array(adapterSchema).default([]),
  llama: z.object({ starts: z.boolean(), reason: z.string() }),
  /** What a completion server would compute on. */
  completion: z
    .object({
      backend: z.enum(['cpu', ...gpuKinds]),
      /** GPUs that llama.cpp sees. */
      devices: z.array(z.string()),
      /** Bytes of their memory. */
      memory: z.number().optional(),
      free: z.number().optional(),
      /** Why it is the processor. */
      why: z.string().optional(),
    })
    .optional(),
  /** Base models on disk. */
  models: z.array(z.object({ path: z.string(), bytes: z.number() })),
  /** Id of the base model that training starts from by default. */
  chosenBase: z.string().optional(),
  dataDir: z.string(),
  /** The same for people, in the order to show it. */
  checks: z.array(doctorCheckSchema),
});
export type DoctorReport = z.infer<typeof doctorReportSchema>;

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
  /** For display: "TensorFlow". */
  title: z.string(),
  /** ok; note: not needed; missing: something useful is not installed; broken: installed, but does not work. */
  status: z.enum(['ok', 'note', 'missing', 'broken']),
  /** One sentence. */
  text: z.string(),
  /** Terminal command that installs or repairs it; absent if there is nothing to do. */
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
  /** Name and version of its driver, as far as it reports them. */
  driver: z.string().default(''),
  /** A separate card, part of the processor, or software such as Mesa's llvmpipe, for tests. */
  kind: z.enum(['discrete', 'integrated', 'unknown', 'software']),
  /** Bytes that it can compute with; absent if no driver reports it. */
  memory: z.number().optional(),
  /** It shares main memory. */
  shared: z.boolean().default(false),
  /** Bytes of the largest buffer, and of the part of it that a kernel can access. */
  maxBufferSize: z.number(),
  maxStorageBufferBindingSize: z.number(),
  /** Optional WebGPU features that speed up training: "shader-f16", "subgroups". */
  features: z.array(z.string()),
});
export type Adapter = z.infer<typeof adapterSchema>;

/** The output of `devices.mjs probe`. */
export const webgpuProbeSchema = z.object({
  adapters: z.array(adapterSchema),
  /** Why there are none, or why the preferred one can't be used. */
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
  /** The backend that `auto` uses: of those that start, the fastest in a measured matrix product. */
  chosenBackend: z.string().optional(),
  /** Why, for people. */
  chosenReason: z.string().optional(),
  /** Index in `adapters` of the GPU that WebGPU uses by default. */
  chosenAdapter: z.int().optional(),
  /** wasm trains, and a GPU might if Node were installed: VS Code's own can't use one. */
  needsNode: z.boolean().optional(),
  backends: z.array(doctorBackendSchema),
  /** NVIDIA GPUs, from nvidia-smi. */
  gpus: z.array(z.object({ name: z.string(), driver: z.string(), memory: z.number().optional() })),
  /** GPUs of any maker with a driver, from WebGPU. */
  adapters: z.array(adapterSchema).default([]),
  llama: z.object({ starts: z.boolean(), reason: z.string() }),
  /** The device a completion server would compute on. */
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
  /** The same as text, in display order. */
  checks: z.array(doctorCheckSchema),
});
export type DoctorReport = z.infer<typeof doctorReportSchema>;

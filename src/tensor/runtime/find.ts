/** Finds the installed runtime. Reads a few bytes and loads nothing native. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { runtimeDir } from '../../platform/files/paths.ts';
import { libraries } from './release.ts';

const RUNTIME_FORMAT = 2;
export const BINDING = 'tfjs_binding.node';
export const MANIFEST = 'runtime.json';
export const tensorflowDir = () => join(runtimeDir(), 'tensorflow');

/** runtime.json, written last: its presence means that the installation is complete. */
const manifestSchema = z.object({
  format: z.literal(RUNTIME_FORMAT),
  version: z.string(),
  gpu: z.boolean(),
  /** `${process.platform}-${process.arch}` */
  machine: z.string(),
  /** "prebuilt", or the version line of the compiler that built the binding. */
  binding: z.string(),
  /** SHA-256 of the binding's sources. */
  sources: z.string(),
  /** Size in bytes of each file that must exist. */
  files: z.record(z.string(), z.number()),
  installedAt: z.string(),
});
export type Manifest = z.infer<typeof manifestSchema>;

export interface Runtime {
  /** Path of tfjs_binding.node, which locates TensorFlow's libraries. */
  binding: string;
  version: string;
  /** Installed with CUDA; this does not imply that there is a GPU. */
  gpu: boolean;
}

export const newManifest = (from: Omit<Manifest, 'format' | 'machine' | 'installedAt'>): Manifest => ({
  format: RUNTIME_FORMAT,
  machine: `${process.platform}-${process.arch}`,
  installedAt: new Date().toISOString(),
  ...from,
});

/** The manifest of the runtime in `dir`; undefined if incomplete or if a file's size is wrong. */
export async function readManifest(dir: string): Promise<Manifest | undefined> {
  try {
    const manifest = manifestSchema.parse(JSON.parse(await readFile(join(dir, MANIFEST), 'utf8')));
    if (manifest.machine !== `${process.platform}-${process.arch}`) return undefined;
    for (const name of [BINDING, ...libraries]) {
      const size = manifest.files[name];
      if (size === undefined || (await stat(join(dir, name))).size !== size) return undefined;
    }
    return manifest;
  } catch {
    return undefined;
  }
}

/** The installed runtime; undefined if missing or incomplete. */
export async function findRuntime(): Promise<Runtime | undefined> {
  const dir = tensorflowDir();
  const manifest = await readManifest(dir);
  return manifest && { binding: join(dir, BINDING), version: manifest.version, gpu: manifest.gpu };
}

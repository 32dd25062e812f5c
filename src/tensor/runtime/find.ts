/** Where the installed runtime lies. Reads a few bytes and loads nothing native. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { runtimeDir } from '../../protocol/paths.ts';
import { libraries } from './release.ts';

const RUNTIME_FORMAT = 2;
export const BINDING = 'tfjs_binding.node';
export const MANIFEST = 'runtime.json';
export const tensorflowDir = () => join(runtimeDir(), 'tensorflow');

/** runtime.json, written last: a runtime with one is whole. */
const manifestSchema = z.object({
  format: z.literal(RUNTIME_FORMAT),
  version: z.string(),
  gpu: z.boolean(),
  /** `${process.platform}-${process.arch}` */
  machine: z.string(),
  /** How the binding came about: "prebuilt", or the compiler's name. */
  binding: z.string(),
  /** sha256 of the sources that it was compiled from. */
  sources: z.string(),
  /** Bytes of each file that must be there. */
  files: z.record(z.string(), z.number()),
  installedAt: z.string(),
});
export type Manifest = z.infer<typeof manifestSchema>;

export interface Runtime {
  /** Path of tfjs_binding.node. It finds TensorFlow's libraries by itself. */
  binding: string;
  /** TensorFlow's version. */
  version: string;
  /** Installed with CUDA; whether there is a GPU to use is another matter. */
  gpu: boolean;
}

export const newManifest = (from: Omit<Manifest, 'format' | 'machine' | 'installedAt'>): Manifest => ({
  format: RUNTIME_FORMAT,
  machine: `${process.platform}-${process.arch}`,
  installedAt: new Date().toISOString(),
  ...from,
});

/** The manifest of a whole and undamaged (by the files' sizes) runtime in `dir`. */
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

/** The installed runtime, or undefined when there is none that is whole. */
export async function findRuntime(): Promise<Runtime | undefined> {
  const dir = tensorflowDir();
  const manifest = await readManifest(dir);
  return manifest && { binding: join(dir, BINDING), version: manifest.version, gpu: manifest.gpu };
}

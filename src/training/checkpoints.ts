/**
 * checkpoints/step-000200/: parameters, optimiser moments and the step, which alone decides where the data and
 * the random numbers go on (both are functions of seed and step). Written beside and renamed, so what has
 * the final name is whole.
 */
import { mkdir, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readSafetensors, writeSafetensors } from '../export/safetensors.ts';
import type { LazyValues } from '../export/values.ts';
import { elementCount } from '../gguf/types.ts';
import type { Model, Parameter } from '../model/index.ts';
import type { Optimizer } from './optimizers.ts';

const KEEP = 2;
const stateSchema = z.object({ format: z.literal(1), step: z.int(), backend: z.string() });
const folder = (runDir: string) => join(runDir, 'checkpoints');
const nameOf = (step: number) => `step-${String(step).padStart(6, '0')}`;

/** Steps of the whole checkpoints in a run, oldest first. */
export async function listCheckpoints(runDir: string): Promise<number[]> {
  const names = await readdir(folder(runDir)).catch(() => []);
  return names
    .flatMap((name) => /^step-(\d{6,})$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** Writes a checkpoint, then drops all but the newest two. Returns its path relative to the run. */
export async function saveCheckpoint(
  runDir: string,
  step: number,
  backend: string,
  model: Model,
  optimizer: Optimizer,
): Promise<string> {
  const path = join(folder(runDir), nameOf(step));
  const temporary = `${path}.tmp`;
  await rm(temporary, { recursive: true, force: true });
  try {
    await writeCheckpoint(temporary, step, backend, model, optimizer);
  } catch (error) {
    // On a full disk, what is left of the space is needed to write down what happened.
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  await rm(path, { recursive: true, force: true });
  await rename(temporary, path);
  await syncFolder(folder(runDir));
  for (const old of (await listCheckpoints(runDir)).slice(0, -KEEP))
    await rm(join(folder(runDir), nameOf(old)), { recursive: true });
  return join('checkpoints', nameOf(step));
}

/** A parameter that is read from the backend when it is written. */
export function lazyParameter(model: Model, { name, shape }: Parameter): LazyValues {
  return { length: elementCount(shape), read: () => model.read(name) };
}

async function writeCheckpoint(
  path: string,
  step: number,
  backend: string,
  model: Model,
  optimizer: Optimizer,
): Promise<void> {
  await mkdir(path, { recursive: true });
  const parameters = model.parameters.map(
    (parameter) =>
      [parameter.name, { shape: parameter.shape, data: lazyParameter(model, parameter) }] as const,
  );
  await writeSafetensors(join(path, 'parameters.safetensors'), new Map(parameters));
  const moments = [...optimizer.state()].map(
    ([name, data]) => [name, { shape: [data.length], data }] as const,
  );
  await writeSafetensors(join(path, 'optimizer.safetensors'), new Map(moments));
  await writeFile(join(path, 'state.json'), JSON.stringify({ format: 1, step, backend }));
}

export interface Restored {
  step: number;
  backend: string;
  /** Newer checkpoints that could not be read and were passed over. */
  damaged: number[];
}

/** Puts the newest readable checkpoint back into model and optimiser; undefined when there is none. */
export async function restoreCheckpoint(
  runDir: string,
  model: Model,
  optimizer: Optimizer,
): Promise<Restored | undefined> {
  const damaged: number[] = [];
  for (const step of (await listCheckpoints(runDir)).reverse()) {
    const path = join(folder(runDir), nameOf(step));
    try {
      const state = stateSchema.parse(JSON.parse(await readFile(join(path, 'state.json'), 'utf8')));
      const parameters = await readSafetensors(join(path, 'parameters.safetensors'));
      const moments = await readSafetensors(join(path, 'optimizer.safetensors'));
      if (model.parameters.some(({ name }) => !parameters.has(name)))
        throw new Error('parameters are missing');
      for (const { name } of model.parameters) model.write(name, parameters.get(name)!.data);
      optimizer.load(new Map([...moments].map(([name, { data }]) => [name, data])));
      return { step: state.step, backend: state.backend, damaged };
    } catch {
      damaged.push(step);
    }
  }
  if (damaged.length) return { step: 0, backend: '', damaged };
  return undefined;
}

/** A rename survives a power cut only when its folder is synced; Windows can't and needs not. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Caches measured numbers of threads by what they depend on: processor, cores, and the base's file. A measurement made
 * while a training or other programs used the machine is good for that start only; the next start measures again.
 */
import { createHash } from 'node:crypto';
import { mkdir, realpath, stat } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { cacheDir } from '../../platform/files/paths.ts';
import { readText } from '../../platform/files/regular-file.ts';
import { writeByRename } from '../../platform/files/write-file.ts';
import { trainingNow } from '../../runs/index.ts';
import { watchLoad } from '../../platform/machine/machine-load.ts';

/**
 * Version 1 had no version number, and ignored what else was running during the measurement. Version 2 was measured
 * with four threads in Node's pool (llama-cpp/env.ts).
 */
const VERSION = 3;

const measurementSchema = z.object({
  threads: z.int().min(1),
  /** Milliseconds by number of threads. */
  trials: z.record(z.string(), z.number()),
});
export type ThreadMeasurement = z.infer<typeof measurementSchema>;

const keptSchema = measurementSchema.extend({
  version: z.literal(VERSION),
  /** ISO time. */
  measured: z.string(),
  processor: z.string(),
  cores: z.int(),
  base: z.object({
    path: z.string(),
    bytes: z.int(),
    modified: z.string(),
    gpuLayers: z.int().optional(),
  }),
});

/** Processors that other programs may keep busy, besides those that the threads leave free. */
const SLACK = 0.25;

export interface MeasuredBase {
  path: string;
  /** How many of its layers are not computed by the processors. */
  gpuLayers?: number;
}

/** The cached number for this base and machine; undefined where none was measured on a quiet machine. */
export async function knownThreads(base: MeasuredBase, cores: number): Promise<number | undefined> {
  const file = placeOf(await describe(base, cores));
  const known = await readText(file)
    .then((text) => keptSchema.parse(JSON.parse(text)).threads)
    .catch(() => undefined);
  return known && Math.min(known, cores);
}

/**
 * The cached number, else the result of `measure`. `quiet`: whether the machine had nothing else to do, so that the
 * number is more than a guess. Errors: those of `measure`.
 */
export async function keptThreads(
  base: MeasuredBase,
  cores: number,
  measure: () => Promise<ThreadMeasurement>,
  startLoad: typeof watchLoad = watchLoad,
): Promise<{ threads: number; quiet: boolean }> {
  const known = await knownThreads(base, cores);
  if (known !== undefined) return { threads: known, quiet: true };
  const on = await describe(base, cores);
  const file = placeOf(on);
  const before = await trainingNow();
  const load = startLoad();
  const measurement = await measure();
  const { threads } = measurement;
  const quiet = load() <= Math.max(0, cpus().length - cores) + SLACK;
  if (!quiet || before || (await trainingNow())) return { threads, quiet: false };
  const kept = { version: VERSION, measured: new Date().toISOString(), ...on, ...measurement };
  await mkdir(dirname(file), { recursive: true })
    .then(() => writeByRename(file, `${JSON.stringify(kept, null, 2)}\n`))
    // If the cache can't be written, the next start only measures again.
    .catch(() => undefined);
  return { threads, quiet };
}

function placeOf(on: Awaited<ReturnType<typeof describe>>): string {
  const hash = createHash('sha256').update(JSON.stringify(on)).digest('hex');
  return join(cacheDir(), 'threads', `${hash.slice(0, 16)}.json`);
}

async function describe(base: MeasuredBase, cores: number) {
  const path = await realpath(base.path);
  const { size, mtime } = await stat(path);
  return {
    processor: cpus()[0]?.model ?? '',
    cores,
    base: {
      path,
      bytes: size,
      modified: mtime.toISOString(),
      ...(base.gpuLayers ? { gpuLayers: base.gpuLayers } : {}),
    },
  };
}

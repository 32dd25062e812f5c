/**
 * Caches measured thread counts by what they depend on: processor, cores, and the base's file. A measurement made while
 * a training or other programs used the machine counts only for that start; the next start measures again.
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
 * Version 1 had no version number and ignored other programs running during the measurement. Version 2 was measured
 * with four threads in Node's pool (llama-cpp/env.ts).
 */
const VERSION = 3;

const measurementSchema = z.object({
  threads: z.int().min(1),
  /** Milliseconds by number of threads. */
  trials: z.record(z.string(), z.number()),
});
export type ThreadMeasurement = z.infer<typeof measurementSchema>;

const cacheSchema = measurementSchema.extend({
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

/** Processors that other programs may keep busy, beyond those that the threads leave free. */
const SLACK = 0.25;

export interface MeasuredBase {
  path: string;
  /** Number of its layers that the processors don't compute. */
  gpuLayers?: number;
}

/** The cached number for this base and machine; undefined if none was measured on a quiet machine. */
export async function readCachedThreads(base: MeasuredBase, cores: number): Promise<number | undefined> {
  const file = cachePath(await describe(base, cores));
  const cached = await readText(file)
    .then((text) => cacheSchema.parse(JSON.parse(text)).threads)
    .catch(() => undefined);
  return cached && Math.min(cached, cores);
}

/**
 * The cached number, else the result of `measure`. `isQuiet`: whether the machine was otherwise idle, so that the
 * number is reliable. Errors: those of `measure`.
 */
export async function cachedThreads(
  base: MeasuredBase,
  cores: number,
  measure: () => Promise<ThreadMeasurement>,
  startLoad: typeof watchLoad = watchLoad,
): Promise<{ threads: number; isQuiet: boolean }> {
  const cached = await readCachedThreads(base, cores);
  if (cached !== undefined) return { threads: cached, isQuiet: true };
  const key = await describe(base, cores);
  const file = cachePath(key);
  const wasTraining = await trainingNow();
  const load = startLoad();
  const measurement = await measure();
  const { threads } = measurement;
  const isQuiet = load() <= Math.max(0, cpus().length - cores) + SLACK;
  if (!isQuiet || wasTraining || (await trainingNow())) return { threads, isQuiet: false };
  const entry = { version: VERSION, measured: new Date().toISOString(), ...key, ...measurement };
  await mkdir(dirname(file), { recursive: true })
    .then(() => writeByRename(file, `${JSON.stringify(entry, null, 2)}\n`))
    // If the cache can't be written, the next start only measures again.
    .catch(() => undefined);
  return { threads, isQuiet };
}

function cachePath(key: Awaited<ReturnType<typeof describe>>): string {
  const hash = createHash('sha256').update(JSON.stringify(key)).digest('hex');
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

/**
 * Caches measured thread counts by what they depend on: processor, cores, and the base's file. A measurement made while
 * a training or other programs used the machine counts only for that start; the next start measures again.
 */
import { realpath, stat } from 'node:fs/promises';
import { cpus } from 'node:os';
import { z } from 'zod';
import { JsonCache } from '../../platform/files/json-cache.ts';
import { watchLoad } from '../../platform/machine/machine-load.ts';
import { trainingNow } from '../../runs/index.ts';

const measurementSchema = z.object({
  threads: z.int().min(1),
  /** Milliseconds by number of threads. */
  trials: z.record(z.string(), z.number()),
});
export type ThreadMeasurement = z.infer<typeof measurementSchema>;

/** `measured`: ISO time. */
const measurements = new JsonCache('threads.json', measurementSchema.extend({ measured: z.string() }));

/** Processors that other programs may keep busy, beyond those that the threads leave free. */
const SLACK = 0.25;

export interface MeasuredBase {
  path: string;
  /** Number of its layers that the processors don't compute. */
  gpuLayers?: number;
}

/** The cached number for this base and machine; undefined if none was measured on a quiet machine. */
export async function readCachedThreads(base: MeasuredBase, cores: number): Promise<number | undefined> {
  const cached = await measurements.get(await keyOf(base, cores));
  return cached && Math.min(cached.threads, cores);
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
  const key = await keyOf(base, cores);
  const wasTraining = await trainingNow();
  const load = startLoad();
  const measurement = await measure();
  const { threads } = measurement;
  const isQuiet = load() <= Math.max(0, cpus().length - cores) + SLACK;
  if (!isQuiet || wasTraining || (await trainingNow())) return { threads, isQuiet: false };
  await measurements.set(key, { ...measurement, measured: new Date().toISOString() });
  return { threads, isQuiet };
}

async function keyOf({ path, gpuLayers = 0 }: MeasuredBase, cores: number): Promise<string> {
  const base = await realpath(path);
  const { size, mtimeMs } = await stat(base);
  return [cpus()[0]?.model, cores, base, size, mtimeMs, gpuLayers].join(' ');
}

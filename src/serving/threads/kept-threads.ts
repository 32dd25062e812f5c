/**
 * Measured numbers of threads, kept in the cache by what they depend on: processor, cores, and the base's file. What was
 * measured while a training or other programs had the machine is good for that start only; the next one measures again.
 */
import { createHash } from 'node:crypto';
import { mkdir, realpath, stat } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { cacheDir } from '../../protocol/paths.ts';
import { readText } from '../../protocol/regular-file.ts';
import { writeByRename } from '../../protocol/write-file.ts';
import { trainingNow } from '../../runs/index.ts';
import { watchLoad } from './machine-load.ts';

/** Version 1 had none, and nothing of what it was measured beside. */
const VERSION = 2;

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
  base: z.object({ path: z.string(), bytes: z.int(), modified: z.string() }),
});

/** Processors that other programs may keep busy, beyond those that the threads leave free. */
const SLACK = 0.25;

/** The number that is kept for this base and machine, else what `measure` finds. Errors: those of `measure`. */
export async function keptThreads(
  basePath: string,
  cores: number,
  measure: () => Promise<ThreadMeasurement>,
  startLoad: typeof watchLoad = watchLoad,
): Promise<number> {
  const on = await describe(basePath, cores);
  const hash = createHash('sha256').update(JSON.stringify(on)).digest('hex');
  const file = join(cacheDir(), 'threads', `${hash.slice(0, 16)}.json`);
  const known = await readText(file)
    .then((text) => keptSchema.parse(JSON.parse(text)).threads)
    .catch(() => undefined);
  if (known !== undefined) return Math.min(known, cores);
  const before = await trainingNow();
  const load = startLoad();
  const measurement = await measure();
  const quiet = load() <= Math.max(0, cpus().length - cores) + SLACK;
  if (!quiet || before || (await trainingNow())) return measurement.threads;
  const kept = { version: VERSION, measured: new Date().toISOString(), ...on, ...measurement };
  await mkdir(dirname(file), { recursive: true })
    .then(() => writeByRename(file, `${JSON.stringify(kept, null, 2)}\n`))
    // A cache that can't be written costs the next start a second, no more.
    .catch(() => undefined);
  return measurement.threads;
}

async function describe(basePath: string, cores: number) {
  const path = await realpath(basePath);
  const { size, mtime } = await stat(path);
  return {
    processor: cpus()[0]?.model ?? '',
    cores,
    base: { path, bytes: size, modified: mtime.toISOString() },
  };
}

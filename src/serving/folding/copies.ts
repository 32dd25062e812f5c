/**
 * Folded copies on disk: the base with an adapter in it, and beside it an adapter of what the copy could not take. Made
 * by fold.ts, used by the host. A folder for each pair of base and adapter, in the cache.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { gpuPackagesVersion } from '../../base-models/llama-gpu-packages.ts';
import { cacheDir } from '../../protocol/paths.ts';
import { readText } from '../../protocol/regular-file.ts';
import { writeByRename } from '../../protocol/write-file.ts';
import { identify } from '../engine/catalog.ts';
import type { FoldedCopy } from '../host-types.ts';

/** A copy is as large as its base, so only those used last are kept. */
const MOST_COPIES = 2;
/** Processors that other programs may keep busy while a copy is timed. */
export const MOST_BUSY = 0.3;
/** A folder without a result may be another process's, which is still at work on it. */
const MAKING_MS = 60 * 60_000;

const folder = () => join(cacheDir(), 'folded');

const aboutSchema = z.object({
  version: z.literal(1),
  adapter: z.string(),
  /** Why there is no copy; it is not tried again. */
  unfit: z.string().optional(),
  /** Nats per token between the copy and the adapter on its base, and between that and the base. */
  meanKl: z.number().optional(),
  change: z.number().optional(),
  /** Time of the copy divided by that of the adapter on its base: a token, and 64 tokens of a prompt. */
  tokenTime: z.number().optional(),
  promptTime: z.number().optional(),
  /** Of the copy, so that half of one is not loaded. */
  bytes: z.int().optional(),
  /** Whether a part of the adapter stays beside the copy. */
  beside: z.boolean().optional(),
});
export type AboutCopy = z.infer<typeof aboutSchema>;

const pathsIn = (dir: string) => ({
  model: join(dir, 'model.gguf'),
  beside: join(dir, 'beside.gguf'),
  about: join(dir, 'about.json'),
});

/** The folder of a pair's copy; another one if a file was replaced, or llama.cpp. Throws the system's errors. */
async function placeOf(basePath: string, adapterPath: string): Promise<string> {
  const versions = [(await identify(basePath)).version, (await identify(adapterPath)).version];
  const key = createHash('sha256').update(JSON.stringify([gpuPackagesVersion, ...versions]));
  return join(folder(), key.digest('hex').slice(0, 32));
}

/** What is known of a pair's copy; undefined if none was tried, or if what was written can't be read. */
export async function aboutCopy(basePath: string, adapterPath: string): Promise<AboutCopy | undefined> {
  try {
    const dir = await placeOf(basePath, adapterPath);
    return aboutSchema.parse(JSON.parse(await readText(pathsIn(dir).about)));
  } catch {
    return undefined;
  }
}

/** The copy of a pair, if there is one of use; from now on it counts as used last. */
export async function findCopy(basePath: string, adapterPath: string): Promise<FoldedCopy | undefined> {
  const about = await aboutCopy(basePath, adapterPath);
  if (!about || about.unfit !== undefined) return undefined;
  const dir = await placeOf(basePath, adapterPath);
  const { model, beside } = pathsIn(dir);
  if ((await sizeOf(model)) !== about.bytes) {
    await rm(dir, { recursive: true, force: true });
    return undefined;
  }
  const now = new Date();
  await utimes(dir, now, now).catch(() => undefined);
  return { model, beside: about.beside ? beside : undefined, bytes: about.bytes! };
}

const sizeOf = (path: string): Promise<number | undefined> =>
  stat(path).then(
    ({ size }) => size,
    () => undefined,
  );

/** After a copy could not be loaded: it is made again when it is wanted the next time. */
export const removeCopy = async (basePath: string, adapterPath: string): Promise<void> =>
  rm(await placeOf(basePath, adapterPath), { recursive: true, force: true });

/**
 * Calls `make` with the paths of files to write, and keeps them together with what it returns; without the files if
 * that is `unfit`. If `make` fails, nothing is left.
 */
export async function keepCopy(
  basePath: string,
  adapterPath: string,
  make: (files: { model: string; beside: string }) => Promise<Omit<AboutCopy, 'version' | 'adapter'>>,
): Promise<AboutCopy> {
  const dir = await placeOf(basePath, adapterPath);
  const unfinished = `${dir}.${process.pid}.tmp`;
  const files = pathsIn(unfinished);
  try {
    // It holds what the model learned of somebody's code.
    await mkdir(unfinished, { recursive: true, mode: 0o700 });
    const about: AboutCopy = { version: 1, adapter: adapterPath, ...(await make(files)) };
    if (about.unfit === undefined) about.bytes = await sizeOf(files.model);
    else for (const path of [files.model, files.beside]) await rm(path, { force: true });
    await writeByRename(files.about, JSON.stringify(about), 0o600);
    await rm(dir, { recursive: true, force: true });
    await rename(unfinished, dir);
    await makeRoom(dir);
    return about;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Deletes copies of adapters that are gone, those that were used longest ago, and what a crash left. */
async function makeRoom(newest: string): Promise<void> {
  const names = await readdir(folder());
  const found = await Promise.all(names.map((name) => lookAt(join(folder(), name))));
  const others = found.filter(({ dir }) => dir !== newest);
  const copies = others.filter(({ what }) => what === 'copy').sort((a, b) => b.usedAt - a.usedAt);
  const useless = others.filter(({ what, usedAt }) => what === 'rest' && Date.now() - usedAt > MAKING_MS);
  for (const { dir } of [...copies.slice(MOST_COPIES - 1), ...useless])
    await rm(dir, { recursive: true, force: true });
}

/** `rest`: of an adapter that is gone, or unfinished. */
async function lookAt(dir: string): Promise<{ dir: string; usedAt: number; what: 'copy' | 'mark' | 'rest' }> {
  const usedAt = await stat(dir).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  try {
    const { adapter, unfit } = aboutSchema.parse(JSON.parse(await readText(pathsIn(dir).about)));
    await stat(adapter);
    return { dir, usedAt, what: unfit === undefined ? 'copy' : 'mark' };
  } catch {
    return { dir, usedAt, what: 'rest' };
  }
}

/**
 * Folded copies on disk: the base with an adapter in it, and beside it an adapter of what the copy could not take. Made
 * by fold.ts, used by the host. A folder for each pair of base and adapter, in the cache.
 */
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { sha256Of } from '../../platform/files/checksum.ts';
import { cacheDir } from '../../platform/files/paths.ts';
import { readText } from '../../platform/files/regular-file.ts';
import { writeByRename } from '../../platform/files/write-file.ts';
import { isMakerAlive, makerMark } from '../../runs/processes.ts';
import { keyOf } from '../host/kept-on-disk.ts';
import type { FoldedCopy } from '../host-types.ts';
import { identifyOnDisk } from '../identify.ts';

/** A copy is as large as its base, so only those used last are kept. */
const MOST_COPIES = 2;

const folder = () => join(cacheDir(), 'folded');

/** `head`: sha256 of a file's first 16 MB, in which all is that is not weights. */
const sealSchema = z.object({ bytes: z.int(), head: z.string() });
const HEAD_BYTES = 16e6;

const aboutSchema = z.object({
  version: z.literal(1),
  /** Paths. */
  base: z.string(),
  adapter: z.string(),
  /** If it was tried and is neither there nor ruled out: how often, and when last (ms). */
  tries: z.object({ count: z.int().min(1), at: z.number() }).optional(),
  /** Why there is no copy; it is not tried again. */
  unfit: z.string().optional(),
  /** Nats per token between the copy and the adapter on its base, and between that and the base. */
  meanKl: z.number().optional(),
  change: z.number().optional(),
  /** Time of the copy divided by that of the adapter on its base: a token, and 64 tokens of a prompt. */
  tokenTime: z.number().optional(),
  promptTime: z.number().optional(),
  /** As they were written, because llama.cpp checks little of what it reads. */
  model: sealSchema.optional(),
  /** If a part of the adapter stays beside the copy. */
  beside: sealSchema.optional(),
});
export type AboutCopy = z.infer<typeof aboutSchema>;
/** What the maker of a copy has to say. */
export type Measured = Omit<AboutCopy, 'version' | 'base' | 'adapter' | 'tries' | 'model' | 'beside'>;

const pathsIn = (dir: string) => ({
  model: join(dir, 'model.gguf'),
  beside: join(dir, 'beside.gguf'),
  about: join(dir, 'about.json'),
});

/** The folder of a pair's copy; another one if a file was replaced, or llama.cpp. Throws the system's errors. */
async function placeOf(basePath: string, adapterPath: string): Promise<string> {
  return join(folder(), keyOf([await identifyOnDisk(basePath), await identifyOnDisk(adapterPath)]));
}

/** Throws an Error if there is no note, or one that can't be read. */
const aboutIn = async (dir: string): Promise<AboutCopy> =>
  aboutSchema.parse(JSON.parse(await readText(pathsIn(dir).about)));

/** What is known of a pair's copy; undefined if none was tried, or if what was written can't be read. */
export const aboutCopy = (basePath: string, adapterPath: string): Promise<AboutCopy | undefined> =>
  placeOf(basePath, adapterPath)
    .then(aboutIn)
    .catch(() => undefined);

/** The copy of a pair, if there is one of use; from now on it counts as used last. A damaged one is deleted. */
export async function findCopy(basePath: string, adapterPath: string): Promise<FoldedCopy | undefined> {
  const dir = await placeOf(basePath, adapterPath);
  const about = await aboutIn(dir).catch(() => undefined);
  if (!about?.model) return undefined;
  const { model, beside } = pathsIn(dir);
  const whole =
    (await isSealed(model, about.model)) && (!about.beside || (await isSealed(beside, about.beside)));
  if (!whole) {
    await rm(dir, { recursive: true, force: true });
    return undefined;
  }
  const now = new Date();
  await utimes(dir, now, now).catch(() => undefined);
  return {
    model,
    beside: about.beside && beside,
    bytes: about.model.bytes + (about.beside?.bytes ?? 0),
  };
}

async function sealOf(path: string): Promise<z.infer<typeof sealSchema>> {
  const { size } = await stat(path);
  return { bytes: size, head: await sha256Of(path, undefined, HEAD_BYTES) };
}

const isSealed = (path: string, { bytes, head }: z.infer<typeof sealSchema>): Promise<boolean> =>
  sealOf(path).then(
    (now) => now.bytes === bytes && now.head === head,
    () => false,
  );

/** After a copy could not be loaded: it is made again when it is wanted the next time. */
export const removeCopy = async (basePath: string, adapterPath: string): Promise<void> =>
  rm(await placeOf(basePath, adapterPath), { recursive: true, force: true });

const pathsOf = (basePath: string, adapterPath: string) => ({
  version: 1 as const,
  base: resolve(basePath),
  adapter: resolve(adapterPath),
});

/** Before a copy is made, because its maker may be killed. A copy, or why there is none, takes the place of the note. */
export async function noteTry(basePath: string, adapterPath: string, at: number): Promise<void> {
  const dir = await placeOf(basePath, adapterPath);
  const { tries } = await aboutIn(dir).catch(() => ({ tries: undefined }));
  const about: AboutCopy = {
    ...pathsOf(basePath, adapterPath),
    tries: { count: (tries?.count ?? 0) + 1, at },
  };
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeByRename(pathsIn(dir).about, JSON.stringify(about), 0o600);
}

/**
 * Calls `make` with the paths of files to write, and keeps them together with what it returns; without the files if
 * that is `unfit`. If `make` fails, nothing is left.
 */
export async function keepCopy(
  basePath: string,
  adapterPath: string,
  make: (files: { model: string; beside: string }) => Promise<Measured>,
): Promise<AboutCopy> {
  const dir = await placeOf(basePath, adapterPath);
  const unfinished = `${dir}.${makerMark()}.tmp`;
  const files = pathsIn(unfinished);
  await tidyCopies();
  try {
    // It holds what the model learned of somebody's code.
    await mkdir(unfinished, { recursive: true, mode: 0o700 });
    const about: AboutCopy = { ...pathsOf(basePath, adapterPath), ...(await make(files)) };
    if (about.unfit === undefined) {
      about.model = await sealOf(files.model);
      about.beside = await sealOf(files.beside).catch(() => undefined);
    } else for (const path of [files.model, files.beside]) await rm(path, { force: true });
    await writeByRename(files.about, JSON.stringify(about), 0o600);
    await rm(dir, { recursive: true, force: true });
    await rename(unfinished, dir);
    await tidyCopies(dir);
    return about;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Deletes copies that nobody can use any more, all but those used last, and what a crash left. `made`: just now. */
export async function tidyCopies(made?: string): Promise<void> {
  const names = await readdir(folder()).catch(() => []);
  const found = await Promise.all(names.map((name) => lookAt(join(folder(), name))));
  const usedAt = (copy: Kept) => (copy.dir === made ? Infinity : copy.usedAt);
  const copies = found.filter(({ what }) => what === 'copy').sort((a, b) => usedAt(b) - usedAt(a));
  const useless = found.filter(({ what }) => what === 'useless');
  for (const { dir } of [...copies.slice(MOST_COPIES), ...useless])
    await rm(dir, { recursive: true, force: true });
}

interface Kept {
  dir: string;
  usedAt: number;
  /**
   * `mark`: of a copy that is not worth it, or was tried; `useless`: of files that are gone or were replaced, of another
   * llama.cpp, or of a process that is gone.
   */
  what: 'copy' | 'mark' | 'making' | 'useless';
}

async function lookAt(dir: string): Promise<Kept> {
  const [, maker] = /\.([\w-]+)\.tmp$/.exec(dir) ?? [];
  if (maker !== undefined) return { dir, usedAt: 0, what: isMakerAlive(maker) ? 'making' : 'useless' };
  try {
    const { mtimeMs } = await stat(dir);
    const { base, adapter, model } = await aboutIn(dir);
    const found = (await placeOf(base, adapter)) === dir;
    // By a clock that was ahead: nobody knows when.
    const usedAt = mtimeMs <= Date.now() ? mtimeMs : 0;
    return { dir, usedAt, what: !found ? 'useless' : model ? 'copy' : 'mark' };
  } catch {
    return { dir, usedAt: 0, what: 'useless' };
  }
}

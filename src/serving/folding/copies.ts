/**
 * Folded copies on disk: the base with an adapter merged into it, and a residual adapter with what could not be merged.
 * Written by fold.ts, used by the host. The cache has one folder for each pair of base and adapter.
 */
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { sha256Of } from '../../platform/files/checksum.ts';
import { cacheDir } from '../../platform/files/paths.ts';
import { readText } from '../../platform/files/regular-file.ts';
import { removeFolder, renamePatiently, writeByRename } from '../../platform/files/write-file.ts';
import { isMarkedProcessAlive, processMark } from '../../runs/processes.ts';
import { cacheKey } from '../host/prompt-state.ts';
import type { FoldedCopy } from '../host-types.ts';
import { identifyOnDisk } from '../identify.ts';

/** A copy is as large as its base, so only the most recently used ones are kept. */
const MAX_COPIES = 2;

const folder = () => join(cacheDir(), 'folded');

/** `head`: SHA-256 of the file's first 16 MB, which contain everything but weights. */
const sealSchema = z.object({ bytes: z.int(), head: z.string() });
const HEAD_BYTES = 16e6;

const infoSchema = z.object({
  version: z.literal(1),
  /** Paths. */
  base: z.string(),
  adapter: z.string(),
  /** Attempts that neither made nor ruled out a copy: how many, and when the last one was (ms). */
  tries: z.object({ count: z.int().min(1), at: z.number() }).optional(),
  /** Why there is no copy; it is not attempted again. */
  unfit: z.string().optional(),
  /**
   * KL divergence in nats per token, between the copy and the adapter on its base, and between the latter and the base.
   */
  meanKl: z.number().optional(),
  change: z.number().optional(),
  /** The copy's time relative to the adapter on its base, for generating a token and for reading 64 prompt tokens. */
  tokenTime: z.number().optional(),
  promptTime: z.number().optional(),
  /** Seals of the files as written, because llama.cpp validates little of what it reads. */
  model: sealSchema.optional(),
  /** If there is a residual adapter. */
  beside: sealSchema.optional(),
});
export type CopyInfo = z.infer<typeof infoSchema>;
/** The results of making a copy. */
export type CopyMeasurement = Omit<CopyInfo, 'version' | 'base' | 'adapter' | 'tries' | 'model' | 'beside'>;

const pathsIn = (dir: string) => ({
  model: join(dir, 'model.gguf'),
  beside: join(dir, 'beside.gguf'),
  info: join(dir, 'about.json'),
});

/** The folder of a pair's copy; changes if one of the files or llama.cpp is replaced. Throws the system's errors. */
async function copyDir(basePath: string, adapterPath: string): Promise<string> {
  return join(folder(), cacheKey([await identifyOnDisk(basePath), await identifyOnDisk(adapterPath)]));
}

/** Throws an Error if there is no readable info file. */
const readInfo = async (dir: string): Promise<CopyInfo> =>
  infoSchema.parse(JSON.parse(await readText(pathsIn(dir).info)));

/** The info about a pair's copy; undefined if none was attempted, or the file can't be read. */
export const readCopyInfo = (basePath: string, adapterPath: string): Promise<CopyInfo | undefined> =>
  copyDir(basePath, adapterPath)
    .then(readInfo)
    .catch(() => undefined);

/** The usable copy of a pair, if any, which then counts as the most recently used. Deletes a damaged one. */
export async function findCopy(basePath: string, adapterPath: string): Promise<FoldedCopy | undefined> {
  const dir = await copyDir(basePath, adapterPath);
  const info = await readInfo(dir).catch(() => undefined);
  if (!info?.model) return undefined;
  const { model, beside } = pathsIn(dir);
  const isIntact =
    (await matchesSeal(model, info.model)) && (!info.beside || (await matchesSeal(beside, info.beside)));
  if (!isIntact) {
    await removeFolder(dir);
    return undefined;
  }
  const now = new Date();
  await utimes(dir, now, now).catch(() => undefined);
  return {
    model,
    residualAdapter: info.beside && beside,
    bytes: info.model.bytes + (info.beside?.bytes ?? 0),
  };
}

async function sealFile(path: string): Promise<z.infer<typeof sealSchema>> {
  const { size } = await stat(path);
  return { bytes: size, head: await sha256Of(path, undefined, HEAD_BYTES) };
}

const matchesSeal = (path: string, { bytes, head }: z.infer<typeof sealSchema>): Promise<boolean> =>
  sealFile(path).then(
    (now) => now.bytes === bytes && now.head === head,
    () => false,
  );

/** Call this after a copy could not be loaded: it is made again when needed. */
export const removeCopy = async (basePath: string, adapterPath: string): Promise<void> =>
  removeFolder(await copyDir(basePath, adapterPath));

const pathsOf = (basePath: string, adapterPath: string) => ({
  version: 1 as const,
  base: resolve(basePath),
  adapter: resolve(adapterPath),
});

/** Call this before making a copy, because the process may be killed. The result replaces the record. */
export async function recordAttempt(basePath: string, adapterPath: string, at: number): Promise<void> {
  const dir = await copyDir(basePath, adapterPath);
  const { tries } = await readInfo(dir).catch(() => ({ tries: undefined }));
  const info: CopyInfo = {
    ...pathsOf(basePath, adapterPath),
    tries: { count: (tries?.count ?? 0) + 1, at },
  };
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeByRename(pathsIn(dir).info, JSON.stringify(info), 0o600);
}

/**
 * Calls `make` with the paths of the files to write, and stores them with what it returns; without the files if it
 * returns `unfit`. Leaves nothing behind if `make` fails.
 */
export async function storeCopy(
  basePath: string,
  adapterPath: string,
  make: (files: { model: string; beside: string }) => Promise<CopyMeasurement>,
): Promise<CopyInfo> {
  const dir = await copyDir(basePath, adapterPath);
  const unfinished = `${dir}.${processMark()}.tmp`;
  const files = pathsIn(unfinished);
  await pruneCopies();
  try {
    // The files contain what the model learned from private code.
    await mkdir(unfinished, { recursive: true, mode: 0o700 });
    const info: CopyInfo = { ...pathsOf(basePath, adapterPath), ...(await make(files)) };
    if (info.unfit === undefined) {
      info.model = await sealFile(files.model);
      info.beside = await sealFile(files.beside).catch(() => undefined);
    } else for (const path of [files.model, files.beside]) await rm(path, { force: true });
    await writeByRename(files.info, JSON.stringify(info), 0o600);
    await removeFolder(dir);
    await renamePatiently(unfinished, dir);
    await pruneCopies(dir);
    return info;
  } finally {
    await removeFolder(unfinished);
  }
}

/**
 * Deletes unusable copies, all but the most recently used ones, and leftovers of crashes. `newest`: the copy just made.
 */
export async function pruneCopies(newest?: string): Promise<void> {
  const names = await readdir(folder()).catch(() => []);
  const found = await Promise.all(names.map((name) => inspect(join(folder(), name))));
  const usedAt = (copy: CopyFolder) => (copy.dir === newest ? Infinity : copy.usedAt);
  const copies = found.filter(({ what: state }) => state === 'copy').sort((a, b) => usedAt(b) - usedAt(a));
  const obsolete = found.filter(({ what: state }) => state === 'useless');
  for (const { dir } of [...copies.slice(MAX_COPIES), ...obsolete]) await removeFolder(dir);
}

interface CopyFolder {
  dir: string;
  usedAt: number;
  /**
   * `mark`: no copy, but a record of an attempt or of why there is none; `useless`: for missing or replaced files or
   * another llama.cpp, or left by a dead process.
   */
  what: 'copy' | 'mark' | 'making' | 'useless';
}

async function inspect(dir: string): Promise<CopyFolder> {
  const [, maker] = /\.([\w-]+)\.tmp$/.exec(dir) ?? [];
  if (maker !== undefined)
    return { dir, usedAt: 0, what: isMarkedProcessAlive(maker) ? 'making' : 'useless' };
  try {
    const { mtimeMs } = await stat(dir);
    const { base, adapter, model } = await readInfo(dir);
    const found = (await copyDir(base, adapter)) === dir;
    // A time in the future comes from a wrong clock.
    const usedAt = mtimeMs <= Date.now() ? mtimeMs : 0;
    return { dir, usedAt, what: !found ? 'useless' : model ? 'copy' : 'mark' };
  } catch {
    return { dir, usedAt: 0, what: 'useless' };
  }
}

/** Caches the checksums of model files, so that gigabytes are read once and not at every start. */
import { createHash } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { openGguf } from '../gguf/index.ts';
import { sha256Of } from '../platform/files/checksum.ts';
import { cacheDir } from '../platform/files/paths.ts';
import { writeByRename } from '../platform/files/write-file.ts';
import { UserError } from '../text/errors.ts';
import type { ResolveOptions } from './resolve-options.ts';
import { readText } from '../platform/files/regular-file.ts';
import { msg, type Text } from '../text/message.ts';

const factsSchema = z.object({
  path: z.string(),
  size: z.number(),
  mtimeMs: z.number(),
  /** Inode: modification times are coarse, so a file that replaced this one may have the same. */
  ino: z.number().optional(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  licence: z.string().optional(),
});
export type FileFacts = z.infer<typeof factsSchema>;

const cachePath = (path: string) =>
  join(cacheDir(), 'checksums', `${createHash('sha256').update(path).digest('hex').slice(0, 32)}.json`);

/** Cached result of `examine`, if the file has not changed since (path, size, modification time and inode). */
export async function knownFacts(path: string): Promise<FileFacts | undefined> {
  try {
    const { size, mtimeMs, ino } = await stat(path);
    const facts = factsSchema.parse(JSON.parse(await readText(cachePath(path))));
    const isSame = facts.path === path && facts.size === size && facts.mtimeMs === mtimeMs;
    return isSame && (facts.ino ?? ino) === ino ? facts : undefined;
  } catch {
    // No such file, no facts yet, or damaged facts: examine it again.
    return undefined;
  }
}

/**
 * Checks the file's structure and computes its SHA-256, unless the result is cached. Throws like openGguf. `onBytes`
 * receives the number of bytes hashed so far.
 */
export async function examine(
  path: string,
  onBytes?: (done: number, total: number) => void,
): Promise<FileFacts> {
  const cached = await knownFacts(path);
  if (cached) return cached;
  const gguf = await openGguf(path);
  await gguf.close();
  const { size, mtimeMs, ino } = await stat(path);
  const licence = gguf.metadata['general.license'];
  const sha256 = await sha256Of(path, (done) => onBytes?.(done, size));
  const facts: FileFacts = {
    path,
    size,
    mtimeMs,
    ino,
    sha256,
    ...(typeof licence === 'string' ? { licence } : {}),
  };
  // If the cache can't be written, the next call just takes longer.
  await remember(facts).catch(() => undefined);
  return facts;
}

/**
 * Rejects a different file under the base's name, which would silently give a wrong model. `of`: for example "this
 * run". Errors: base-checksum, and those of `examine`.
 */
export async function requireSameBase(
  { path, sha256 }: { path: string; sha256: string },
  of: Text,
  next: Text,
): Promise<void> {
  if ((await examine(path)).sha256 === sha256) return;
  throw new UserError('base-checksum', msg`${path} is not the file that ${of} was started with.`, next);
}

/** `examine` with progress reports for the caller of resolveBase. */
export const examineWithProgress = (
  path: string,
  { onProgress }: ResolveOptions,
  what = basename(path),
): Promise<FileFacts> =>
  examine(path, (done, total) => onProgress?.({ phase: 'checking', what, done, total }));

async function remember(facts: FileFacts): Promise<void> {
  const path = cachePath(facts.path);
  await mkdir(join(cacheDir(), 'checksums'), { recursive: true });
  await writeByRename(path, JSON.stringify(facts));
}

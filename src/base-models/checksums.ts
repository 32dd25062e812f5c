/** Remembers the checksum of model files on disk, so that gigabytes are read once and not at every start. */
import { createHash } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { openGguf } from '../gguf/index.ts';
import { sha256Of } from '../platform/files/checksum.ts';
import { cacheDir } from '../platform/files/paths.ts';
import { writeByRename } from '../platform/files/write-file.ts';
import { UserError } from '../text/errors.ts';
import type { ResolveOptions } from './ask.ts';
import { readText } from '../platform/files/regular-file.ts';
import { msg, type Text } from '../text/message.ts';

const factsSchema = z.object({
  path: z.string(),
  size: z.number(),
  mtimeMs: z.number(),
  /** The file's number on its disk: times are coarse, so another file in its place may have the same. */
  ino: z.number().optional(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  licence: z.string().optional(),
});
export type FileFacts = z.infer<typeof factsSchema>;

const placeOf = (path: string) =>
  join(cacheDir(), 'checksums', `${createHash('sha256').update(path).digest('hex').slice(0, 32)}.json`);

/** What `examine` found earlier, if the file has not changed since (path, size, time and number). */
export async function knownFacts(path: string): Promise<FileFacts | undefined> {
  try {
    const { size, mtimeMs, ino } = await stat(path);
    const facts = factsSchema.parse(JSON.parse(await readText(placeOf(path))));
    const isSame = facts.path === path && facts.size === size && facts.mtimeMs === mtimeMs;
    return isSame && (facts.ino ?? ino) === ino ? facts : undefined;
  } catch {
    // No such file, no facts yet, or damaged facts: examine it again.
    return undefined;
  }
}

/**
 * Checks the file's structure and computes its SHA-256, unless that was done before and the file has not changed.
 * Throws like openGguf. `onBytes` gets the bytes hashed so far.
 */
export async function examine(
  path: string,
  onBytes?: (done: number, total: number) => void,
): Promise<FileFacts> {
  const known = await knownFacts(path);
  if (known) return known;
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
  // If the cache can't be written, the next examination only takes longer.
  await remember(facts).catch(() => undefined);
  return facts;
}

/**
 * Refuses another file under the base's name: it would give a wrong model without an error. `of`: "this run". Errors:
 * base-checksum, and those of `examine`.
 */
export async function requireSameBase(
  { path, sha256 }: { path: string; sha256: string },
  of: Text,
  next: Text,
): Promise<void> {
  if ((await examine(path)).sha256 === sha256) return;
  throw new UserError('base-checksum', msg`${path} is not the file that ${of} was started with.`, next);
}

/** `examine` with progress for the caller of resolveBase. */
export const examineWithProgress = (
  path: string,
  { onProgress }: ResolveOptions,
  what = basename(path),
): Promise<FileFacts> =>
  examine(path, (done, total) => onProgress?.({ phase: 'checking', what, done, total }));

async function remember(facts: FileFacts): Promise<void> {
  const place = placeOf(facts.path);
  await mkdir(join(cacheDir(), 'checksums'), { recursive: true });
  await writeByRename(place, JSON.stringify(facts));
}

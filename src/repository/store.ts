/** Keeps an index on disk, so that the next window reads only what has changed. A damaged file counts as none. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { indexDir } from '../platform/files/paths.ts';
import { readBytes } from '../platform/files/regular-file.ts';
import { temporaryPath } from '../platform/files/write-file.ts';
import { removeLeftovers } from '../runs/leftovers.ts';
import type { IndexedFile } from './repository-index.ts';

/** If this changes, indexes of earlier versions are rebuilt. */
const VERSION = 1;
const MAX_BYTES = 512 << 20;
const DIGEST_BYTES = 32;
/** An index not opened for this long is deleted. */
const EXPIRY_MS = 60 * 24 * 3600 * 1000;

const headerSchema = z.object({
  version: z.literal(VERSION),
  folder: z.string(),
  /** Path, modification time, size, numbers of definitions, number of names. */
  files: z.array(z.tuple([z.string(), z.number(), z.number(), z.int().min(0), z.int().min(0)])),
});

/**
 * The file of a folder's index: the SHA-256 of what follows (32 bytes), a line of JSON (`headerSchema`), then for each
 * file its 32-bit little-endian numbers: five for each definition (hash of the name, kind, three line numbers), and the
 * hashes of all names. It contains no source text.
 */
export const indexFile = (folder: string): string =>
  join(indexDir(), `${createHash('sha256').update(folder).digest('hex').slice(0, 16)}.index`);

export async function saveIndex(folder: string, files: ReadonlyMap<string, IndexedFile>): Promise<void> {
  const file = indexFile(folder);
  const header: z.infer<typeof headerSchema> = {
    version: VERSION,
    folder,
    files: [...files].map(([path, { mtimeMs, size, definitions, names }]) => [
      ...([path, mtimeMs, size] as const),
      ...([definitions.length, names.length] as const),
    ]),
  };
  const text = Buffer.from(`${JSON.stringify(header)}\n`);
  const numbers = [...files.values()].flatMap(({ definitions, names }) => [
    bytesOf(definitions),
    bytesOf(names),
  ]);
  const body = Buffer.concat([text, ...numbers]);
  const digest = createHash('sha256').update(body).digest();
  const temporary = temporaryPath(file);
  await mkdir(dirname(file), { recursive: true });
  try {
    await writeFile(temporary, [digest, body]);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Undefined if there is none, or if it is damaged or of another version. */
export async function loadIndex(folder: string): Promise<Map<string, IndexedFile> | undefined> {
  try {
    const bytes = await readBytes(indexFile(folder), MAX_BYTES);
    const body = bytes.subarray(DIGEST_BYTES);
    const digest = createHash('sha256').update(body).digest();
    if (!digest.equals(bytes.subarray(0, DIGEST_BYTES))) return undefined;
    const end = body.indexOf(0x0a);
    const header = headerSchema.parse(JSON.parse(body.toString('utf8', 0, end)));
    if (header.folder !== folder) return undefined;
    // It may have been written long ago, if nothing has changed since.
    const now = new Date();
    await utimes(indexFile(folder), now, now).catch(() => undefined);
    return filesIn(header, body.subarray(end + 1));
  } catch {
    return undefined;
  }
}

function filesIn({ files }: z.infer<typeof headerSchema>, body: Buffer): Map<string, IndexedFile> {
  let at = 0;
  const next = (count: number): Uint32Array => {
    const part = body.subarray(at, (at += 4 * count));
    if (part.length !== 4 * count) throw new Error('it ends early');
    // A copy, because the numbers are unaligned in the file, and its bytes need not stay in memory.
    return new Uint32Array(Uint8Array.from(part).buffer);
  };
  return new Map(
    files.map(([path, mtimeMs, size, definitions, names]) => [
      path,
      { mtimeMs, size, definitions: next(definitions), names: next(names) },
    ]),
  );
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint32Array): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

/**
 * Deletes the indexes of folders that are no longer used, and leftovers of killed processes. Ignores what can't be
 * deleted.
 */
export async function deleteOldIndexes(now = Date.now()): Promise<void> {
  await removeLeftovers(indexDir());
  for (const name of await readdir(indexDir()).catch(() => [])) {
    const file = join(indexDir(), name);
    const found = await stat(file).catch(() => undefined);
    if (found && now - found.mtimeMs > EXPIRY_MS) await rm(file, { force: true }).catch(() => undefined);
  }
}

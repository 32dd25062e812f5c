/** Making an image takes seconds, so it is stored in a file named by a digest of its inputs. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
import { readBytes } from '../../platform/files/regular-file.ts';
import { temporaryPath } from '../../platform/files/write-file.ts';
import { toShared } from './image.ts';
import type { Image } from './protocol.ts';

const PREFIX = 'python-image-';
const DIGEST_BYTES = 32;
const LENGTH_BYTES = 4;
const UNUSED_DAYS = 30;

/** The data that an interpreter is started from. */
export interface StoredImage {
  image: Image;
  /** The glue as compiled by V8. */
  compiled: Uint8Array<SharedArrayBuffer>;
}

/** The file holds a digest of the rest, the head's length, the head as JSON, `compiled`, and the pages. */
type Head = Omit<Image, 'pages'> & { compiledBytes: number };

/** Path in `folder` of the image made from `parts`. */
export function imagePath(folder: string, parts: (string | Uint8Array)[]): string {
  const hash = createHash('sha256').update(`${cachedDataVersionTag()} ${process.arch}`);
  for (const part of parts) hash.update(part);
  return join(folder, `${PREFIX}${hash.digest('hex').slice(0, 16)}`);
}

/** Reads the image; undefined if there is none or it is damaged. */
export async function readImage(path: string): Promise<StoredImage | undefined> {
  try {
    const file = await readBytes(path);
    const content = file.subarray(DIGEST_BYTES);
    if (!file.subarray(0, DIGEST_BYTES).equals(digest(content))) return undefined;
    const begin = LENGTH_BYTES + content.readUInt32LE(0);
    const head = JSON.parse(content.toString('utf8', LENGTH_BYTES, begin)) as Head;
    const { compiledBytes, ...image } = head;
    const end = begin + compiledBytes;
    await utimes(path, new Date(), new Date()).catch(() => {});
    return {
      compiled: toShared(content.subarray(begin, end)),
      image: { ...image, pages: toShared(content.subarray(end)) },
    };
  } catch {
    return undefined;
  }
}

/** Stores the image for later processes. If that fails, they make their own. */
export async function storeImage(path: string, { image, compiled }: StoredImage): Promise<void> {
  const { pages, ...rest } = image;
  const head = Buffer.from(JSON.stringify({ ...rest, compiledBytes: compiled.length } satisfies Head));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(head.length);
  const content = Buffer.concat([length, head, compiled, pages]);
  const partial = temporaryPath(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(partial, Buffer.concat([digest(content), content]));
    await rename(partial, path);
    await removeUnused(dirname(path), basename(path));
  } catch {
    await rm(partial, { force: true }).catch(() => {});
  }
}

/** Removes unused images of other versions, which take 16 MB each. */
async function removeUnused(folder: string, keep: string): Promise<void> {
  const oldest = Date.now() - UNUSED_DAYS * 24 * 3600 * 1000;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(PREFIX) || name === keep) continue;
    const path = join(folder, name);
    if ((await stat(path)).mtimeMs < oldest) await rm(path, { force: true });
  }
}

function digest(content: Uint8Array): Buffer {
  return createHash('sha256').update(content).digest();
}

/** Extracts members of a wheel (a zip file) as streams. Each is checked against its CRC-32 and written by rename. */
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import yauzl from 'yauzl';
import { downloadCancelled, msg, UserError } from '../../text/errors.ts';
import { diskFull, requireSpace } from './disk.ts';
import { renamePatiently, temporaryPath } from './write-file.ts';

interface Member {
  name: string;
  /** Uncompressed bytes. */
  size: number;
}

interface ExtractOptions {
  /** Where to write a member; undefined skips it. */
  choose: (member: Member) => string | undefined;
  onBytes?: (done: number, total: number) => void;
  signal?: AbortSignal | undefined;
}

/**
 * Extracts the chosen members and returns their paths. Throws UserError `base-checksum`, `disk-full` or `cancelled`.
 */
export async function extract(wheel: string, { choose, onBytes, signal }: ExtractOptions): Promise<string[]> {
  try {
    const zip = await yauzl.openPromise(wheel, { autoClose: false });
    try {
      const chosen: { entry: yauzl.Entry; to: string }[] = [];
      for await (const entry of zip.eachEntry()) {
        const to = entry.fileName.endsWith('/')
          ? undefined
          : choose({ name: entry.fileName, size: entry.uncompressedSize });
        if (to !== undefined) chosen.push({ entry, to });
      }
      const total = chosen.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
      let done = 0;
      const count = (bytes: number) => onBytes?.((done += bytes), total);
      for (const [index, { entry, to }] of chosen.entries()) {
        await mkdir(dirname(to), { recursive: true });
        if (index === 0) await requireSpace(to, total);
        await extractOne(zip, entry, to, count, signal);
      }
      return chosen.map(({ to }) => to);
    } finally {
      zip.close();
    }
  } catch (error) {
    if (signal?.aborted) throw downloadCancelled();
    if (error instanceof UserError) throw error;
    if ((error as NodeJS.ErrnoException).code) throw diskFull(error, wheel);
    throw damaged(wheel, error);
  }
}

const damaged = (wheel: string, cause?: unknown) =>
  new UserError(
    'base-checksum',
    msg`${wheel} is damaged${cause instanceof Error ? ` (${cause.message})` : ''}.`,
    msg`Delete it and run the same command again.`,
    { cause },
  );

async function extractOne(
  zip: yauzl.ZipFile,
  entry: yauzl.Entry,
  to: string,
  count: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const staged = temporaryPath(to);
  // zlib.crc32 is missing before Node 20.15; without it, the wheel's SHA-256, which was checked, must suffice.
  let crc = 0;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      crc = zlib.crc32?.(chunk, crc) ?? entry.crc32;
      count(chunk.length);
      next(null, chunk);
    },
  });
  try {
    await pipeline(
      await zip.openReadStreamPromise(entry),
      check,
      createWriteStream(staged, { highWaterMark: 1 << 20 }),
      signal ? { signal } : {},
    );
    if (crc >>> 0 !== entry.crc32 >>> 0) throw new Error(`${entry.fileName}: wrong CRC-32`);
    await renamePatiently(staged, to);
  } catch (error) {
    await rm(staged, { force: true });
    throw error;
  }
}

/** Packages for a cluster: zip files named by their content, so that an existing one is not uploaded again. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { ZipFile } from 'yazl';

export interface PackedFile {
  /** Name in the zip, with forward slashes. */
  name: string;
  /** Path of a local file, or the content itself. */
  from: string | Buffer;
}

export interface Package {
  /** "forget-me-not-0.1.0-8f14e45fceea167a.zip" */
  name: string;
  files: PackedFile[];
}

/** Keeps the date and time zone out of a zip, whose times are local. */
const epoch = () => new Date(1990, 0, 1);

/**
 * Names a package by the names and contents of its files, in any order, rather than by the zip's bytes, which differ
 * between versions of zlib. `prefix`: start of the name.
 */
export async function describePackage(prefix: string, files: readonly PackedFile[]): Promise<Package> {
  const sorted = files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const digest = createHash('sha256');
  for (const { name, from } of sorted) {
    const size = Buffer.isBuffer(from) ? from.length : (await stat(from)).size;
    digest.update(`${name}\n${size}\n`);
    if (Buffer.isBuffer(from)) digest.update(from);
    else for await (const chunk of createReadStream(from)) digest.update(chunk as Buffer);
  }
  return { name: `${prefix}-${digest.digest('hex').slice(0, 16)}.zip`, files: sorted };
}

/** The zip of a package; deterministic for the same zlib. */
export async function zip({ files }: Package): Promise<Buffer> {
  const archive = new ZipFile();
  const failed = new Promise<never>((_, reject) => archive.on('error', reject));
  const options = { mtime: epoch(), mode: 0o100644, forceDosTimestamp: true };
  for (const { name, from } of files)
    if (Buffer.isBuffer(from)) archive.addBuffer(from, name, options);
    else archive.addFile(from, name, options);
  archive.end();
  const readAll = async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of archive.outputStream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  };
  return Promise.race([readAll(), failed]);
}

/** Packages for a cluster: zips named by their content, so one that is there is not sent again. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { ZipFile } from 'yazl';

export interface PackedFile {
  /** In the zip, with forward slashes. */
  name: string;
  /** A file on this disk, or the content itself. */
  from: string | Buffer;
}

export interface Package {
  /** "forget-me-not-0.1.0-8f14e45fceea167a.zip" */
  name: string;
  files: PackedFile[];
  /** Of all files, before packing. */
  bytes: number;
}

/** Nothing of the day or the time zone gets into a zip, whose times are local ones. */
const epoch = () => new Date(1990, 0, 1);

/**
 * Names a package by names and contents of its files, whatever their order. Not by the zip's bytes, which differ
 * between versions of zlib. `prefix`: begins the name.
 */
export async function describePackage(prefix: string, files: readonly PackedFile[]): Promise<Package> {
  const sorted = files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const digest = createHash('sha256');
  let bytes = 0;
  for (const { name, from } of sorted) {
    const size = Buffer.isBuffer(from) ? from.length : (await stat(from)).size;
    digest.update(`${name}\n${size}\n`);
    if (Buffer.isBuffer(from)) digest.update(from);
    else for await (const chunk of createReadStream(from)) digest.update(chunk as Buffer);
    bytes += size;
  }
  return { name: `${prefix}-${digest.digest('hex').slice(0, 16)}.zip`, files: sorted, bytes };
}

/** The zip of a package: the same bytes for the same files with the same zlib. */
export async function zip({ files }: Package): Promise<Buffer> {
  const archive = new ZipFile();
  const failed = new Promise<never>((_, reject) => archive.on('error', reject));
  const how = { mtime: epoch(), mode: 0o100644, forceDosTimestamp: true };
  for (const { name, from } of files)
    if (Buffer.isBuffer(from)) archive.addBuffer(from, name, how);
    else archive.addFile(from, name, how);
  archive.end();
  const read = async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of archive.outputStream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  };
  return Promise.race([read(), failed]);
}

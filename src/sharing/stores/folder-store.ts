/** Published adapters in a folder, such as one that a team shares. */
import { createWriteStream, existsSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openRegular, readBytes } from '../../platform/files/regular-file.ts';
import { removeFolder, renamePatiently } from '../../platform/files/write-file.ts';
import { isSharedName, MANIFEST } from '../../protocol/sharing.ts';
import { folderNames } from '../../runs/index.ts';
import { makeTemporaryFolder } from '../../runs/temporary-folders.ts';
import {
  notPublished,
  cancelledError,
  versionTaken,
  parseVersions,
  type Outgoing,
  type Place,
  type Store,
  type Transfer,
} from './store.ts';
import { ignoreMissing } from '../../runs/file-mark.ts';

export class FolderStore implements Store {
  readonly label: string;

  constructor(folder: string) {
    this.label = resolve(folder);
  }

  async names(): Promise<string[]> {
    return (await folderNames(this.label)).filter(isSharedName).sort();
  }

  async versions(name: string): Promise<number[]> {
    return parseVersions(await folderNames(join(this.label, name)));
  }

  async manifest(name: string, version: number, most: number): Promise<Buffer | undefined> {
    return readBytes(join(this.label, name, String(version), MANIFEST), most).catch(ignoreMissing);
  }

  async download({ name, version, path }: Place, to: string, { signal, onBytes }: Transfer) {
    try {
      const file = await openRegular(join(this.label, name, String(version), path));
      const counted = async function* (chunks: AsyncIterable<Buffer>) {
        let done = 0;
        for await (const chunk of chunks) {
          onBytes?.((done += chunk.length));
          yield chunk;
        }
      };
      await pipeline(file.createReadStream(), counted, createWriteStream(to), { signal });
    } catch (error) {
      if (signal?.aborted) throw cancelledError();
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw notPublished(this.label, `${path} of ${name} version ${version}`);
    }
  }

  /** Copied under another name, then renamed, so that a version is either complete or absent. */
  async publish(name: string, version: number, files: readonly Outgoing[], { signal, onBytes }: Transfer) {
    const parent = join(this.label, name);
    const target = join(parent, String(version));
    // Unlike other temporary folders, it is readable by everybody.
    const temporary = await makeTemporaryFolder(this.label, 'publishing', 0o777);
    try {
      let done = 0;
      for (const { path, source, bytes } of files) {
        if (signal?.aborted) throw cancelledError();
        await copyFile(source, join(temporary, path));
        onBytes?.((done += bytes));
      }
      await mkdir(parent, { recursive: true });
      await renamePatiently(temporary, target).catch((error: unknown) => {
        throw existsSync(target) ? versionTaken(this.label, name, version) : error;
      });
    } catch (error) {
      await removeFolder(temporary).catch(() => undefined);
      throw error;
    }
  }
}

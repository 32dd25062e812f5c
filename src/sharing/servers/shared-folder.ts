/** The folder through which adapters reach a server: its path here, and on the server. */
import { existsSync } from 'node:fs';
import { mkdir, readlink, rm, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '../../text/errors.ts';
import { isSharedName } from '../../protocol/sharing.ts';
import { PEFT_CONFIG, PEFT_WEIGHTS } from '../../weights/peft.ts';
import { removeFolder } from '../../platform/files/write-file.ts';

/** The adapter's name, from that of its folder. */
const nameIn = (folder: string): string => folder.slice(0, -13);

export class SharedFolder {
  private constructor(
    readonly localPath: string,
    /** Its path on the server. */
    readonly serverPath: string,
  ) {}

  /** Reads `FOLDER[=PATH_ON_SERVER]`. Errors: bad-argument. */
  static parse(text: string): SharedFolder {
    const [, localPath = '', serverPath] = /^([^=]+)(?:=(.+))?$/.exec(text) ?? [];
    if (localPath)
      return new SharedFolder(
        resolve(localPath),
        (serverPath ?? resolve(localPath)).replace(/(?<=.)[\\/]+$/, ''),
      );
    throw new UserError(
      'bad-argument',
      `"${text}" is not FOLDER or FOLDER=PATH_ON_SERVER.`,
      'Write, for example, --shared /mnt/team/lora=/data/lora.',
    );
  }

  /**
   * Name of an adapter's folder. Contains its weights' checksum, because vLLM caches results by path: those of other
   * weights under the same path would be mixed up.
   */
  static folderOf = (name: string, sha256: string): string => `${name}-${sha256.slice(0, 12)}`;

  /** Whether the adapter was written completely before. */
  has(folder: string): boolean {
    return [PEFT_CONFIG, PEFT_WEIGHTS].every((file) => existsSync(join(this.localPath, folder, file)));
  }

  pathHere = (folder: string): string => join(this.localPath, folder);
  pathThere = (folder: string): string => `${this.serverPath}/${folder}`;

  /** The folder's name, from its path on the server or that of its link, if it was written for this adapter. */
  async ownFolder(name: string, path: string): Promise<string | undefined> {
    const prefix = `${this.serverPath}/`;
    const found = path.startsWith(prefix) ? path.slice(prefix.length) : '';
    const folder = found === name ? await this.linked(name) : found;
    return isSharedName(folder) && /-[0-9a-f]{12}$/.test(folder) && nameIn(folder) === name
      ? folder
      : undefined;
  }

  /**
   * Links the adapter's name to its folder, where vLLM's resolver looks for it after a restart. On file systems without
   * links, the adapter is just not found again automatically.
   */
  async link(name: string, folder: string): Promise<void> {
    await this.unlink(name);
    await symlink(folder, join(this.localPath, name), 'dir').catch(() => undefined);
  }

  async unlink(name: string): Promise<void> {
    if (await this.linked(name)) await rm(join(this.localPath, name), { force: true });
  }

  /** Empty if there is no such link. */
  private linked(name: string): Promise<string> {
    return readlink(join(this.localPath, name)).catch(() => '');
  }

  /** Also removes the link to it. */
  async remove(folder: string): Promise<void> {
    const name = nameIn(folder);
    if ((await this.linked(name)) === folder) await this.unlink(name);
    await removeFolder(join(this.localPath, folder));
  }

  async make(): Promise<void> {
    await mkdir(this.localPath, { recursive: true });
  }
}

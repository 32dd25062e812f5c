/** A GGUF file from the Hugging Face hub. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseGgufShardFilename } from '@huggingface/gguf';
import { megabytes } from '../platform/files/disk.ts';
import { msg, UserError } from '../text/errors.ts';
import { modelsDir } from '../platform/files/paths.ts';
import { confirmDownload, type ResolveOptions } from './resolve-options.ts';
import { fetchHubFile, listHubFiles, notOnHub, safeParts, type HubFile } from './hub-files.ts';
import { sizeOf } from '../platform/network/download.ts';

export interface HubReference {
  owner: string;
  name: string;
  /** Path in the repository. */
  file?: string;
  /** The file's checksum, if known. Default: the one that the hub gives. */
  sha256?: string | undefined;
}

/** Parses `owner/name[:file]`; undefined for anything else, such as a path to a .gguf file. */
export function parseHubReference(reference: string): HubReference | undefined {
  const [, owner, name, file] = /^([\w-][\w.-]*)\/([\w-][\w.-]*)(?::(.+))?$/.exec(reference) ?? [];
  if (!owner || !name || (!file && /\.gguf$/i.test(name))) return undefined;
  return file ? { owner, name, file } : { owner, name };
}

/**
 * Local path of a hub file, downloaded or not. Throws UserError `hub-not-found` for a path that leads out of the models
 * folder.
 */
export const hubPath = ({ owner, name, file }: { owner: string; name: string; file: string }): string =>
  join(modelsDir(), 'hub', owner, name, ...safeParts(file));

/**
 * Returns the file's path in the models folder, downloading it if necessary. An interrupted download is resumed. The
 * file is checked against `reference.sha256`, or else the hub's checksum, before it is renamed to its final name.
 * Throws UserError `hub-not-found`, `network`, `disk-full`, `base-checksum` or `cancelled`.
 */
export async function fetchFromHub(
  reference: HubReference,
  options: ResolveOptions,
): Promise<{ id: string; path: string }> {
  const repo = `${reference.owner}/${reference.name}`;
  const folder = join(modelsDir(), 'hub', reference.owner, reference.name);
  const local = (file: string) => ({ id: `${repo}:${file}`, path: hubPath({ ...reference, file }) });
  if (reference.file && (await sizeOf(local(reference.file).path)) > 0) return local(reference.file);

  options.onProgress?.({ phase: 'resolving', what: repo, done: 0, total: 0 });
  let files: HubFile[];
  try {
    files = await listGgufFiles(repo, options);
  } catch (error) {
    // Offline, use the file that was downloaded before, if there is exactly one.
    const [only, ...others] = reference.file ? [] : await downloadedFiles(folder);
    if (error instanceof UserError && error.code === 'network' && only && !others.length) return local(only);
    throw error;
  }
  const file = chooseFile(repo, files, reference.file);
  if (file.lfs && reference.sha256 && file.lfs.oid !== reference.sha256)
    throw differentFile(`${repo}:${file.path}`);
  const target = local(file.path);
  if ((await sizeOf(target.path)) > 0) return target;
  await confirmDownload(options, { what: target.id, bytes: file.size });
  await fetchHubFile({ type: 'model', name: repo }, file, target.path, {
    ...options,
    sha256: reference.sha256,
    damaged,
  });
  return target;
}

async function downloadedFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.endsWith('.gguf'));
}

async function listGgufFiles(repo: string, { signal }: ResolveOptions): Promise<HubFile[]> {
  // Leave out sharded models, whose files only work together.
  const isSingleFile = (path: string) => /\.gguf$/i.test(path) && !parseGgufShardFilename(path);
  return await listHubFiles({ type: 'model', name: repo }, isSingleFile, signal);
}

const damaged = ({ path }: HubFile) =>
  new UserError(
    'base-checksum',
    msg`${path} does not have the expected checksum.`,
    msg`Run the same command again; if that does not help, the file on the hub or its mirror is damaged.`,
  );

const differentFile = (id: string) =>
  new UserError(
    'base-checksum',
    msg`The hub's ${id} is not the file that we know by this name: its checksum differs.`,
    msg`Give --base ${id} to use it as it is now, or check that HF_ENDPOINT is a mirror you trust.`,
  );

function chooseFile(repo: string, files: HubFile[], requested: string | undefined): HubFile {
  const list = files.map(({ path, size }) => `${path} (${megabytes(size)})`).join(', ');
  if (files.length === 0)
    throw notOnHub(
      repo,
      'contains no complete GGUF file',
      msg`Choose a repository with a single-file .gguf, often named ...-GGUF.`,
    );
  if (requested) {
    const file = files.find(({ path }) => path === requested);
    if (!file)
      throw notOnHub(
        `${repo}:${requested}`,
        msg`does not exist on the hub`,
        msg`The repository has: ${list}.`,
      );
    return file;
  }
  const [only, ...others] = files;
  if (others.length)
    throw notOnHub(
      repo,
      'contains several GGUF files, and none was named',
      msg`Name one as ${repo}:FILE. It has: ${list}.`,
    );
  return only!;
}

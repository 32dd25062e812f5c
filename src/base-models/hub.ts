/** A GGUF file from the Hugging Face hub. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseGgufShardFilename } from '@huggingface/gguf';
import { UserError } from '../protocol/errors.ts';
import { modelsDir } from '../protocol/paths.ts';
import { ask, type ResolveOptions } from './ask.ts';
import { fetchHubFile, listHubFiles, notOnHub, safeParts, type HubFile } from './hub-files.ts';
import { megabytes, sizeOf } from './pypi/download.ts';

export interface HubReference {
  owner: string;
  name: string;
  /** Path in the repository. */
  file?: string;
  /** What the file must be, where that is known. Default: what the hub says it is. */
  sha256?: string | undefined;
}

/** `owner/name[:file]`; undefined for anything else, a path to a .gguf file included. */
export function parseHubReference(reference: string): HubReference | undefined {
  const [, owner, name, file] = /^([\w-][\w.-]*)\/([\w-][\w.-]*)(?::(.+))?$/.exec(reference) ?? [];
  if (!owner || !name || (!file && /\.gguf$/i.test(name))) return undefined;
  return file ? { owner, name, file } : { owner, name };
}

/** Where a file of the hub lies or will lie. Throws `hub-not-found` for a name that leads elsewhere. */
export const hubPath = ({ owner, name, file }: { owner: string; name: string; file: string }): string =>
  join(modelsDir(), 'hub', owner, name, ...safeParts(file));

/**
 * Returns the file's place in the models folder, at once when it is there. A broken download goes on where it
 * stopped; the file is checked against the hub's own sha256 before it gets its name.
 * Throws UserError `hub-not-found`, `network`, `disk-full`, `base-checksum` or `cancelled`.
 */
export async function fetchFromHub(
  reference: HubReference,
  options: ResolveOptions,
): Promise<{ id: string; path: string }> {
  const repo = `${reference.owner}/${reference.name}`;
  const folder = join(modelsDir(), 'hub', reference.owner, reference.name);
  const here = (file: string) => ({ id: `${repo}:${file}`, path: hubPath({ ...reference, file }) });
  if (reference.file && (await sizeOf(here(reference.file).path)) > 0) return here(reference.file);

  options.onProgress?.({ phase: 'resolving', what: repo, done: 0, total: 0 });
  let files: HubFile[];
  try {
    files = await listGgufFiles(repo, options);
  } catch (error) {
    // Away from the network, what was fetched before will do.
    const [only, ...others] = reference.file ? [] : await fetchedBefore(folder);
    if (error instanceof UserError && error.code === 'network' && only && !others.length) return here(only);
    throw error;
  }
  const file = chooseFile(repo, files, reference.file);
  if (file.lfs && reference.sha256 && file.lfs.oid !== reference.sha256)
    throw anotherFile(`${repo}:${file.path}`);
  const target = here(file.path);
  if ((await sizeOf(target.path)) > 0) return target;
  await ask(options, { what: target.id, bytes: file.size });
  await fetchHubFile({ type: 'model', name: repo }, file, target.path, {
    ...options,
    sha256: reference.sha256,
    damaged,
  });
  return target;
}

async function fetchedBefore(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.endsWith('.gguf'));
}

async function listGgufFiles(repo: string, { signal }: ResolveOptions): Promise<HubFile[]> {
  // A model in parts is several files that only make sense together.
  const whole = (path: string) => /\.gguf$/i.test(path) && !parseGgufShardFilename(path);
  return await listHubFiles({ type: 'model', name: repo }, whole, signal);
}

const damaged = ({ path }: HubFile) =>
  new UserError(
    'base-checksum',
    `${path} does not have the checksum that is known for it.`,
    'Run the same command again; if it stays so, the file on the hub or its mirror is damaged.',
  );

const anotherFile = (id: string) =>
  new UserError(
    'base-checksum',
    `The hub's ${id} is not the file that is known by this name: its checksum is another.`,
    `Give --base ${id} to take it as it is now, or look whether HF_ENDPOINT names a mirror you trust.`,
  );

function chooseFile(repo: string, files: HubFile[], wanted: string | undefined): HubFile {
  const list = files.map(({ path, size }) => `${path} (${megabytes(size)})`).join(', ');
  if (files.length === 0)
    throw notOnHub(
      repo,
      'holds no GGUF file that is whole',
      'Choose a repository with a single-file .gguf, often named ...-GGUF.',
    );
  if (wanted) {
    const file = files.find(({ path }) => path === wanted);
    if (!file)
      throw notOnHub(`${repo}:${wanted}`, 'does not exist on the hub', `The repository has: ${list}.`);
    return file;
  }
  const [only, ...others] = files;
  if (others.length)
    throw notOnHub(
      repo,
      'holds several GGUF files, and none was named',
      `Name one as ${repo}:FILE. It has: ${list}.`,
    );
  return only!;
}

/** A GGUF file from the Hugging Face hub, or from a mirror that HF_ENDPOINT names. HF_TOKEN signs in where it is set. */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseGgufShardFilename } from '@huggingface/gguf';
import { HubApiError, listFiles, type ListFileEntry } from '@huggingface/hub';
import { UserError } from '../protocol/errors.ts';
import { modelsDir } from '../protocol/paths.ts';
import { ask, type ResolveOptions } from './ask.ts';
import { diskFull, download, megabytes, Refused, sha256Of, sizeOf } from './pypi/download.ts';
import { withLock } from './pypi/lock.ts';

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

const endpoint = () => (process.env['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, '');
const token = () => process.env['HF_TOKEN'] || undefined;
const HUB_ANSWERS_MS = 3000;

/** Whether the hub, or the mirror in its place, answers at all. */
export async function hubAnswers(): Promise<boolean> {
  try {
    await fetch(endpoint(), {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(HUB_ANSWERS_MS),
    });
    return true;
  } catch {
    return false;
  }
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
  let files: ListFileEntry[];
  try {
    files = await listGgufFiles(repo, options);
  } catch (error) {
    // Away from the network, what was fetched before will do.
    const [only, ...others] = reference.file ? [] : await fetchedBefore(folder);
    if (error instanceof UserError && error.code === 'network' && only && !others.length) return here(only);
    throw error;
  }
  const file = chooseFile(repo, files, reference.file);
  const expected = reference.sha256 ?? file.lfs?.oid;
  if (file.lfs && file.lfs.oid !== expected) throw anotherFile(`${repo}:${file.path}`);
  const target = here(file.path);
  if ((await sizeOf(target.path)) > 0) return target;
  await ask(options, { what: target.id, bytes: file.size });
  const { onProgress, signal } = options;
  await withLock(target.path, () => fetchFile(repo, { ...file, expected }, target.path, options), {
    signal,
    onWait: () =>
      onProgress?.({
        phase: 'waiting',
        what: `${file.path}: another process is downloading it`,
        done: 0,
        total: 0,
      }),
  });
  return target;
}

/** A server, or a reference, must not lead outside the models folder. */
function safeParts(file: string): string[] {
  const parts = file.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..' || /[\\:\0]/.test(part)))
    throw new UserError(
      'hub-not-found',
      `"${file}" is no file name that a repository can have.`,
      'Check the part after the colon.',
    );
  return parts;
}

async function fetchedBefore(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.endsWith('.gguf'));
}

async function listGgufFiles(repo: string, { signal }: ResolveOptions): Promise<ListFileEntry[]> {
  const accessToken = token();
  const files: ListFileEntry[] = [];
  try {
    const listing = listFiles({
      repo,
      recursive: true,
      hubUrl: endpoint(),
      fetch: (input, init) => fetch(input, { ...init, signal: signal ?? null }),
      ...(accessToken ? { accessToken } : {}),
    });
    for await (const entry of listing)
      if (entry.type === 'file' && /\.gguf$/i.test(entry.path)) files.push(entry);
  } catch (error) {
    if (signal?.aborted) throw new UserError('cancelled', 'The download was cancelled.', 'Start it again.');
    throw asUserError(error, repo);
  }
  // A model in parts is several files that only make sense together.
  return files.filter(({ path }) => !parseGgufShardFilename(path));
}

function asUserError(error: unknown, what: string): UserError {
  const status =
    error instanceof HubApiError
      ? error.statusCode
      : Number(/^HTTP (\d+)/.exec((error as Error).message)?.[1]);
  if (status === 404)
    return notFound(what, 'does not exist on the hub', 'Check the name: owner/name[:file].');
  if (status === 401 || status === 403)
    return notFound(
      what,
      'does not exist on the hub or needs a sign-in',
      'Check the name, or set HF_TOKEN to a token that may read it.',
    );
  const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
  const why = Number.isInteger(status) ? `HTTP ${status}` : (cause?.code ?? (error as Error).message);
  return new UserError(
    'network',
    `The hub could not be reached (${why}).`,
    'Check the connection or HF_ENDPOINT, then run the same command again.',
    {
      cause: error,
    },
  );
}

const notFound = (what: string, why: string, next: string) =>
  new UserError('hub-not-found', `${what} ${why}.`, next);

const anotherFile = (id: string) =>
  new UserError(
    'base-checksum',
    `The hub's ${id} is not the file that is known by this name: its checksum is another.`,
    `Give --base ${id} to take it as it is now, or look whether HF_ENDPOINT names a mirror you trust.`,
  );

function chooseFile(repo: string, files: ListFileEntry[], wanted: string | undefined): ListFileEntry {
  const list = files.map(({ path, size }) => `${path} (${megabytes(size)})`).join(', ');
  if (files.length === 0)
    throw notFound(
      repo,
      'holds no GGUF file that is whole',
      'Choose a repository with a single-file .gguf, often named ...-GGUF.',
    );
  if (wanted) {
    const file = files.find(({ path }) => path === wanted);
    if (!file)
      throw notFound(`${repo}:${wanted}`, 'does not exist on the hub', `The repository has: ${list}.`);
    return file;
  }
  const [only, ...others] = files;
  if (others.length)
    throw notFound(
      repo,
      'holds several GGUF files, and none was named',
      `Name one as ${repo}:FILE. It has: ${list}.`,
    );
  return only!;
}

async function fetchFile(
  repo: string,
  file: ListFileEntry & { expected: string | undefined },
  target: string,
  { onProgress, signal }: ResolveOptions,
): Promise<void> {
  if ((await sizeOf(target)) > 0) return;
  await mkdir(dirname(target), { recursive: true });
  const { expected } = file;
  // Named by content: the beginning of another version is never gone on with.
  const part = `${target}.${(expected ?? file.oid ?? '').slice(0, 12)}.part`;
  const url = `${endpoint()}/${repo}/resolve/main/${file.path.split('/').map(encodeURIComponent).join('/')}`;
  const accessToken = token();
  try {
    await download(url, part, {
      signal,
      ...(accessToken ? { headers: { authorization: `Bearer ${accessToken}` } } : {}),
      onBytes: (done, total) =>
        onProgress?.({ phase: 'downloading', what: file.path, done, total: total || file.size }),
    });
  } catch (error) {
    throw error instanceof Refused ? asUserError(error, `${repo}:${file.path}`) : diskFull(error, part);
  }
  const total = await sizeOf(part);
  const right =
    total === file.size &&
    (!expected ||
      (await sha256Of(part, (done) => onProgress?.({ phase: 'checking', what: file.path, done, total }))) ===
        expected);
  if (!right) {
    await rm(part, { force: true });
    throw new UserError(
      'base-checksum',
      `${file.path} does not have the checksum that is known for it.`,
      'Run the same command again; if it stays so, the file on the hub or its mirror is damaged.',
    );
  }
  await rename(part, target);
}

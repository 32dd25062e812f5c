/** Finds the files of a data set by its name: on disk, or on the hub, from which they are downloaded if necessary. */
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join, resolve, sep } from 'node:path';
import { confirmDownload, type ResolveOptions } from '../../base-models/resolve-options.ts';
import { fetchHubFile, listHubFiles, safeParts, type HubFile } from '../../base-models/hub-files.ts';
import { UserError } from '../../text/errors.ts';
import { cacheDir } from '../../platform/files/paths.ts';
import { chooseFiles, isDataFile, NoSuchFiles } from './choose.ts';

export interface DataFile {
  path: string;
  /** For display. */
  name: string;
  /** Number of files in the data set. */
  count: number;
}

/**
 * Finds the files of `./file.jsonl`, `./folder` or `owner/name[:path or split]`, in order of their names.
 * Errors: corpus-unreadable, corpus-empty, hub-not-found, network, disk-full, cancelled.
 */
export async function* findFiles(reference: string, options: ResolveOptions): AsyncGenerator<DataFile> {
  const path = localDataSet(reference);
  if (path !== undefined) yield* localFiles(path);
  else {
    const hub = parseDataSetReference(reference);
    if (!hub)
      throw new UserError(
        'corpus-unreadable',
        `There is no data set "${reference}": it is neither a file nor a folder.`,
        'Give a .jsonl, .json or .parquet file, a folder of them, or owner/name[:path or split] on the hub.',
      );
    yield* hubFiles(hub, options);
  }
}

/** Absolute path of a local data set; undefined if it does not exist and may be on the hub. */
export function localDataSet(reference: string): string | undefined {
  const path = resolve(reference.replace(/^~(?=\/)/, homedir()));
  return existsSync(path) ? path : undefined;
}

/** Parses `owner/name[:path or split]`; undefined for anything else, such as a path to a file. */
export function parseDataSetReference(
  reference: string,
): { repository: string; selector?: string } | undefined {
  const [, repository, selector] = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?::(.+))?$/.exec(reference) ?? [];
  if (!repository || (!selector && isDataFile(repository))) return undefined;
  return selector ? { repository, selector } : { repository };
}

async function* localFiles(path: string): AsyncGenerator<DataFile> {
  if (!(await stat(path)).isDirectory()) {
    if (!isDataFile(path))
      throw new UserError(
        'corpus-unreadable',
        `${path} is not a data set: only .jsonl, .json (also with .gz) and .parquet can be read.`,
        'Convert it, or give another file.',
      );
    yield { path, name: basename(path), count: 1 };
    return;
  }
  const selection = selectFiles(path, await filesUnder(path));
  for (const name of selection) yield { path: join(path, name), name, count: selection.length };
}

async function* hubFiles(
  { repository, selector }: { repository: string; selector?: string },
  options: ResolveOptions,
): AsyncGenerator<DataFile> {
  const folder = join(cacheDir(), 'datasets', ...repository.split('/'));
  const what = { type: 'dataset', name: repository } as const;
  options.onProgress?.({ phase: 'resolving', what: repository, done: 0, total: 0 });
  let files: Map<string, HubFile> | undefined;
  try {
    const entries = await listHubFiles(what, isDataFile, options.signal);
    files = new Map(entries.map((file) => [file.path, file]));
  } catch (error) {
    // Offline, use what was downloaded before.
    if (!(error instanceof UserError && error.code === 'network' && existsSync(folder))) throw error;
  }
  const selection = selectFiles(repository, files ? [...files.keys()] : await filesUnder(folder), selector);
  for (const name of selection) {
    const path = join(folder, ...safeParts(name));
    const file = files?.get(name);
    if (file && !existsSync(path)) {
      await confirmDownload(options, { what: `${repository}:${name}`, bytes: file.size });
      await fetchHubFile(what, file, path, { ...options, damaged });
    }
    yield { path, name, count: selection.length };
  }
}

const damaged = ({ path }: HubFile) =>
  new UserError(
    'corpus-unreadable',
    `${path} does not have the checksum that the hub gives for it.`,
    'Run the same command again; if that does not help, the file on the hub or its mirror is damaged.',
  );

/** Data files under a folder, with "/" between names. */
async function filesUnder(folder: string): Promise<string[]> {
  const paths = await readdir(folder, { recursive: true });
  return paths.map((path) => path.split(sep).join('/')).filter(isDataFile);
}

function selectFiles(dataSet: string, paths: string[], selector?: string): string[] {
  try {
    return chooseFiles(paths, selector);
  } catch (error) {
    if (!(error instanceof NoSuchFiles)) throw error;
    const what = selector ? `${dataSet}:${selector}` : dataSet;
    throw new UserError('corpus-empty', `${what} ${error.message}.`, error.next);
  }
}

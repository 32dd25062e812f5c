/**
 * Entry: `node dist/indexer.mjs FOLDER...`, a child of the extension host: keeps an index of the folders and selects
 * the parts of them that belong in a prompt (src/protocol/repository.ts). Ends with its parent.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { innermost, pathWithin } from '../corpus/reading/folders.ts';
import { reportError } from '../text/errors.ts';
import { callsOver } from '../platform/processes/calls.ts';
import { lowerPriority } from '../platform/processes/low-priority.ts';
import type { Asked, IndexerCalls, IndexerOwnerCalls, Part } from '../protocol/repository.ts';
import { FolderIndex } from './folder-index.ts';
import { SymbolParser } from './parser.ts';
import { deleteOldIndexes } from './store.ts';

const warn = (message: string): void => void owner.warning.asEvent(message);

const stop = new AbortController();
let begin: (indexes: readonly OpenIndex[]) => void;
const opened = new Promise<readonly OpenIndex[]>((done) => (begin = done));

const owner = callsOver<IndexerOwnerCalls, IndexerCalls>(process, {
  changed: async (files) => change(await opened, files, (index, own) => index.changed(own)),
  document: async (file, text) => change(await opened, [file], (index) => index.document(file, text)),
  parts: async (root, asked) => partsFor(await opened, root, asked),
});

async function main(folders: readonly string[]): Promise<void> {
  let indexes: FolderIndex[] = [];
  process.on('disconnect', () => {
    stop.abort();
    void Promise.allSettled(indexes.map((index) => index.close())).then(() => process.exit());
  });
  lowerPriority();
  const grammars = fileURLToPath(new URL('./grammars', import.meta.url));
  const options = {
    parser: await SymbolParser.open({ folder: grammars, onProblem: warn }),
    signal: stop.signal,
    onProblem: warn,
  };
  const found = await Promise.all(folders.map((folder) => open(folder, options)));
  indexes = found.filter((index) => index !== undefined);
  begin(indexes.map((index) => ({ index, path: index.folder })));
  for (const index of indexes) await scan(index);
  await deleteOldIndexes();
}

type OpenIndex = { index: FolderIndex; path: string };

async function open(
  folder: string,
  options: Parameters<typeof FolderIndex.open>[1],
): Promise<FolderIndex | undefined> {
  return FolderIndex.open(folder, options).catch((error: unknown) => {
    warn(`${folder} is not indexed: ${reportError(error).message}`);
    return undefined;
  });
}

async function scan(index: FolderIndex): Promise<void> {
  try {
    const { files, read, seconds } = await index.scan();
    const memoryBytes = process.memoryUsage.rss();
    void owner.indexed.asEvent({ folder: index.folder, files, read, seconds, memoryBytes });
  } catch (error) {
    if (!stop.signal.aborted) warn(`${index.folder} is not indexed: ${reportError(error).message}`);
  }
}

/** Resolves once it is applied. */
async function change(
  indexes: readonly OpenIndex[],
  files: readonly string[],
  apply: (index: FolderIndex, own: string[]) => Promise<void>,
): Promise<void> {
  const applied = indexes.map(async ({ index }) => {
    const own = files.filter((file) => pathWithin(index.folder, file) !== undefined);
    if (own.length > 0)
      await apply(index, own).catch((error: unknown) =>
        warn(`A change was not taken: ${reportError(error).message}`),
      );
  });
  await Promise.all(applied);
}

/** Names files like the caller: relative to `root`. */
function partsFor(indexes: readonly OpenIndex[], root: string, asked: Asked): Part[] {
  try {
    const found = innermost(indexes, join(root, asked.path));
    if (!found) return [];
    const { index } = found.folder;
    const within = (path: string) => pathWithin(index.folder, join(root, path)) ?? path;
    const edits = asked.edits.map(({ path, text }) => ({ path: within(path), text }));
    return index.parts({ ...asked, path: found.path, edits }).map((part) => ({
      ...part,
      filename: pathWithin(root, join(index.folder, part.filename)) ?? part.filename,
    }));
  } catch (error) {
    warn(`No parts for ${asked.path}: ${reportError(error).message}`);
    return [];
  }
}

void main(process.argv.slice(2)).catch((error: unknown) => {
  warn(`The index has ended: ${reportError(error).message}`);
  process.exit(1);
});

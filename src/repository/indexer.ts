/**
 * Entry: `node dist/indexer.mjs FOLDER...`, a child of the extension host: keeps an index of the folders and answers
 * which parts of them belong into a prompt (src/protocol/repository.ts, over Node's channel). Ends with its parent.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { innermost, pathWithin } from '../corpus/reading/folders.ts';
import { reportError } from '../text/errors.ts';
import { lowerPriority } from '../platform/processes/low-priority.ts';
import { toIndexerSchema, type FromIndexer, type Part, type ToIndexer } from '../protocol/repository.ts';
import { FolderIndex } from './folder-index.ts';
import { SymbolParser } from './parser.ts';
import { deleteOldIndexes } from './store.ts';

function send(message: FromIndexer): void {
  process.send?.(message);
}
const warn = (message: string): void => send({ type: 'warning', message });

async function main(folders: readonly string[]): Promise<void> {
  const stop = new AbortController();
  let indexes: FolderIndex[] = [];
  const waiting: unknown[] = [];
  let handle = (message: unknown) => void waiting.push(message);
  process.on('message', (message) => handle(message));
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
  const opened = await Promise.all(folders.map((folder) => open(folder, options)));
  indexes = opened.filter((index) => index !== undefined);
  const names = indexes.map((index) => ({ index, path: index.folder }));
  handle = (message) => {
    answer(names, message);
  };
  for (const message of waiting.splice(0)) handle(message);
  for (const index of indexes) await scan(index, stop.signal);
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

async function scan(index: FolderIndex, signal: AbortSignal): Promise<void> {
  try {
    const { files, read, seconds } = await index.scan();
    const memoryBytes = process.memoryUsage.rss();
    send({ type: 'indexed', folder: index.folder, files, read, seconds, memoryBytes });
  } catch (error) {
    if (!signal.aborted) warn(`${index.folder} is not indexed: ${reportError(error).message}`);
  }
}

function answer(indexes: readonly OpenIndex[], line: unknown): void {
  const parsed = toIndexerSchema.safeParse(line);
  if (!parsed.success) return warn(`An unknown message was left out: ${parsed.error.issues[0]?.message}`);
  const message = parsed.data;
  if (message.type === 'ask')
    return send({ type: 'parts', id: message.id, parts: partsFor(indexes, message) });
  const files = message.type === 'changed' ? message.files : [message.file];
  for (const { index } of indexes) {
    const own = files.filter((file) => pathWithin(index.folder, file) !== undefined);
    if (own.length === 0) continue;
    const work = message.type === 'changed' ? index.changed(own) : index.document(message.file, message.text);
    work.catch((error: unknown) => warn(`A change was not taken: ${reportError(error).message}`));
  }
}

/** Names files as the asker does: relative to `root`. */
function partsFor(
  indexes: readonly OpenIndex[],
  { root, asked }: Extract<ToIndexer, { type: 'ask' }>,
): Part[] {
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

/** Cursors of lines and of blocks in all code below a folder, which counts as held out. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findCursors, type Cursor } from '../src/cursors/cursors.ts';

const SOURCE = /\.(?:py|[cm]?[jt]sx?|go|rs|java|c|cc|cpp|cs|rb|php)$/;

export interface FolderCursor {
  cursor: Cursor;
  /** Of its whole file. */
  text: string;
}

/** Of `count` cursors, `lineShare` are of lines. */
export async function cursorsIn(folder: string, count: number, lineShare: number): Promise<FolderCursor[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => SOURCE.test(name)).sort();
  const texts = new Map<string, string>();
  for (const name of names) texts.set(name, await readFile(join(folder, name), 'utf8'));
  const documents = names.map((file) => ({ file, fromLine: 1, text: () => texts.get(file)! }));
  const line = Math.ceil(lineShare * count);
  return findCursors(documents, { line, block: count - line }).map((cursor) => ({
    cursor,
    text: texts.get(cursor.path)!,
  }));
}

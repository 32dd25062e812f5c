/** The index of one folder, kept in sync with the files on disk and in the editor. */
import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { SimilarWindows } from '../completion/index.ts';
import { decodeText } from '../corpus/reading/contents.ts';
import { pathWithin } from '../corpus/reading/folders.ts';
import { kindOf } from '../corpus/kinds.ts';
import { judgeName } from '../corpus/names.ts';
import { wouldWalk, walk } from '../corpus/reading/walk.ts';
import { reportError } from '../text/errors.ts';
import type { Asked, Part } from '../protocol/repository.ts';
import { WINDOW_LINES } from './candidates.ts';
import { chooseParts, type Shares } from './choose.ts';
import type { SymbolParser } from './parser.ts';
import { RepositoryIndex } from './repository-index.ts';
import { loadIndex, saveIndex } from './store.ts';

/** Larger files are data or generated. */
export const MAX_BYTES = 400_000;
/** Longer lines are data, too: a minified file has one. */
const MAX_LINE_CHARACTERS = 5000;
/** Limit of indexed files: each takes some KB. */
const MAX_INDEXED = 50_000;
/** After this many files, pending queries and changes are processed. */
const FILES_PER_TURN = 8;
/** Delay after the first change before the index is written. */
const SAVE_MS = 5 * 60_000;

export interface Scanned {
  files: number;
  /** Number of files that had to be read. */
  read: number;
  seconds: number;
}

export interface FolderIndexOptions {
  parser: SymbolParser;
  signal: AbortSignal;
  onProblem: (message: string) => void;
  /** Maximum number of indexed files; others are left out. Default: 50,000. */
  mostFiles?: number;
}

export class FolderIndex {
  readonly index = new RepositoryIndex();
  /** Unsaved text by path. */
  private readonly documents = new Map<string, string>();
  private readonly windows = new SimilarWindows(WINDOW_LINES);
  private saving: NodeJS.Timeout | undefined;
  /** Received texts that are not applied yet: only the newest one of each document counts. */
  private readonly pendingTexts = new Map<string, string | undefined>();
  /** Changes are applied one after the other, even during a scan. */
  private lastTurn: Promise<unknown> = Promise.resolve();
  private scanning: Promise<unknown> = Promise.resolve();
  private warnedFull = false;
  /** Whether the index on disk was loaded. */
  private loaded = false;

  private constructor(
    readonly folder: string,
    private readonly options: FolderIndexOptions,
  ) {}

  /** Throws if there is no such folder. */
  static async open(folder: string, options: FolderIndexOptions): Promise<FolderIndex> {
    // Not its real path: the editor names files as the user opened them.
    const path = resolve(folder);
    if (!(await stat(path)).isDirectory()) throw new Error('it is no folder');
    return new FolderIndex(path, options);
  }

  /** Reads what is new or changed since the index was written. Throws the signal's reason. */
  scan(): Promise<Scanned> {
    const next = this.scanning.then(() => this.scanNow());
    this.scanning = next.catch(() => undefined);
    return next;
  }

  private async scanNow(): Promise<Scanned> {
    const { signal } = this.options;
    const startedAt = performance.now();
    await this.load();
    const unseen = new Set(this.index.files.keys());
    let [read, walked] = [0, 0];
    for await (const entry of walk(this.folder, { signal })) {
      if ((walked += 1) % FILES_PER_TURN === 0) await setImmediate();
      if (!entry.in || !isIndexed(entry.path)) continue;
      unseen.delete(entry.path);
      if (!(await this.refresh(entry.path))) continue;
      read += 1;
      // So that a window closed before the end need not start over.
      this.saveSoon();
    }
    for (const path of unseen) if (!this.documents.has(path)) this.index.remove(path);
    if (read > 0 || unseen.size > 0) await this.save();
    return { files: this.index.size, read, seconds: (performance.now() - startedAt) / 1000 };
  }

  private async load(): Promise<void> {
    if (this.loaded) return;
    const kept = await loadIndex(this.folder);
    // Text received meanwhile is newer.
    for (const [path, file] of kept ?? []) if (!this.index.files.has(path)) this.index.update(path, file);
    this.loaded = true;
  }

  /** Reads a file if it has changed. Returns whether it did. */
  private async refresh(path: string): Promise<boolean> {
    const file = join(this.folder, path);
    const known = this.index.files.get(path);
    if (this.documents.has(path) || (!known && this.isFull())) return false;
    try {
      const found = await stat(file);
      if (known?.mtimeMs === found.mtimeMs && known.size === found.size) return false;
      const text = found.isFile() && found.size <= MAX_BYTES ? textOf(await readFile(file)) : undefined;
      // Its text was received meanwhile.
      if (this.documents.has(path)) return false;
      if (text !== undefined) await this.put(path, text, found);
      else if (known) this.index.remove(path);
      return text !== undefined;
    } catch {
      // It was removed or can't be read.
      if (known) this.index.remove(path);
      return known !== undefined;
    }
  }

  private isFull(): boolean {
    const { mostFiles = MAX_INDEXED, onProblem } = this.options;
    const full = this.index.size >= mostFiles;
    if (full && !this.warnedFull)
      onProblem(`${this.folder} has more than ${mostFiles} files: others are left out.`);
    this.warnedFull ||= full;
    return full;
  }

  private async put(path: string, text: string, { mtimeMs, size }: { mtimeMs: number; size: number }) {
    const symbols = await this.options.parser.symbolsIn(path, text);
    this.index.update(path, { ...symbols, mtimeMs, size });
  }

  /** Files or folders (absolute paths) that were changed, created or deleted. */
  changed(files: readonly string[]): Promise<void> {
    return this.inTurn(async () => {
      const paths = files.flatMap((file) => pathWithin(this.folder, file) ?? []);
      for (const path of paths) {
        if (/(?:^|\/)\.gitignore$/.test(path)) return void (await this.scan());
        await this.changedPath(path).catch((error: unknown) => {
          this.options.signal.throwIfAborted();
          this.options.onProblem(`${path} is not in the index: ${reportError(error).message}`);
        });
        await setImmediate();
      }
      if (paths.length > 0) this.saveSoon();
    });
  }

  private async changedPath(path: string): Promise<void> {
    const found = await stat(join(this.folder, path)).catch(() => undefined);
    if (!found) this.index.remove(path);
    else if (found.isDirectory()) await this.addFolder(path);
    else if (isIndexed(path) && (this.index.files.has(path) || (await wouldWalk(this.folder, path))))
      await this.refresh(path);
  }

  /** A folder that was moved or unpacked here. */
  private async addFolder(folder: string): Promise<void> {
    if (!(await wouldWalk(this.folder, `${folder}/`))) return;
    for await (const entry of walk(join(this.folder, folder), { signal: this.options.signal }))
      if (entry.in && isIndexed(entry.path)) await this.refresh(`${folder}/${entry.path}`);
  }

  /** The unsaved text of a document (absolute path); undefined: the file on disk counts again. */
  document(file: string, text: string | undefined): Promise<void> {
    const path = pathWithin(this.folder, file);
    if (path === undefined || !isIndexed(path)) return Promise.resolve();
    this.pendingTexts.set(path, text);
    return this.inTurn(() => this.applyDocument(path));
  }

  private async applyDocument(path: string): Promise<void> {
    if (!this.pendingTexts.has(path)) return;
    const text = this.pendingTexts.get(path);
    this.pendingTexts.delete(path);
    if (text === undefined) {
      this.documents.delete(path);
      await this.changedPath(path);
    } else if (this.index.files.has(path) || (await wouldWalk(this.folder, path))) {
      const plain = text.replaceAll('\r\n', '\n');
      this.documents.set(path, plain);
      // No file has this time, so the file is read again when the document is closed.
      if (text.length <= MAX_BYTES) await this.put(path, plain, { mtimeMs: -1, size: -1 });
    }
  }

  /** See chooseParts. Does not wait for changes that are being applied. */
  parts(question: Asked, shares?: Shares): Part[] {
    // Edits of ignored files and of files that aren't code are not shown.
    const edits = question.edits.filter(({ path }) => this.index.files.has(path) || this.documents.has(path));
    return chooseParts(
      { index: this.index, text: (path) => this.text(path), windows: this.windows },
      { ...question, edits },
      shares,
    );
  }

  /** The text whose lines are in the index; undefined if the file has changed since, in which case it is read again. */
  private text(path: string): string | undefined {
    const unsaved = this.documents.get(path);
    if (unsaved !== undefined) return unsaved;
    const known = this.index.files.get(path);
    const file = join(this.folder, path);
    try {
      const { mtimeMs, size } = statSync(file);
      if (known?.mtimeMs === mtimeMs && known.size === size) return textOf(readFileSync(file));
    } catch {
      // It is gone.
    }
    void this.changed([file]);
    return undefined;
  }

  private saveSoon(): void {
    this.saving ??= setTimeout(() => void this.save(), SAVE_MS).unref();
  }

  /** Writes the index, without unsaved text. A full disk costs only the next window's time. */
  private async save(): Promise<void> {
    clearTimeout(this.saving);
    this.saving = undefined;
    const saved = new Map([...this.index.files].filter(([path]) => !this.documents.has(path)));
    await saveIndex(this.folder, saved).catch((error: unknown) =>
      this.options.onProblem(`The index could not be kept: ${reportError(error).message}`),
    );
  }

  /** Writes pending changes. */
  async close(): Promise<void> {
    if (this.saving && this.loaded) await this.save();
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.lastTurn.then(work);
    this.lastTurn = next.catch(() => undefined);
    return next;
  }
}

/** Whether the name denotes code; a language without a grammar has names, too. */
export const isIndexed = (path: string): boolean => 'take' in judgeName(path) && kindOf(path) === 'code';

function textOf(bytes: Buffer): string | undefined {
  const decoded = decodeText(bytes);
  if (!('text' in decoded)) return undefined;
  return hasLongLine(decoded.text) ? undefined : decoded.text;
}

export function hasLongLine(text: string): boolean {
  for (let from = 0, to = 0; from < text.length; from = to + 1) {
    to = text.indexOf('\n', from);
    if (to < 0) to = text.length;
    if (to - from > MAX_LINE_CHARACTERS) return true;
  }
  return false;
}

/** The commits of a clone: what each changed, and the rest of the repository as it stood before. */
import { execFileSync } from 'node:child_process';
import { languageIdForPath } from '../../src/completion/code/languages.ts';
import { kindOf } from '../../src/corpus/kinds.ts';
import { isSkippedFolder, judgeName } from '../../src/corpus/names.ts';
import type { SearchedText } from '../../src/next-edit/index.ts';
import type { FileStep } from './file-text.ts';
import { orderOf } from './order.ts';
import type { Commit } from './simulate.ts';
import { HUNKS, hunksOf } from './steps.ts';

/** Commits of more changed lines are made by a program or by moving code. */
const MOST_LINES = 400;
/** As in the editor's search (next-edit-finder/file-search.ts). */
const MOST_FILES = 5000;
const MOST_BYTES = 256 * 1024;
/** Longer lines are data. */
const LONGEST_LINE = 1000;

export class History {
  /** Texts by the hash of their blob; undefined for what is not read. */
  private readonly blobs = new Map<string, string | undefined>();

  /** @param folder a clone, with or without a work tree */
  constructor(private readonly folder: string) {}

  private git(args: readonly string[], input?: string): Buffer {
    return execFileSync('git', ['-C', this.folder, '-c', 'core.quotePath=false', ...args], {
      input,
      maxBuffer: 1 << 30,
    });
  }

  /** The newest `most` commits that change code in more than one place, newest first; no merges. Throws git's errors. */
  *commits(most: number): Generator<Commit & { id: string }> {
    let found = 0;
    for (const id of this.git(['log', '--no-merges', '--format=%H']).toString().split('\n')) {
      if (!id || found >= most) return;
      const commit = this.commit(id);
      if (!commit) continue;
      found += 1;
      yield { id, ...commit };
    }
  }

  private commit(id: string): Commit | undefined {
    const args = ['-r', '-p', '-U0', '--no-renames', '--no-ext-diff', '--no-color', '--no-commit-id'];
    const diff = this.git(['diff-tree', ...args, id]).toString();
    const changed = diff.split(/^(?=diff --git )/m).flatMap((part) => {
      const path = /^--- a\/(.*?)\t?$/m.exec(part)?.[1];
      if (!path || !/^\+\+\+ b\//m.test(part) || !isCode(path)) return [];
      return [{ path, hunks: hunksOf(part.replaceAll('\r', '')) }];
    });
    const hunks = changed.flatMap((file) => file.hunks);
    const lines = hunks.reduce((sum, { old, now }) => sum + old.length + now.length, 0);
    if (hunks.length < HUNKS.fewest || hunks.length > HUNKS.most || lines > MOST_LINES) return undefined;
    const before = this.textsAt(`${id}^`);
    const files = changed.flatMap(({ path, hunks }): FileStep[] => {
      const text = before.get(path);
      return text === undefined ? [] : [{ path, languageId: languageIdForPath(path), before: text, hunks }];
    });
    if (files.flatMap((file) => file.hunks).length < HUNKS.fewest) return undefined;
    const paths = new Set(files.map(({ path }) => path));
    const others = [...before]
      .filter(([path]) => !paths.has(path))
      .map(([path, text]): SearchedText => ({ path, languageId: languageIdForPath(path), text }));
    return { files, order: orderOf(files), others };
  }

  /** The files of code in a commit, by path. */
  private textsAt(commit: string): Map<string, string> {
    const entries = this.git(['ls-tree', '-r', '-l', '-z', commit])
      .toString()
      .split('\0')
      .flatMap((line) => {
        const [, hash, size, path] = /^100\d+ blob (\w+) +(\d+)\t([^]*)$/.exec(line) ?? [];
        return path && isCode(path) && Number(size) <= MOST_BYTES ? [{ hash: hash!, path }] : [];
      })
      .slice(0, MOST_FILES);
    this.read(entries.map(({ hash }) => hash).filter((hash) => !this.blobs.has(hash)));
    return new Map(
      entries.flatMap(({ hash, path }) => {
        const text = this.blobs.get(hash);
        return text === undefined ? [] : [[path, text]];
      }),
    );
  }

  private read(hashes: readonly string[]): void {
    if (hashes.length === 0) return;
    const output = this.git(['cat-file', '--batch'], hashes.join('\n'));
    for (let at = 0; at < output.length;) {
      const end = output.indexOf(10, at);
      const [hash, , size] = output.toString('latin1', at, end).split(' ');
      const content = output.toString('utf8', end + 1, end + 1 + Number(size));
      this.blobs.set(hash!, isReadable(content) ? content.replaceAll('\r\n', '\n') : undefined);
      at = end + 1 + Number(size) + 1;
    }
  }
}

const isCode = (path: string) =>
  'take' in judgeName(path) && kindOf(path) === 'code' && !path.split('/').slice(0, -1).some(isSkippedFolder);
const isReadable = (text: string) =>
  !text.includes('\0') && text.split('\n').every((line) => line.length <= LONGEST_LINE);

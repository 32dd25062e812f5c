/** The commits of a clone: what each changed, and the rest of the repository as it stood before. */
import { languageIdForPath } from '../../src/completion/code/languages.ts';
import type { SearchedText } from '../../src/next-edit/index.ts';
import { Clone, isCode } from '../clone.ts';
import type { FileStep } from './file-text.ts';
import { orderOf } from './order.ts';
import type { Commit } from './simulate.ts';
import { HUNKS, hunksOf } from './steps.ts';

/** Commits of more changed lines are made by a program or by moving code. */
const MOST_LINES = 400;

export class History {
  private readonly clone: Clone;

  /** @param folder a clone, with or without a work tree */
  constructor(folder: string) {
    this.clone = new Clone(folder);
  }

  /** The newest `most` commits that change code in more than one place, newest first; no merges. Throws git's errors. */
  *commits(most: number): Generator<Commit & { id: string }> {
    let found = 0;
    for (const id of this.clone.commits()) {
      if (found >= most) return;
      const commit = this.commit(id);
      if (!commit) continue;
      found += 1;
      yield { id, ...commit };
    }
  }

  private commit(id: string): Commit | undefined {
    const args = ['-r', '-p', '-U0', '--no-renames', '--no-ext-diff', '--no-color', '--no-commit-id'];
    const diff = this.clone.git(['diff-tree', ...args, id]).toString();
    const changed = diff.split(/^(?=diff --git )/m).flatMap((part) => {
      const path = /^--- a\/(.*?)\t?$/m.exec(part)?.[1];
      if (!path || !/^\+\+\+ b\//m.test(part) || !isCode(path)) return [];
      return [{ path, hunks: hunksOf(part.replaceAll('\r', '')) }];
    });
    const hunks = changed.flatMap((file) => file.hunks);
    const lines = hunks.reduce((sum, { old, now }) => sum + old.length + now.length, 0);
    if (hunks.length < HUNKS.fewest || hunks.length > HUNKS.most || lines > MOST_LINES) return undefined;
    const before = this.clone.textsAt(`${id}^`);
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
}

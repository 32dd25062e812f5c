/** A clone of a repository: its commits, and the code in each. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { kindOf } from '../src/corpus/kinds.ts';
import { isSkippedFolder, judgeName } from '../src/corpus/names.ts';

/** As in the editor's search (next-edit-finder/file-search.ts). */
const MAX_FILES = 5000;
const MAX_BYTES = 256 * 1024;
/** Longer lines are data. */
const MAX_LINE_LENGTH = 1000;

export class Clone {
  /** Texts by the hash of their blob; undefined for what is not read. */
  private readonly blobs = new Map<string, string | undefined>();

  /** @param folder with or without a work tree */
  constructor(private readonly folder: string) {}

  /** The output of a git command. Throws git's errors. */
  git(args: readonly string[], { input, env }: { input?: string; env?: NodeJS.ProcessEnv } = {}): Buffer {
    return execFileSync('git', ['-C', this.folder, '-c', 'core.quotePath=false', ...args], {
      input,
      maxBuffer: 1 << 30,
      env: { ...process.env, ...env },
    });
  }

  /** Commits without merges, newest first. */
  commits(): string[] {
    return this.git(['log', '--no-merges', '--format=%H']).toString().split('\n').filter(Boolean);
  }

  /** Makes `place/tree` a copy of a commit's files, without the history, and returns its path. */
  checkOut(commit: string, place: string): string {
    const tree = join(place, 'tree');
    mkdirSync(tree, { recursive: true });
    const env = { GIT_INDEX_FILE: join(place, 'index'), GIT_WORK_TREE: tree };
    this.git(['read-tree', '--reset', '-u', commit], { env });
    return tree;
  }

  /** The files of code in a commit, by path. */
  textsAt(commit: string): Map<string, string> {
    const entries = this.git(['ls-tree', '-r', '-l', '-z', commit])
      .toString()
      .split('\0')
      .flatMap((line) => {
        const [, hash, size, path] = /^100\d+ blob (\w+) +(\d+)\t([^]*)$/.exec(line) ?? [];
        return path && isCode(path) && Number(size) <= MAX_BYTES ? [{ hash: hash!, path }] : [];
      })
      .slice(0, MAX_FILES);
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
    const output = this.git(['cat-file', '--batch'], { input: hashes.join('\n') });
    for (let at = 0; at < output.length;) {
      const end = output.indexOf(10, at);
      const [hash, , size] = output.toString('latin1', at, end).split(' ');
      const content = output.toString('utf8', end + 1, end + 1 + Number(size));
      this.blobs.set(hash!, isReadable(content) ? content.replaceAll('\r\n', '\n') : undefined);
      at = end + 1 + Number(size) + 1;
    }
  }
}

export const isCode = (path: string): boolean =>
  'take' in judgeName(path) && kindOf(path) === 'code' && !path.split('/').slice(0, -1).some(isSkippedFolder);
const isReadable = (text: string) =>
  !text.includes('\0') && text.split('\n').every((line) => line.length <= MAX_LINE_LENGTH);

/** .gitignore files at every level, with git's rules. */
import createIgnore, { type Ignore } from 'ignore';
import { stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { readText } from '../../protocol/regular-file.ts';

/** Like git, which follows the file system. */
const ignoreCase = process.platform !== 'linux';

/**
 * The rules for one folder: those of all .gitignore files from the repository's root down to it, as one list, so that
 * the last match wins across files, as in git.
 */
export class IgnoreRules {
  private readonly ignore: Ignore;

  private constructor(
    private readonly patterns: string[],
    /** Path from the repository's root to the corpus's folder: "" or "packages/app/". */
    private readonly prefix: string,
  ) {
    this.ignore = createIgnore({ ignoreCase }).add(patterns);
  }

  /**
   * Rules from above `root`, of the repository that it is part of. None if that repository ignores `root` itself:
   * whoever names a folder wants it.
   */
  static async above(root: string): Promise<IgnoreRules> {
    const top = await repositoryRoot(root);
    if (!top) return new IgnoreRules([], '');
    const names = relative(top, root).split(sep).filter(Boolean);
    const patterns = splitLines(await readIfThere(join(top, '.git', 'info', 'exclude')));
    for (let depth = 0; depth < names.length; depth += 1) {
      const at = names.slice(0, depth);
      patterns.push(...rebase(splitLines(await readIfThere(join(top, ...at, '.gitignore'))), at));
    }
    const prefix = names.map((name) => `${name}/`).join('');
    const rules = new IgnoreRules(patterns, prefix);
    return prefix && rules.ignore.ignores(prefix) ? new IgnoreRules([], '') : rules;
  }

  /** The rules within `folder` (relative to the corpus's folder: "" or "a/b/"), whose .gitignore has this text. */
  within(folder: string, text: string): IgnoreRules {
    const names = `${this.prefix}${folder}`.split('/').filter(Boolean);
    return new IgnoreRules([...this.patterns, ...rebase(splitLines(text), names)], this.prefix);
  }

  /** `path` is relative to the corpus's folder; a folder's path ends in "/". */
  ignores(path: string): boolean {
    return this.ignore.ignores(this.prefix + path);
  }
}

/** Patterns of a .gitignore in a subfolder, rewritten so that they mean the same at the root. */
function rebase(patterns: string[], names: string[]): string[] {
  if (names.length === 0) return patterns;
  const folder = `/${names.map((name) => name.replace(/[\\*?[\]!#\s]/g, '\\$&')).join('/')}/`;
  return patterns.flatMap((pattern) => {
    if (!pattern.trim() || pattern.startsWith('#')) return [];
    const [not, body] = pattern.startsWith('!') ? ['!', pattern.slice(1)] : ['', pattern];
    // A slash at the beginning or in the middle anchors a pattern to its own folder; trailing spaces don't count.
    const tied = body
      .replace(/(?<!\\)\s+$/, '')
      .replace(/\/$/, '')
      .includes('/');
    return [not + folder + (tied ? body.replace(/^\//, '') : `**/${body}`)];
  });
}

const splitLines = (text: string) => text.replace(/^\uFEFF/, '').split(/\r?\n/);

const readIfThere = (path: string) => readText(path).catch(() => '');

/** The nearest folder above with a `.git` in it, or `from` itself. */
export async function repositoryRoot(from: string): Promise<string | undefined> {
  for (let at = from; ; at = dirname(at)) {
    if (await stat(join(at, '.git')).catch(() => undefined)) return at;
    if (at === dirname(at)) return undefined;
  }
}

/** .gitignore files at every level, with git's rules. */
import { stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { readText } from '../../platform/files/regular-file.ts';
import { IgnorePatterns } from './ignore-patterns.ts';

const MOST_BYTES = 4 << 20;

/** A .gitignore, or what stands for one, and the folder that it is for. */
interface IgnoreFile {
  /** From the repository's root: "" or "packages/app/". */
  folder: string;
  patterns: IgnorePatterns;
}

/** The rules for one folder: those of all .gitignore files from the repository's root down to it. */
export class IgnoreRules {
  private constructor(
    /** The innermost first: what it says counts. */
    private readonly files: readonly IgnoreFile[],
    /** Path from the repository's root to the corpus's folder: "" or "packages/app/". */
    private readonly prefix: string,
  ) {}

  /**
   * Rules from above `root`, of the repository that it is part of. None if that repository ignores `root` itself:
   * whoever names a folder wants it.
   */
  static async above(root: string): Promise<IgnoreRules> {
    const none = new IgnoreRules([], '');
    const top = await repositoryRoot(root);
    if (!top) return none;
    let rules = none.within('', await readIgnoreFile(join(top, '.git', 'info', 'exclude')));
    let folder = '';
    for (const name of relative(top, root).split(sep).filter(Boolean)) {
      rules = rules.within(folder, await readIgnoreFile(join(top, folder, '.gitignore')));
      folder += `${name}/`;
      if (rules.ignores(folder)) return none;
    }
    return new IgnoreRules(rules.files, folder);
  }

  /** The rules within `folder` (relative to the corpus's folder: "" or "a/b/"), whose .gitignore has this text. */
  within(folder: string, text: string): IgnoreRules {
    const file = { folder: this.prefix + folder, patterns: new IgnorePatterns(text) };
    return new IgnoreRules([file, ...this.files], this.prefix);
  }

  /**
   * `path` is relative to the corpus's folder, below all folders that the rules are of; a folder's path ends in "/". It
   * must be in a folder that is not ignored: git looks no further in one that is.
   */
  ignores(path: string): boolean {
    const isFolder = path.endsWith('/');
    const whole = this.prefix + (isFolder ? path.slice(0, -1) : path);
    for (const { folder, patterns } of this.files) {
      const said = patterns.ignores(whole.slice(folder.length), isFolder);
      if (said !== undefined) return said;
    }
    return false;
  }
}

/** The text of a .gitignore. One that is larger than anybody writes, or can't be read, says nothing. */
export const readIgnoreFile = (path: string) => readText(path, MOST_BYTES).catch(() => '');

/** The nearest folder above with a `.git` in it, or `from` itself. */
export async function repositoryRoot(from: string): Promise<string | undefined> {
  for (let at = from; ; at = dirname(at)) {
    if (await stat(join(at, '.git')).catch(() => undefined)) return at;
    if (at === dirname(at)) return undefined;
  }
}

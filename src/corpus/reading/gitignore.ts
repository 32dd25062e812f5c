/** Applies .gitignore files at every level, by git's rules. */
import { lstat, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { readGitFile, repositoryIgnoreFiles } from './ignore-files.ts';
import { IgnorePatterns } from './ignore-patterns.ts';

/** A .gitignore or equivalent file, and the folder it applies to. */
interface IgnoreFile {
  /** Path from the repository's root: "" or "packages/app/". */
  folder: string;
  patterns: IgnorePatterns;
}

/**
 * The rules for one folder: those of the user's own ignore file, and of all in the repository from its root down to the
 * folder.
 */
export class IgnoreRules {
  private constructor(
    /** Innermost first, because it takes precedence. */
    private readonly files: readonly IgnoreFile[],
    /** Path from the repository's root to the corpus's folder: "" or "packages/app/". */
    private readonly prefix: string,
  ) {}

  /**
   * Rules from above `root`, from the repository it is part of. None if that repository ignores `root` itself, because
   * naming a folder explicitly overrides that.
   */
  static async above(root: string): Promise<IgnoreRules> {
    const none = new IgnoreRules([], '');
    const top = await repositoryRoot(root);
    if (!top) return none;
    let rules = none;
    for (const file of await repositoryIgnoreFiles(top)) rules = rules.within('', await readGitFile(file));
    let folder = '';
    for (const name of relative(top, root).split(sep).filter(Boolean)) {
      rules = rules.within(folder, await readGitFile(join(top, folder, '.gitignore')));
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
   * `path` is relative to the corpus's folder, below all folders of the rules; a folder's path ends in "/". Its parent
   * folder must not be ignored: git does not descend into ignored folders.
   */
  ignores(path: string): boolean {
    const isFolder = path.endsWith('/');
    const fullPath = this.prefix + (isFolder ? path.slice(0, -1) : path);
    for (const { folder, patterns } of this.files) {
      const verdict = patterns.ignores(fullPath.slice(folder.length), isFolder);
      if (verdict !== undefined) return verdict;
    }
    return false;
  }
}

/**
 * Judges paths of a repository's history, which need not exist any more, by the rules that are there now. Git itself
 * refuses to judge what is below a link or in a submodule today.
 */
export class PastPaths {
  /** By folder, "" or "a/b/"; undefined if the folder itself is ignored. */
  private readonly rules = new Map<string, Promise<IgnoreRules | undefined>>();

  /** `root`: without symbolic links. */
  constructor(private readonly root: string) {}

  async ignores(path: string): Promise<boolean> {
    const rules = await this.rulesIn(parentOf(path));
    return rules?.ignores(path) ?? true;
  }

  private rulesIn(folder: string): Promise<IgnoreRules | undefined> {
    const known = this.rules.get(folder) ?? this.readRules(folder);
    this.rules.set(folder, known);
    return known;
  }

  private async readRules(folder: string): Promise<IgnoreRules | undefined> {
    const outer =
      folder === '' ? await IgnoreRules.above(this.root) : await this.rulesIn(parentOf(folder.slice(0, -1)));
    if (!outer || (folder !== '' && outer.ignores(folder))) return undefined;
    const file = join(this.root, folder, '.gitignore');
    const isFile = (await lstat(file).catch(() => undefined))?.isFile();
    return isFile ? outer.within(folder, await readGitFile(file)) : outer;
  }
}

/** The folder of a path: "" or "a/b/". */
const parentOf = (path: string) => path.slice(0, path.lastIndexOf('/') + 1);

/** The nearest folder that contains a `.git`, starting with `from` itself. */
export async function repositoryRoot(from: string): Promise<string | undefined> {
  for (let at = from; ; at = dirname(at)) {
    if (await stat(join(at, '.git')).catch(() => undefined)) return at;
    if (at === dirname(at)) return undefined;
  }
}

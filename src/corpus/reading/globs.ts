/**
 * Which files of a folder are to be learned: patterns as in .gitignore, relative to the folder. With several folders, a
 * pattern is for all of them, or for one: "api:src" is "src" in the folder named "api".
 */
import createIgnore, { type Ignore } from 'ignore';
import type { CorpusPlan } from '../../protocol/run.ts';
import { extensionOf } from '../names.ts';

export type GlobPlan = Pick<CorpusPlan, 'include' | 'exclude'>;

/** The same as for .gitignore. */
const ignoreCase = process.platform !== 'linux';

export class Globs {
  private readonly included: Ignore | undefined;
  private readonly excluded: Ignore;
  private readonly extensions: ReadonlySet<string>;
  private readonly byFolder: ReadonlyMap<string, Globs>;

  /** `names`: of several folders. */
  constructor(
    private readonly plan: GlobPlan,
    names: readonly string[] = [],
  ) {
    this.byFolder = new Map(names.map((name) => [name, new Globs(planFor(name, names, plan))]));
    this.included = plan.include.length > 0 ? matcherOf(plan.include) : undefined;
    this.excluded = matcherOf(plan.exclude);
    this.extensions = new Set(plan.include.flatMap(alternatives).map(extensionOf).filter(isLiteral));
  }

  /** Those for a folder, by its name. */
  of(name: string): Globs {
    return this.byFolder.get(name) ?? this;
  }

  /** Whether nothing within this folder (path ending in "/") is wanted. */
  leavesOutFolder(path: string): boolean {
    return this.excluded.ignores(path);
  }

  leavesOut(path: string): boolean {
    return this.excluded.ignores(path) || this.included?.ignores(path) === false;
  }

  /**
   * Whether an include names the extension of this file, like "*.foo": then it is code, even of an unknown language.
   */
  namesExtensionOf(path: string): boolean {
    return this.extensions.has(extensionOf(path));
  }

  toString(): string {
    return describeGlobs(this.plan);
  }
}

/** The patterns for the folder `name`, as they are relative to it. */
function planFor(name: string, names: readonly string[], { include, exclude }: GlobPlan): GlobPlan {
  const own = (globs: readonly string[]) =>
    globs.flatMap((glob) => {
      const owner = names.find((one) => glob.startsWith(`${one}:`));
      if (owner === undefined) return [glob];
      return owner === name ? [glob.slice(owner.length + 1)] : [];
    });
  return { include: own(include), exclude: own(exclude) };
}

const isLiteral = (extension: string): boolean => /^[^*?[\]!]+$/.test(extension);

/** The globs as options: "--include src --exclude *.sql". Empty if there are none. */
export const describeGlobs = ({ include, exclude }: GlobPlan): string =>
  [...include.map((glob) => `--include ${glob}`), ...exclude.map((glob) => `--exclude ${glob}`)].join(' ');

const matcherOf = (globs: readonly string[]): Ignore =>
  createIgnore({ ignoreCase }).add(globs.flatMap(alternatives).map(pattern));

/** Expands "*.{ts,tsx}", which editors know and git does not, to "*.ts" and "*.tsx". */
function alternatives(glob: string): string[] {
  const [braces, inner] = /\{([^{}]*,[^{}]*)\}/.exec(glob) ?? [];
  if (braces === undefined) return [glob];
  return inner!.split(',').flatMap((one) => alternatives(glob.replace(braces, () => one)));
}

/** Allows "./src", as typed in a shell; "#" does not begin a comment here. */
const pattern = (glob: string): string => glob.replace(/^(!?)(?:\.\/)+/, '$1/').replace(/^#/, '\\#');

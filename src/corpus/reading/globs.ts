/**
 * Selects the files of a folder to learn from, by .gitignore-style patterns relative to the folder. With several
 * folders, a pattern applies to all of them, or to one: "api:src" is "src" in the folder named "api".
 */
import createIgnore, { type Ignore } from 'ignore';
import type { CorpusPlan } from '../../protocol/run.ts';
import { fileExtension } from '../names.ts';

export type GlobPlan = Pick<CorpusPlan, 'include' | 'exclude'>;

/** The same as for .gitignore. */
const ignoreCase = process.platform !== 'linux';

export class Globs {
  private readonly included: Ignore | undefined;
  private readonly excluded: Ignore;
  private readonly extensions: ReadonlySet<string>;
  private readonly byFolder: ReadonlyMap<string, Globs>;

  /** `names`: those of the folders, if there are several. */
  constructor(
    private readonly plan: GlobPlan,
    names: readonly string[] = [],
  ) {
    this.byFolder = new Map(names.map((name) => [name, new Globs(planFor(name, names, plan))]));
    this.included = plan.include.length > 0 ? createMatcher(plan.include) : undefined;
    this.excluded = createMatcher(plan.exclude);
    this.extensions = new Set(plan.include.flatMap(expandBraces).map(fileExtension).filter(isLiteral));
  }

  /** The globs for a folder, by its name. */
  forFolder(name: string): Globs {
    return this.byFolder.get(name) ?? this;
  }

  /** Whether everything in this folder (path ending in "/") is excluded. */
  excludesFolder(path: string): boolean {
    return this.excluded.ignores(path);
  }

  excludes(path: string): boolean {
    return this.excluded.ignores(path) || this.included?.ignores(path) === false;
  }

  /**
   * Whether an include pattern names the extension of this file, like "*.foo". It is then code, even in an unknown
   * language.
   */
  namesExtension(path: string): boolean {
    return this.extensions.has(fileExtension(path));
  }

  toString(): string {
    return describeGlobs(this.plan);
  }
}

/** The patterns for the folder `name`, relative to it. */
function planFor(name: string, names: readonly string[], { include, exclude }: GlobPlan): GlobPlan {
  const relativeGlobs = (globs: readonly string[]) =>
    globs.flatMap((glob) => {
      const owner = names.find((candidate) => glob.startsWith(`${candidate}:`));
      if (owner === undefined) return [glob];
      return owner === name ? [glob.slice(owner.length + 1)] : [];
    });
  return { include: relativeGlobs(include), exclude: relativeGlobs(exclude) };
}

const isLiteral = (extension: string): boolean => /^[^*?[\]!]+$/.test(extension);

/** The globs as command-line options: "--include src --exclude *.sql". Empty if there are none. */
export const describeGlobs = ({ include, exclude }: GlobPlan): string =>
  [...include.map((glob) => `--include ${glob}`), ...exclude.map((glob) => `--exclude ${glob}`)].join(' ');

const createMatcher = (globs: readonly string[]): Ignore =>
  createIgnore({ ignoreCase }).add(globs.flatMap(expandBraces).map(normalisePattern));

/** Expands "*.{ts,tsx}", which editors support and git does not, to "*.ts" and "*.tsx". */
function expandBraces(glob: string): string[] {
  const [braces, inner] = /\{([^{}]*,[^{}]*)\}/.exec(glob) ?? [];
  if (braces === undefined) return [glob];
  return inner!.split(',').flatMap((part) => expandBraces(glob.replace(braces, () => part)));
}

/** Allows "./src", as typed in a shell; "#" does not begin a comment here. */
const normalisePattern = (glob: string): string => glob.replace(/^(!?)(?:\.\/)+/, '$1/').replace(/^#/, '\\#');

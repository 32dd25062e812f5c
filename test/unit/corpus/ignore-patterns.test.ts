import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { IgnorePatterns } from '../../../src/corpus/reading/ignore-patterns.ts';
import { Random } from '../../support/random.ts';
import { useTemporaryFolder } from './help.ts';

const folder = useTemporaryFolder();

/** Git itself checks whether it is a folder. */
const plain = (path: string) => path.replace(/\/$/, '');

/** The paths that git ignores by these patterns. A folder's path ends in "/". */
function ignoredByGit(patterns: string, paths: readonly string[], ignoreCase: boolean): Set<string> {
  folder.write({ '.gitignore': patterns });
  const args = ['-c', `core.ignoreCase=${ignoreCase}`, 'check-ignore', '--no-index', '-z', '--stdin'];
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  try {
    const output = execFileSync('git', args, { cwd: folder.in(), input: paths.map(plain).join('\0'), env });
    const ignored = new Set(String(output).split('\0'));
    return new Set(paths.filter((path) => ignored.has(plain(path))));
  } catch (error) {
    // None is ignored.
    if ((error as { status?: number }).status === 1) return new Set();
    throw error;
  }
}

/** The same with our rules: a path is ignored if any of its folders is. */
function ignoredByUs(patterns: string, paths: readonly string[], ignoreCase: boolean): Set<string> {
  const rules = new IgnorePatterns(patterns, ignoreCase);
  const isIgnored = (path: string) => {
    const names = path.split('/').filter(Boolean);
    return names.some((_, depth) => {
      const isFolder = depth < names.length - 1 || path.endsWith('/');
      return rules.ignores(names.slice(0, depth + 1).join('/'), isFolder) ?? false;
    });
  };
  return new Set(paths.filter(isIgnored));
}

/** Few letters, so that patterns often match. */
const letters = ['a', 'b', 'A', 'abc', 'bca', '-', ']', '[', '!', '^', '#', ' ', '\\', 'é', '.', 'z'];
const wild = [
  '*',
  '**',
  '?',
  '[ab]',
  '[!a]',
  '[^b-z]',
  '[]a]',
  '[a-]',
  '[[:upper:]b]',
  '[[:odd:]]',
  '[a/b]',
  '[a',
];
const odd = [
  '\\',
  '\\*',
  '\\[',
  '\\!',
  '\\ ',
  '[\\]]',
  '[b-a]',
  '[[:x]',
  '[A-C]',
  '***',
  '/',
  '\\/',
  '[',
  '[!/]',
];

const draw = (random: Random, from: readonly string[], most: number) =>
  Array.from({ length: 1 + random.integer(most) }, () => from[random.integer(from.length)]!).join('');

function drawPattern(random: Random): string {
  const pieces = [...letters, ...letters, ...wild, ...(random.integer(3) ? [] : odd)];
  const names = Array.from({ length: 1 + random.integer(4) }, () =>
    random.integer(4) ? draw(random, pieces, 4) : '**',
  );
  const sign = (some: string, one: number) => (random.integer(one) ? '' : some);
  return `${sign('!', 6)}${sign('/', 4)}${names.join('/')}${sign('/', 4)}${sign('  ', 8)}${sign('\r', 12)}`;
}

function drawPath(random: Random): string {
  const own = letters.filter((letter) => letter !== '.');
  const names = Array.from({ length: 1 + random.integer(4) }, () => draw(random, own, 3));
  return names.join('/');
}

/** Git rejects some paths. It asks the file system whether a path is a folder, so they are created. */
function drawTree(random: Random): string[] {
  const paths = new Set<string>();
  for (let n = 0; n < 100; n += 1) {
    const names = drawPath(random).split('/');
    for (let depth = 1; depth < names.length; depth += 1) paths.add(`${names.slice(0, depth).join('/')}/`);
    paths.add(names.join('/'));
  }
  const files = [...paths].filter((path) => path.endsWith('/') || !paths.has(`${path}/`));
  for (const path of files) if (path.endsWith('/')) mkdirSync(join(folder.in(), path), { recursive: true });
  return files;
}

describe('patterns of a .gitignore', () => {
  it.each([false, true])('match as in git (case ignored: %s)', (ignoreCase) => {
    const random = new Random(ignoreCase ? 8 : 7);
    execFileSync('git', ['init', '-q'], { cwd: folder.in() });
    let matched = 0;
    const paths = drawTree(random);
    for (let round = 0; round < 150; round += 1) {
      const patterns = Array.from({ length: 1 + random.integer(5) }, () => drawPattern(random)).join('\n');
      const ignored = ignoredByGit(patterns, paths, ignoreCase);
      matched += ignored.size;
      expect({ patterns, ignored: ignoredByUs(patterns, paths, ignoreCase) }).toEqual({ patterns, ignored });
    }
    expect(matched).toBeGreaterThan(500);
  });

  // With backtracking, these would take longer than a lifetime.
  it('take time linear in the number of positions', () => {
    const deep = 'a/'.repeat(300);
    const rules = new IgnorePatterns(`${'**/a/'.repeat(50)}b\n${'*a'.repeat(50)}b\n`);
    expect(rules.ignores(`${deep}${'a'.repeat(250)}`, false)).toBe(undefined);
    expect(rules.ignores(`${deep}b`, false)).toBe(true);
  });
});

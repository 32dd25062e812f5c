import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { walk } from '../../../src/corpus/reading/walk.ts';
import { useTemporaryFolder } from './help.ts';

const folder = useTemporaryFolder();
const outside = (name: string) => join(folder.in(), '..', name);

/** A user whose configuration each test writes beside the folder, for git and for us. */
beforeEach(() => {
  vi.stubEnv('GIT_CONFIG_NOSYSTEM', '1');
  vi.stubEnv('GIT_CONFIG_GLOBAL', outside('gitconfig'));
  vi.stubEnv('XDG_CONFIG_HOME', outside('config'));
});
afterEach(() => vi.unstubAllEnvs());

const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'core.quotePath=false', ...args], { cwd: folder.in(), encoding: 'utf8' });

async function walked(root: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of walk(root)) if (entry.in) paths.push(entry.path);
  return paths.sort();
}

const tree = {
  '.gitignore':
    '*.log\n/top.ts\nsecret*\ngen/\n!keep.log\n# comment\n\\#odd.ts\nspace \nsub/deep/*.tmp.ts\ndoc/**/old\n',
  'top.ts': '1',
  'sub/top.ts': '1',
  'a.log': '1',
  'keep.log': '1',
  '#odd.ts': '1',
  space: '1',
  'gen/a.ts': '1',
  'src/gen/a.ts': '1',
  'src/gen.ts': '1',
  'sub/.gitignore': '!secret-not.ts\n/only-here.ts\nanywhere.ts\n!*.log\nin/side.ts\n!secretdir/\n',
  'sub/secret-not.ts': '1',
  'sub/secret-yes.ts': '1',
  'sub/b.log': '1',
  'sub/only-here.ts': '1',
  'sub/more/only-here.ts': '1',
  'sub/more/anywhere.ts': '1',
  'sub/in/side.ts': '1',
  'sub/more/in/side.ts': '1',
  'sub/secretdir/plain.ts': '1',
  'sub/secretdir/secret.ts': '1',
  'sub/deep/a.tmp.ts': '1',
  'sub/deep/more/a.tmp.ts': '1',
  'doc/x/y/old/a.md': '1',
  'doc/x/new/a.md': '1',
  'odd [name]!/.gitignore': 'left.ts\n/tied.ts\n',
  'odd [name]!/left.ts': '1',
  'odd [name]!/tied.ts': '1',
  'odd [name]!/right.ts': '1',
  'odd [name]!/more/tied.ts': '1',
  'deep/er/.gitignore': '*\n!.gitignore\n!kept.ts\n',
  'deep/er/kept.ts': '1',
  'deep/er/gone.ts': '1',
};

/** An ignore file of the user: the repository overrules its first line. */
const own = '!a.log\nscratch/\n/doc/x/\nsub/more/\n';

describe('git-ignored files', () => {
  it('are the ones git itself ignores, at every level', async () => {
    folder.write(tree);
    git('init', '-q');
    const expected = git('ls-files', '--others', '--exclude-standard').trim().split('\n').sort();
    expect(expected).toContain('sub/secretdir/plain.ts');
    expect(await walked(folder.in())).toEqual(expected);
  });

  it("follow the repository's rules above the folder, and its own exclude file", async () => {
    folder.write(tree);
    git('init', '-q');
    folder.write({ '.git/info/exclude': 'more/\n' });
    const expected = git('ls-files', '--others', '--exclude-standard', 'sub').trim().split('\n');
    expect(await walked(join(folder.in(), 'sub'))).toEqual(expected.map((path) => path.slice(4)).sort());
  });

  const quoted = (path: string) => `"${path.replace(/["\\]/g, '\\$&')}"`;
  it.each<[string, () => Record<string, string>]>([
    ['in its usual place', () => ({ '../config/git/ignore': own })],
    [
      'named by the configuration',
      () => ({
        '../my #1 ignore': own,
        '../config/git/ignore': '*.ts\n',
        '../gitconfig': `[user]\n\tname = a\n[Core] # mine\n\texcludesFile = ${quoted(outside('my #1 ignore'))} ; this\n`,
      }),
    ],
    [
      'named by an included file',
      () => ({
        '../mine': own,
        '../more': `[core]\n\texcludesfile = ${quoted(outside('mine'))}\n`,
        '../gitconfig': `[includeIf "gitdir:[a]/"]\n\tpath = none\n[include] path = more\n`,
      }),
    ],
  ])("follow the user's own ignore file %s, before those of the repository", async (_, files) => {
    folder.write({ ...tree, 'scratch/a.ts': '1', 'sub/scratch/b.ts': '1', ...files() });
    git('init', '-q');
    folder.write({ '.git/info/exclude': '!sub/scratch/\n' });
    const expected = git('ls-files', '--others', '--exclude-standard').trim().split('\n').sort();
    expect(expected).toContain('sub/scratch/b.ts');
    expect(expected).not.toContain('scratch/a.ts');
    expect(await walked(folder.in())).toEqual(expected);
  });

  it('follow the exclude file of the repository in its worktrees, too', async () => {
    folder.write({ 'first/a.ts': '1' });
    git('-C', 'first', 'init', '-q');
    git('-C', 'first', 'add', '.');
    git('-C', 'first', '-c', 'user.name=a', '-c', 'user.email=a@b.c', 'commit', '-qm', 'begin');
    git('-C', 'first', 'worktree', 'add', '-q', '--detach', join('..', 'second'));
    folder.write({ 'first/.git/info/exclude': 'more/\n', 'second/b.ts': '1', 'second/more/c.ts': '1' });
    const expected = git('-C', 'second', 'ls-files', '--cached', '--others', '--exclude-standard');
    expect(expected.trim().split('\n').sort()).toEqual(['a.ts', 'b.ts']);
    expect(await walked(join(folder.in(), 'second'))).toEqual(['.git', 'a.ts', 'b.ts']);
  });

  it('are none if the repository ignores the requested folder itself', async () => {
    folder.write({ '.gitignore': 'packages/\n*.ts\n', 'packages/lib/a.ts': '1', 'packages/lib/b.ts': '1' });
    git('init', '-q');
    expect(await walked(join(folder.in(), 'packages', 'lib'))).toEqual(['a.ts', 'b.ts']);
  });

  it('count once for a whole folder', async () => {
    folder.write({ '.gitignore': 'gen/\n', 'gen/a.ts': '1', 'gen/b/c.ts': '1' });
    const entries = [];
    for await (const entry of walk(folder.in())) if (!entry.in) entries.push(entry);
    expect(entries).toEqual([{ in: false, path: 'gen/', reason: 'git-ignored', folder: true }]);
  });
});

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { walk } from '../../../src/corpus/reading/walk.ts';
import { useTemporaryFolder } from './help.ts';

const folder = useTemporaryFolder();

/** Git without any user's configuration. */
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'core.quotePath=false', ...args], {
    cwd: folder.in(),
    encoding: 'utf8',
    env: { ...process.env, GIT_CONFIG_GLOBAL: join(folder.in(), 'none'), GIT_CONFIG_NOSYSTEM: '1' },
  });

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

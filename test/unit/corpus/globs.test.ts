import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { surveyCorpus } from '../../../src/corpus/index.ts';
import { Globs } from '../../../src/corpus/reading/globs.ts';
import { plannedSources } from '../../../src/corpus/build-from-plan.ts';
import { corpusPlanSchema } from '../../../src/protocol/run.ts';
import { code, useTemporaryFolder } from './help.ts';

const folder = useTemporaryFolder();
const files = [
  'main.py',
  'src/a.ts',
  'src/b.tsx',
  'src/deep/c.py',
  'test/src/d.py',
  'docs/e.md',
  '#f.py',
  'g h.py',
];

async function read(plan: { include?: string[]; exclude?: string[] }) {
  files.forEach((path, at) => folder.write({ [path]: code(at) }));
  const sources = plannedSources({
    plan: corpusPlanSchema.parse(plan),
    folder: folder.in(),
    metadata: {},
    hasStartToken: false,
  });
  return await surveyCorpus({ ...sources, seed: 0 });
}
const kept = async (plan: Parameters<typeof read>[0]) =>
  [...new Set((await read(plan)).kept.map(({ path }) => path))].sort();

describe('include and exclude globs', () => {
  it.each([
    ['none given: all', {}, [...files].sort()],
    [
      'a folder at any depth',
      { include: ['src'] },
      ['src/a.ts', 'src/b.tsx', 'src/deep/c.py', 'test/src/d.py'],
    ],
    ['a folder at the top', { include: ['/src/'] }, ['src/a.ts', 'src/b.tsx', 'src/deep/c.py']],
    ['as a shell completes it', { include: ['./src/'] }, ['src/a.ts', 'src/b.tsx', 'src/deep/c.py']],
    ['a folder and what is in it', { include: ['src/**'] }, ['src/a.ts', 'src/b.tsx', 'src/deep/c.py']],
    ['several', { include: ['main.py', 'docs'] }, ['docs/e.md', 'main.py']],
    ['braces', { include: ['*.{ts,tsx}'] }, ['src/a.ts', 'src/b.tsx']],
    ['all but', { exclude: ['*.py', '/docs'] }, ['src/a.ts', 'src/b.tsx']],
    ['both', { include: ['*.py'], exclude: ['test/', 'main.*', '?f.py', 'g h.py'] }, ['src/deep/c.py']],
    ['but not', { include: ['src'], exclude: ['*', '!*.ts', '!*/'] }, ['src/a.ts']],
    ['not a comment', { include: ['#f.py'] }, ['#f.py']],
  ])('%s', async (_, plan, paths) => expect(await kept(plan)).toEqual(paths));

  it('report what they leave out, a folder only once', async () => {
    const { leftOut } = await read({ include: ['*.py', 'src'], exclude: ['test', 'src/b.tsx'] });
    expect(leftOut).toEqual([
      { in: false, path: 'docs/e.md', reason: 'excluded' },
      { in: false, path: 'src/b.tsx', reason: 'excluded' },
      { in: false, path: 'test/', reason: 'excluded', folder: true },
    ]);
  });

  it('do not bring back files that are always left out', async () => {
    folder.write({ 'node_modules/x.py': code(90), '.gitignore': 'own.py\n', 'own.py': code(91) });
    folder.write({ 'table.csv': 'a,b\n', '.git/HEAD': '' });
    expect(await kept({ include: ['*.py', '*.csv'] })).not.toContain('own.py');
    expect(await kept({ include: ['node_modules', 'main.py'] })).toEqual(['main.py']);
  });

  it('include an unknown language if they name its extension', async () => {
    folder.write({
      'a.blorp': code(90),
      'src/B.BLORP': code(91),
      'notes.txt': 'Words.\n',
      'c.blorp': Buffer.of(0),
    });
    expect(await kept({})).toEqual([...files].sort());
    expect(await kept({ include: ['*.blorp'] })).toEqual(
      process.platform === 'linux' ? ['a.blorp'] : ['a.blorp', 'src/B.BLORP'],
    );
    expect(await kept({ include: ['src/**/*.{blorp,BLORP}'] })).toEqual(['src/B.BLORP']);
    expect(await kept({ include: ['*', '*.blorp'], exclude: ['*.py'] })).toEqual(
      ['a.blorp', 'docs/e.md', 'src/B.BLORP', 'src/a.ts', 'src/b.tsx'].sort(),
    );
    for (const all of [['*'], ['*.*'], ['a.*'], ['src/B*', 'a.bl*']])
      expect((await kept({ include: ['main.py', ...all] })).join()).not.toMatch(/blorp|txt/i);
  });

  it('are named in the error if nothing is left', async () => {
    await expect(read({ include: ['*.rs', 'lib'], exclude: ['docs'] })).rejects.toMatchObject({
      code: 'corpus-empty',
      message: `With --include *.rs --include lib --exclude docs nothing is left to learn from in ${folder.in()}: 8 left out (8 excluded by you).`,
    });
  });

  // The same patterns through git itself.
  it.each(['src', '/src', 'src/*', '**/d.py', '*.py', 'src/**/c.py', 'docs/', 'test/*/d.py', 'g\\ h.py'])(
    'match what git ignores by %s',
    (pattern) => {
      const root = mkdtempSync(join(tmpdir(), 'fmn-globs-'));
      try {
        for (const path of files) {
          mkdirSync(dirname(join(root, path)), { recursive: true });
          writeFileSync(join(root, path), '');
        }
        writeFileSync(join(root, '.gitignore'), `${pattern}\n`);
        const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' });
        git('init', '-q');
        const ignored = git('ls-files', '-z', '--others', '--ignored', '--exclude-standard').split('\0');
        const globs = new Globs({ include: [], exclude: [pattern] });
        for (const path of files)
          expect([path, globs.excludes(path)]).toEqual([path, ignored.includes(path)]);
      } finally {
        rmSync(root, { recursive: true });
      }
    },
  );
});

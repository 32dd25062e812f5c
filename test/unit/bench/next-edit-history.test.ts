import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileText } from '../../../bench/next-edit/file-text.ts';
import { measureHistories } from '../../../bench/next-edit/histories.ts';
import { History } from '../../../bench/next-edit/history.ts';
import { orderOf } from '../../../bench/next-edit/order.ts';
import { runGit } from '../../support/git.ts';

const hunk = (at: number, old: string, now: string) => ({ at, old: [old], now: [now] });

describe('the order of a commit', () => {
  it('begins with what most others depend on, goes on in its file, then to the files that depend on it', () => {
    const files = [
      { hunks: [hunk(0, 'import b', 'import a')] },
      { hunks: [hunk(3, 'read(one)', 'load(one)')] },
      {
        hunks: [
          hunk(1, 'x = 1', 'x = 2'),
          hunk(5, 'def read():', 'def load():'),
          hunk(9, 'read(x)', 'load(x)'),
        ],
      },
    ];
    expect(orderOf(files)).toEqual([
      { file: 1, hunk: 0 },
      { file: 2, hunk: 0 },
      { file: 2, hunk: 1 },
      { file: 2, hunk: 2 },
      { file: 0, hunk: 0 },
    ]);
    expect(orderOf([files[2]!, files[1]!])).toEqual([
      { file: 0, hunk: 1 },
      { file: 0, hunk: 2 },
      { file: 0, hunk: 0 },
      { file: 1, hunk: 0 },
    ]);
  });
});

describe('an offer', () => {
  it('reverses if it brings back lines that an edit there has replaced', () => {
    const file = new FileText({
      path: 'a.ts',
      languageId: 'typescript',
      before: 'one\ntwo\nthree',
      hunks: [],
    });
    file.write(1, 1, ['zwei'], 1);
    expect(file.isReversal(1, 'zwei', 'two')).toBe(true);
    expect(file.isReversal(1, 'zwei', 'deux')).toBe(false);
    expect(file.isReversal(0, 'one', 'two')).toBe(false);
  });
});

describe('a history', () => {
  let folder: string;
  const git = (...args: string[]) => runGit(folder, args);
  const commit = (message: string, files: Record<string, string | Buffer>) => {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    git('add', '-A');
    git('commit', '-qm', message);
    return git('rev-parse', 'HEAD');
  };
  const lines = (count: number, line: (at: number) => string) =>
    Array.from({ length: count }, (_, at) => line(at)).join('\n');
  const used = (name: string) =>
    `import { ${name} } from './lib';\n\nexport const a = ${name}(1);\nexport const b = ${name}(2);\n`;
  let renamed: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'forget-me-not-history-'));
    git('init', '-q', '-b', 'main');
    const moved = lines(600, (at) => `const value${at} = ${at};`);
    commit('first', {
      'lib.ts': 'export function readValue(x: number) {\n  return x;\n}\n',
      'one.ts': used('readValue'),
      'two.ts': used('readValue').replaceAll('\n', '\r\n'),
      'idle.ts': 'const unrelated = 1;\n',
      'data.bin': Buffer.from([0, 1, 2, 0]),
      'long.ts': `${'x'.repeat(100_000)}\n\ny\n`,
      'large.ts': moved,
      'package-lock.json': '{\n  "a": 1,\n\n\n\n  "b": 2\n}\n',
    });
    renamed = commit('rename', {
      'lib.ts': 'export function loadValue(x: number) {\n  return x;\n}\n',
      'one.ts': used('loadValue'),
      'two.ts': used('loadValue').replaceAll('\n', '\r\n'),
    });
    commit('one place', { 'idle.ts': 'const unrelated = 2;\n' });
    commit('binary and generated', {
      'data.bin': Buffer.from([0, 9, 2, 9]),
      'package-lock.json': '{\n  "a": 2,\n\n\n\n  "b": 3\n}\n',
      'long.ts': `${'z'.repeat(100_000)}\n\nz\n`,
    });
    commit('moves a thousand lines', { 'large.ts': '', 'larger.ts': moved });
    git('checkout', '-q', '-b', 'side', 'HEAD~1');
    commit('on the side', { 'idle.ts': 'const unrelated = 3;\n' });
    git('checkout', '-q', 'main');
    git('merge', '-q', '--no-edit', 'side');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('has the commits that change code in several places, and the files as they stood before', () => {
    const [only, ...more] = [...new History(folder).commits(10)];
    expect(more).toEqual([]);
    expect(only!.id).toBe(renamed);
    expect(only!.files.map(({ path, hunks }) => [path, hunks.length])).toEqual([
      ['lib.ts', 1],
      ['one.ts', 2],
      ['two.ts', 2],
    ]);
    expect(only!.files[2]!.before).toBe(used('readValue'));
    expect(only!.others.map(({ path }) => path).sort()).toEqual(['idle.ts', 'large.ts']);
    expect(only!.order[0]).toEqual({ file: 0, hunk: 0 });
  });

  it('is made again, with right offers in files that are not open', () => {
    const { total, repositories } = measureHistories([folder], { each: 10, onExample: undefined });
    expect(repositories).toMatchObject([{ commits: 1, newest: renamed.slice(0, 9) }]);
    const rules = { found: 4, right: 6, wrong: 0, reversed: 0 };
    expect(total).toEqual({ edits: 4, rules });
  });
});

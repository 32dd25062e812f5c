/** Cursors in what was committed after a run, in a real repository. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Tokenizer } from '../../../../src/llama-cpp/tokenizer.ts';
import type { Corpus } from '../../../../src/corpus/index.ts';
import { NoRepository } from '../../../../src/corpus/reading/git.ts';
import { landedCursors } from '../../../../src/evaluation/cursors/landed-cursors.ts';
import { corpusPlanSchema, type RunSpec } from '../../../../src/protocol/run.ts';
import { charTokenizer } from '../help.ts';

const tokenizer = { ...charTokenizer, fileSeparator: undefined } as Tokenizer;
const tax = 'export function taxOf(price: number): number {\n  return price * 0.2;\n}\n';
const shop = `import { taxOf } from './tax';\n\n${'// Prices are in cents.\n'.repeat(5)}export const first = taxOf(1);\n`;
const trained = { 'src/tax.ts': tax, 'src/shop.ts': shop };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fmn-landed-'));
  vi.stubEnv('GIT_CONFIG_GLOBAL', '/dev/null');
  vi.stubEnv('GIT_CONFIG_SYSTEM', '/dev/null');
  for (const who of ['AUTHOR', 'COMMITTER']) {
    vi.stubEnv(`GIT_${who}_NAME`, 'A');
    vi.stubEnv(`GIT_${who}_EMAIL`, 'a@example.org');
  }
  git('init', '-q');
  commit('2026-01-01', trained);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, stdio: 'pipe' }).toString();
function commit(day: string, files: Record<string, string>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  git('add', '-A', '-f');
  for (const who of ['AUTHOR', 'COMMITTER']) vi.stubEnv(`GIT_${who}_DATE`, `${day}T12:00:00Z`);
  git('commit', '-q', '-m', day);
  return git('rev-parse', 'HEAD').trim();
}

function corpusOf(texts: Record<string, string>): Corpus {
  let stored = '';
  const documents = Object.entries(texts).map(([path, text]) => {
    const offset = stored.length;
    stored += text;
    return { in: true, path, split: 'train', offset, tokens: text.length };
  });
  const read = (begin: number, count: number) => charTokenizer.encode(stored.slice(begin, begin + count));
  return { documents, summary: {}, measured: 'code', train: { read }, heldOut: { read } } as never;
}

interface Asked {
  counts?: { line: number; block: number };
  where?: string;
  learned?: Record<string, string>;
  plan?: object;
  more?: Partial<RunSpec>;
  heads?: Record<string, string>;
}
/** After a run on 2 January. */
const found = ({
  counts = { line: 20, block: 0 },
  where = folder,
  learned = trained,
  ...asked
}: Asked = {}) => {
  const corpus = corpusPlanSchema.parse({ repositoryContext: true, ...asked.plan });
  const spec = { folder: where, createdAt: '2026-01-02T00:00:00.000Z', corpus, ...asked.more } as RunSpec;
  const read = { ...corpusOf(learned), summary: { heads: asked.heads } } as Corpus;
  return landedCursors(spec, read, tokenizer, { commits: 30, counts });
};
const pathsOf = (cursors: Awaited<ReturnType<typeof found>>) => cursors.map(({ path }) => path);

it('are in the lines that were added, with what was not written yet left out below them', async () => {
  const added = ['export const second = taxOf(2222);', 'export const third = second + first;'];
  const id = commit('2026-01-03', { 'src/shop.ts': `${shop}${added.join('\n')}\n// The end.\n` });
  const cursors = await found();
  expect(
    cursors.map(({ commit, path, line, column, actual }) => [
      commit,
      path,
      line,
      added[line - 9]?.slice(column) === actual,
    ]),
  ).toEqual([
    [id, 'src/shop.ts', 9, true],
    [id, 'src/shop.ts', 10, true],
  ]);
  const [first, second] = cursors;
  expect(first!.before.startsWith('import { taxOf }')).toBe(true);
  expect([first!.after.includes('third'), first!.after.includes('The end')]).toEqual([false, false]);
  expect(second!.before).toContain(added[0]);
});

it('see the repository as it stood before their commit, with what earlier ones brought', async () => {
  commit('2026-01-03', {
    'src/rates.ts': 'export function rateOf(country: string): number {\n  return country.length;\n}\n',
  });
  const use = 'export const rate = rateOf(country) * taxOf(price);';
  const id = commit('2026-01-04', {
    'src/shop.ts': `import { rateOf } from './rates';\n${shop}${use}\n`,
    'src/late.ts': 'export const lateRateOf = (country: string) => rateOf(country);\n',
  });
  const cursor = (await found()).find(({ commit, path }) => commit === id && path === 'src/shop.ts')!;
  const texts = cursor.others.map(({ text }) => text).join('\n');
  expect(texts).toContain('rateOf(country: string)');
  expect(texts).toContain('taxOf(price: number)');
  expect(texts).not.toContain('lateRateOf');
});

it('are not in what the run had read already, in other text, or in what a program wrote', async () => {
  const learned = 'export const second = taxOf(2222);';
  git('rm', '-q', 'src/shop.ts');
  commit('2026-01-03', { 'README.md': 'A shop that sells things to people = fine\n' });
  commit('2026-01-04', { 'src/shop.ts': shop });
  commit('2026-01-05', { 'package-lock.json': '{\n  "name": "shop", "version": "1.2.3"\n}\n' });
  commit('2026-01-06', { 'src/all.ts': `${learned}\n`.repeat(1001) });
  expect(await found()).toEqual([]);
});

it('are counted up to the newest commits and the number asked for, blocks too', async () => {
  for (let day = 3; day < 23; day += 1)
    commit(`2026-01-${String(day).padStart(2, '0')}`, {
      [`src/day${day}.ts`]: `${'// A day.\n'.repeat(5)}export function day${day}(hours: number) {\n  return hours * ${day};\n}\n`,
    });
  const cursors = await found({ counts: { line: 6, block: 4 } });
  expect(
    cursors
      .map(({ kind }) => kind)
      .sort()
      .join(),
  ).toBe([...Array<string>(4).fill('block'), ...Array<string>(6).fill('line')].join());
  expect(
    cursors
      .filter(({ kind }) => kind === 'block')
      .every(({ actual }) => /^\n {2}return hours \* \d+;$/.test(actual)),
  ).toBe(true);
});

it('need a repository', async () => {
  const where = mkdtempSync(join(tmpdir(), 'fmn-none-'));
  vi.stubEnv('GIT_CEILING_DIRECTORIES', dirname(where));
  await expect(found({ where })).rejects.toThrow(NoRepository);
  rmSync(where, { recursive: true });
  // It is gone.
  await expect(found({ where })).rejects.toThrow(NoRepository);
});

it('have nothing below them that the same commit added', async () => {
  const body = (name: string) => `export function ${name}(price: number) {\n  return taxOf(price);\n}\n`;
  const [before, line] = [
    `${'// A file of functions.\n'.repeat(5)}`,
    '  const rate = rateOf(price, country);\n',
  ];
  commit('2026-01-03', { 'src/all.ts': before + body('one') + body('two') });
  const changed = (before + body('one') + body('two')).replaceAll('  return', `${line}  return`);
  const id = commit('2026-01-04', { 'src/all.ts': changed });
  const [first] = (await found()).filter(({ commit: of }) => of === id);
  expect(first!.before + first!.actual).toMatch(/ rateOf\(price, country\);$/);
  expect(first!.after).toContain('export function two');
  expect(first!.after).not.toContain('rateOf');
});

it('are not in lines that the run had read, moved, not committed yet, or committed again', async () => {
  const [known, fresh] = ['export const second = taxOf(2222);', 'export const third = taxOf(333333);'];
  const file = (...lines: string[]) => `${'// A file.\n'.repeat(5)}${lines.join('\n')}\n`;
  commit('2026-01-03', { 'src/other.ts': file(known, fresh) });
  const learned = { ...trained, 'src/draft.ts': `  ${known}\r\n` };
  expect((await found({ learned })).map(({ actual, before }) => before.split('\n').at(-1)! + actual)).toEqual(
    [fresh],
  );
});

it('are in the commits of several folders in the order of time, each as it stood', async () => {
  const file = (text: string) => `${'// A file.\n'.repeat(5)}export const value = ${text};\n`;
  commit('2026-01-03', { 'b/late.ts': file('firstOf(orders, customers)') });
  commit('2026-01-04', {
    'a/new.ts': file('secondOf(orders, customers)'),
    'b/late.ts': file('thirdOf(orders, customers)'),
  });
  const folders = ['a', 'b'].map((name) => ({ name, path: join(folder, name) }));
  const cursors = await found({ more: { folder: folders[0]!.path, folders } });
  expect(cursors.map(({ at, path }) => [at.slice(8, 10), path])).toEqual([
    ['03', 'b/late.ts'],
    ['04', 'a/new.ts'],
    ['04', 'b/late.ts'],
  ]);
  expect(cursors[0]!.others.map(({ text }) => text).join()).not.toContain('thirdOf');
});

it('are not in files that the run excludes or git ignores, nor in submodules, and odd names spoil nothing', async () => {
  const text = `${'// A file.\n'.repeat(5)}export const value = taxOf(2222, country);\n`;
  const names = ['legacy/old.ts', 'own/mine.ts', 'we"ird.js', 'src/good.ts', 'vendor/their.ts'];
  writeFileSync(join(folder, '.gitignore'), 'own/\n');
  git('config', 'diff.interHunkContext', '10');
  git('update-index', '--add', '--cacheinfo', `160000,${git('rev-parse', 'HEAD').trim()},three.js`);
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  for (const name of names) git('add', '-f', name);
  git('-c', 'user.name=A', 'commit', '-q', '-m', 'all', '--date=2026-01-03T12:00:00Z');
  commit('2026-01-04', {
    'src/good.ts': `${text}// Unchanged here.\nexport const other = taxOf(33333, country);\n`,
  });
  const cursors = await found({ plan: { exclude: ['legacy/**'] } });
  expect(pathsOf(cursors)).toEqual(['src/good.ts', 'src/good.ts']);
});

it('are after the commit that the run saw, whatever its time, also without that commit', async () => {
  const file = (n: number) => ({
    [`src/${n}.ts`]: `${'// A file.\n'.repeat(5)}export const value${n} = taxOf(${n}, country);\n`,
  });
  const head = commit('2026-01-03', file(1));
  commit('2025-12-31', file(2));
  commit('2026-01-05', file(3));
  expect(pathsOf(await found({ heads: { [folder]: head } }))).toEqual(['src/2.ts', 'src/3.ts']);
  expect(pathsOf(await found({ heads: { [folder]: 'ab'.repeat(20) } }))).toEqual(['src/3.ts']);
});

it('do not see files that are gone', async () => {
  const use = (n: number) => ({
    [`src/use${n}.ts`]: `import { taxOf } from './tax';\n${'// A file.\n'.repeat(5)}export const value = taxOf(${n}, country);\n`,
  });
  git('mv', 'src/tax.ts', 'src/taxes.ts');
  commit('2026-01-03', use(1));
  const id = commit('2026-01-04', use(2));
  const cursor = (await found()).find((one) => one.commit === id)!;
  expect(cursor.others.map(({ filename }) => filename)).not.toContain('src/tax.ts');
});

/** Several folders in one corpus: their names, what is read from each, and the layout. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import { plannedSources } from '../../../src/corpus/build-from-plan.ts';
import {
  buildCorpus,
  chooseFolders,
  renameGlobs,
  EarlierCorpus,
  innermost,
  nameFolders,
  openCorpus,
  promptPath,
  surveyCorpus,
  type CorpusTokenizer,
} from '../../../src/corpus/index.ts';
import { createRenaming, isSameFolder } from '../../../src/corpus/reading/folders.ts';
import { foldersOf, locate } from '../../../src/protocol/folders.ts';
import { corpusPlanSchema, type CorpusPlan } from '../../../src/protocol/run.ts';
import { runGit } from '../../support/git.ts';
import { byteTokenizer, code, textOf, useTemporaryFolder } from './help.ts';

const folder = useTemporaryFolder();
const at = (name: string) => join(folder.in(), name);
const choose = (...names: string[]) => chooseFolders(names.map(at));
const many = (parent: string, from: number, to: number) =>
  Object.fromEntries(
    Array.from({ length: to - from }, (_, n) => [`${parent}/file${from + n}.ts`, code(from + n)]),
  );

async function survey(names: readonly string[], patch: Partial<CorpusPlan> = {}) {
  const plan = corpusPlanSchema.parse(patch);
  const where = choose(...names);
  const sources = plannedSources({ ...where, plan, metadata: {}, hasStartToken: false });
  return surveyCorpus({ ...sources, documents: undefined, plan, seed: 0 });
}
const pathsIn = async (...of: Parameters<typeof survey>) =>
  [...new Set((await survey(...of)).kept.map(({ path }) => path))].sort();

describe('folder names', () => {
  const named = (...paths: string[]) => nameFolders(paths.map((path) => resolve(path)));
  const namesOf = (...paths: string[]) => named(...paths).map(({ name }) => name);

  it('are unique, also for folders of the same name', () => {
    expect(namesOf('/code/api', '/code/web')).toEqual(['api', 'web']);
    expect(namesOf('/code/old/api', '/code/web', '/code/new/api')).toEqual(['api (old)', 'web', 'api (new)']);
    expect(namesOf('/a/x/api', '/b/x/api')).toEqual(['api (x)', 'api (x) 2']);
    expect(namesOf('/a/x/api', '/b/y/api', '/c/api (x)')).toEqual(['api (x)', 'api (y)', 'api (x) 2']);
  });
  it('do not depend on the order', () => {
    const paths = ['/b/x/api', '/a/x/api', '/c/api (x)', '/web'].map((path) => resolve(path));
    const sorted = (some: string[]) => nameFolders(some).sort((a, b) => (a.path < b.path ? -1 : 1));
    expect(sorted(paths.toReversed())).toEqual(sorted(paths));
  });
  it('identify the folder of a document, and its path in prompts', () => {
    const where = { folder: resolve('/x/api'), folders: named('/x/api', '/y/api', '/code/api-docs') };
    expect(locate(foldersOf(where), 'api (y)/src/a.ts')).toMatchObject({
      folder: { name: 'api (y)' },
      path: 'src/a.ts',
    });
    expect(locate(foldersOf(where), 'row 12')).toBeUndefined();
    expect(promptPath(where, 'api (y)/src/a.ts')).toEqual({ repository: 'api', path: 'src/a.ts' });
    expect(promptPath(where, 'api-docs/a.md')).toEqual({ repository: 'api-docs', path: 'a.md' });
    expect(promptPath({ folder: '/x/api' }, 'api/src/a.ts')).toEqual({
      repository: 'api',
      path: 'api/src/a.ts',
    });
  });
  it('identify the innermost folder of a file', () => {
    const folders = ['/mono', '/mono/packages/api'].map((path) => ({ path: resolve(path) }));
    expect(innermost(folders, resolve('/mono/packages/api/a.ts'))).toEqual({
      folder: folders[1],
      path: 'a.ts',
    });
    expect(innermost(folders, resolve('/mono/packages/api2/a.ts'))?.path).toBe('packages/api2/a.ts');
    expect(innermost(folders, resolve('/monorepo/a.ts'))).toBeUndefined();
  });
});

describe('the folders', () => {
  it('count once each, however they are specified', async () => {
    folder.write({ 'api/a.ts': code(1), 'web/a.ts': code(2) });
    symlinkSync(at('api'), at('link'), 'junction');
    const one = chooseFolders([at('api'), `${at('api')}${sep}`, join(at('web'), '..', 'api'), at('link')]);
    expect(one).toEqual({ folder: at('api') });
    expect(choose()).toEqual({});
    expect(choose('web', 'gone')).toEqual({
      folder: at('web'),
      folders: [
        { path: at('web'), name: 'web' },
        { path: at('gone'), name: 'gone' },
      ],
    });
  });

  it("prefix their documents' names, and use their own .gitignore", async () => {
    folder.write({
      'api/src/x.ts': code(1),
      'api/build/y.ts': code(2),
      'api/.gitignore': 'build\n',
      'web/src/x.ts': code(3),
      'web/build/y.ts': code(4),
    });
    for (const name of ['api', 'web']) runGit(at(name), ['init', '-q']);
    const { kept, leftOut, summary } = await survey(['api', 'web']);
    expect(kept.map(({ path }) => path)).toEqual(['api/src/x.ts', 'web/build/y.ts', 'web/src/x.ts']);
    expect(leftOut).toContainEqual({ in: false, path: 'api/build/', reason: 'git-ignored', folder: true });
    expect(summary).toMatchObject({ folder: at('api'), folders: [{ name: 'api' }, { name: 'web' }] });
  });

  it('are filtered only by names within them', async () => {
    folder.write({ 'node_modules/a.ts': code(1), 'node_modules/b.ts': code(2), 'web/c.ts': code(3) });
    expect(await pathsIn(['node_modules', 'web'])).toEqual([
      'node_modules/a.ts',
      'node_modules/b.ts',
      'web/c.ts',
    ]);
  });

  it('are read once if nested, as themselves, even if the outer one would leave them out', async () => {
    folder.write({
      'mono/a.ts': code(1),
      'mono/.gitignore': 'generated\n',
      'mono/packages/api/b.ts': code(2),
      'mono/packages/web/c.ts': code(3),
      'mono/generated/d.ts': code(4),
    });
    mkdirSync(at('mono/.git'));
    expect(await pathsIn(['mono', 'mono/packages/api', 'mono/generated'])).toEqual([
      'api/b.ts',
      'generated/d.ts',
      'mono/a.ts',
      'mono/packages/web/c.ts',
    ]);
  });

  it('may contain copies of each other, one of which is learned', async () => {
    folder.write({ ...many('api', 0, 6), 'web/copy.ts': code(3), 'web/own.ts': code(50) });
    expect((await survey(['api', 'web'])).leftOut).toEqual([
      { in: false, path: 'web/copy.ts', reason: 'duplicate', detail: 'api/file3.ts' },
    ]);
  });

  it('are named in one sentence if empty, unusable or missing', async () => {
    folder.write({ ...many('api', 0, 12), 'pictures/a.png': Buffer.from([0]) });
    mkdirSync(at('empty'));
    const { summary } = await survey(['api', 'empty', 'pictures']);
    expect(summary.warnings).toEqual([
      `There is nothing to learn from in ${at('empty')}: it contains no files.`,
      `There is nothing to learn from in ${at('pictures')}: 1 left out (1 not text).`,
    ]);
    await expect(survey(['api', 'gone'])).rejects.toMatchObject({
      code: 'corpus-unreadable',
      message: `The folder ${at('gone')} can't be read: it does not exist.`,
    });
    mkdirSync(at('void'));
    await expect(survey(['empty', 'void'])).rejects.toMatchObject({
      code: 'corpus-empty',
      message: `There is nothing to learn from in ${at('empty')}, ${at('void')}: they contain no files.`,
    });
  });

  it('take globs for all of them, each from its own root, or for one by its name', async () => {
    const files = ['src/a.ts', 'src/b.md', 'test/c.ts'];
    for (const [n, path] of files.entries())
      folder.write({ [`api/${path}`]: code(n), [`web/${path}`]: code(10 + n) });
    expect(await pathsIn(['api', 'web'], { include: ['/src'], exclude: ['*.md'] })).toEqual([
      'api/src/a.ts',
      'web/src/a.ts',
    ]);
    expect(await pathsIn(['api', 'web'], { include: ['api:src'], exclude: ['web:*.md'] })).toEqual([
      'api/src/a.ts',
      'api/src/b.md',
      'web/src/a.ts',
      'web/test/c.ts',
    ]);
  });

  it('are held out in proportion, separately', async () => {
    // Files of similar sizes: large ones are not held out.
    for (let n = 0; n < 100; n += 1)
      folder.write({ [`${n % 5 < 3 ? 'api' : 'web'}/src/file${n}.ts`]: code(100 + n) });
    const { kept } = await survey(['api', 'web']);
    const heldOut = (name: string) =>
      kept.filter(({ path, split }) => split === 'held-out' && path.startsWith(name)).length;
    expect([heldOut('api/'), heldOut('web/')]).toEqual([6, 4]);
  });
});

describe('one folder', () => {
  it('is read as before, whether specified once or twice', async () => {
    folder.write(many('api/src', 0, 60));
    const build = async (where: Awaited<ReturnType<typeof choose>>) => {
      const summary = await buildCorpus({ ...where, out: folder.out(), tokenizer: byteTokenizer, seed: 0 });
      return { summary, documents: (await openCorpus(folder.out())).documents };
    };
    const alone = await build({ folder: at('api') });
    expect(alone.documents[0]!.path).toBe('src/file0.ts');
    expect(alone.summary).not.toHaveProperty('folders');
    // As it was before several folders were supported.
    expect(alone.summary.digest).toBe('415cb2eecb6de40f99606912d0253b5bf94354dd09d15d679cdc7f5cd56d4cab');
    expect(await build(choose('api', 'api'))).toEqual(alone);
  });
});

const [REPOSITORY, FILE] = [300, 301];
/** Bytes, and a base's repository tokens. */
const joining: CorpusTokenizer = {
  encode(text, { special = false } = {}) {
    const marks: Record<string, number> = { '<|repo_name|>': REPOSITORY, '<|file_sep|>': FILE };
    const mark = special ? marks[text] : undefined;
    return mark === undefined ? byteTokenizer.encode(text) : Int32Array.of(mark);
  },
  eos: 256,
};

describe('whole repositories', () => {
  const build = async (...names: string[]) => {
    const where = choose(...names);
    const plan = { repositoryContext: true };
    const summary = await buildCorpus({ ...where, out: folder.out(), tokenizer: joining, seed: 0, plan });
    return { summary, corpus: await openCorpus(folder.out()) };
  };

  it('are one per folder, with the paths that completion uses', async () => {
    folder.write({ ...many('x/api/src', 0, 20), ...many('y/api/lib', 100, 120), ...many('web', 200, 220) });
    const { corpus } = await build('x/api', 'y/api', 'web');
    const all = corpus.train.read(0, corpus.train.length);
    const begins = [...all.keys()].filter((place) => all[place] === REPOSITORY);
    const laidOut = begins.map((begin, index) => {
      const tokens = all.subarray(begin, begins[index + 1]);
      const [name, ...files] = [...tokens]
        .join(' ')
        .split(` ${FILE} `)
        .map((part) => textOf(Int32Array.from(part.split(' ').map(Number))));
      return { name: name!.trim(), folders: new Set(files.map((file) => file.split(/[/\n]/)[0])) };
    });
    expect(laidOut).toEqual([
      { name: 'api', folders: new Set(['src']) },
      { name: 'api', folders: new Set(['lib']) },
      { name: 'web', folders: expect.any(Set) as unknown },
    ]);
    expect([...laidOut[2]!.folders].every((name) => /^file2\d\d\.ts$/.test(name!))).toBe(true);
    // The manifest gives the offset of each, and all tokens are accounted for.
    const trained = corpus.documents.filter(({ split }) => split === 'train');
    expect(trained.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(all.length);
    for (const { path, offset, tokens } of trained)
      expect(textOf(corpus.train.read(offset, tokens))).toContain(
        `${path.replace(/^api \(.\)\/|^web\//, '')}\n`,
      );
  });

  it('have another digest than one folder with the same paths', async () => {
    folder.write({ ...many('all/api', 0, 10), ...many('all/web', 10, 20) });
    const several = await build('all/api', 'all/web');
    const one = await build('all');
    const paths = ({ corpus }: typeof one) => corpus.documents.map(({ path, split }) => [path, split]);
    expect(paths(several)).toEqual(paths(one));
    expect(several.summary.digest).not.toBe(one.summary.digest);
  });
});

describe('the last changes', () => {
  it("come from each folder's history, and are compared across all", async () => {
    folder.write({ ...many('api', 0, 20), ...many('web', 100, 120) });
    for (const [name, time] of [
      ['api', 1_700_000_000],
      ['web', 1_700_000_000 - 180 * 24 * 3600],
    ] as const) {
      const git = (...args: string[]) => runGit(at(name), args, time);
      git('init', '-q');
      git('add', '.');
      git('commit', '-qm', 'all');
    }
    const where = choose('api', 'web');
    const plan = { halfLifeDays: 180 };
    await buildCorpus({ ...where, out: folder.out(), tokenizer: byteTokenizer, seed: 0, plan });
    for (const { path, split, weight } of (await openCorpus(folder.out())).documents)
      expect([path, weight]).toEqual([path, split === 'train' && path.startsWith('web') ? 500 : undefined]);
  });
});

describe('a corpus that continues another', () => {
  const one = (path: string) => ({ folder: resolve(path) });
  const several = (...paths: string[]) => ({
    folder: resolve(paths[0]!),
    folders: nameFolders(paths.map((path) => resolve(path))),
  });

  it.each([
    ['the same folder at another path', one('/a/api'), one('/b/api'), 'src/x.ts', 'src/x.ts'],
    [
      'the same folders at other paths',
      several('/a/api', '/a/web'),
      several('/b/web', '/b/api'),
      'web/x.ts',
      'web/x.ts',
    ],
    ['a folder and another', one('/a/api'), several('/a/api', '/a/web'), 'src/x.ts', 'api/src/x.ts'],
    ['one folder of two', several('/a/api', '/a/web'), one('/a/web'), 'web/src/x.ts', 'src/x.ts'],
    ['the folders in one', one('/mono'), several('/mono/api', '/mono/web'), 'web/x.ts', 'web/x.ts'],
    [
      'a folder whose name is now ambiguous',
      one('/a/api'),
      several('/a/api', '/b/api'),
      'x.ts',
      'api (a)/x.ts',
    ],
    ['a row', several('/a/api', '/a/web'), one('/a/web'), 'row 12', 'row 12'],
  ] as const)('finds the files of %s', (_, earlier, now, path, expected) => {
    expect(createRenaming(earlier, now)(path)).toBe(expected);
  });

  it.each([
    ['a folder is added', one('/a/api'), several('/a/api', '/a/web'), ['src', '!x'], ['api:src', 'api:!x']],
    ['a folder is replaced by several', one('/a/api'), several('/b/web', '/b/docs'), ['src'], ['src']],
    [
      'a folder is removed',
      several('/a/api', '/a/web'),
      one('/a/web'),
      ['api:src', 'web:lib', '*.ts'],
      ['lib', '*.ts'],
    ],
    [
      'a folder name becomes ambiguous',
      several('/a/api', '/a/web'),
      several('/a/api', '/b/api'),
      ['api:src', '*.ts'],
      ['api (a):src', '*.ts'],
    ],
    ['all stay the same', one('/a/api'), one('/b/api'), ['src'], ['src']],
  ] as const)('keeps globs for the files that they were for, if %s', (_, earlier, now, globs, expected) => {
    expect(renameGlobs(globs, earlier, now)).toEqual(expected);
  });

  it.each([
    ['C:\\a\\b', 'c:\\A\\b\\', 'win32', true],
    ['C:\\a\\b', 'd:\\a\\b', 'win32', false],
    ['/a/b', '/a/b/', 'linux', true],
    ['/a/b', '/A/b', 'linux', false],
    ['/a/b', '/a', 'linux', false],
  ] as const)('compares folders as their system does: %s and %s on %s', (a, b, platform, same) => {
    expect(isSameFolder(a, b, platform)).toBe(same);
  });

  it('does not confuse a file with one at the same path in a removed folder', () => {
    const path = createRenaming(several('/a/api', '/a/web'), one('/a/api'))('web/src/x.ts');
    expect(path).toBe(resolve('/a/web/src/x.ts'));
  });

  it('keeps the split of changed files when a folder is added', async () => {
    folder.write(many('api/src', 0, 40));
    const out = folder.out();
    await buildCorpus({ folder: at('api'), out, tokenizer: byteTokenizer, seed: 0 });
    const { documents, leftOut } = await openCorpus(out);
    const now = choose('api', 'web');
    const renamed = createRenaming({ folder: at('api') }, now);
    const earlier = new EarlierCorpus(
      documents.map((entry) => ({ ...entry, path: renamed(entry.path) })),
      leftOut,
    );
    folder.write({ ...many('web', 100, 120) });
    for (const [n, { path }] of documents.entries()) folder.write({ [`api/${path}`]: code(1000 + n) });
    const { kept, summary } = await surveyCorpus({ ...now, seed: 0, earlier });
    const sides = new Map(kept.map(({ path, split }) => [path, split]));
    for (const { path, split } of documents) expect(sides.get(`api/${path}`)).toBe(split);
    expect(summary.changed).toMatchObject({ files: 60, kept: 40 });
  });
});

/** Next edits in files that are not open. */
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { FileSearch, type FileQuestion } from '../../../src/next-edit-finder/file-search.ts';
import { search } from '../../../src/next-edit/find.ts';
import { until } from '../../support/until.ts';

let root: string;
let now = 0;
let files: FileSearch;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'fmn-files-')));
  now = 0;
  files = new FileSearch(() => now);
});
afterEach(() => rm(root, { recursive: true }));

const put = (name: string, text: string) => writeFile(join(root, name), text);
/** A line that uses what is renamed. */
const use = (what: string) => `import { load } from './a.ts'; load('${what}');`;

/** The file's name and the offered line, after `load` was renamed and `more` was written below it. */
async function offers(question: Partial<FileQuestion> = {}, more = '', name = 'loadFile') {
  const path = 'file:///w/a.ts';
  const after = `export function ${name}(path: string) {`;
  const edit = {
    path,
    languageId: 'typescript',
    at: 0,
    before: 'export function load(path: string) {',
    after,
  };
  const text = `${after}\n  return path;\n}\n${more}`;
  const found = search([{ ...edit, time: 1 }], [{ path, languageId: 'typescript', text }], {
    path,
    place: 0,
  });
  const asked = { found, folders: [root], open: new Set<string>(), isSuperseded: () => false };
  const all = await files.offers({ ...asked, near: undefined, ...question });
  return all?.map(({ offer, text: whole }) => [
    offer.path.replace(pathToFileURL(root).href, ''),
    whole.split('\n')[offer.line],
  ]);
}

it('are found again without rereading, as long as edit and files stay the same', async () => {
  await put('b.ts', `${use('b')}\n`);
  const first = await offers();
  expect(first).toEqual([['/b.ts', use('b')]]);
  await put('b.ts', `${use('other')}\n`);
  expect(await offers({}, '// The rename is the same, wherever the text ends.\n')).toEqual(first);
  expect(await offers({ open: new Set([join(root, 'b.ts')]) })).toEqual([]);
  expect(await offers()).toEqual([['/b.ts', use('other')]]);
  await put('b.ts', `${use('more')}\n`);
  expect(await offers({}, '', 'loadText')).toEqual([['/b.ts', use('more')]]);
  await put('b.ts', `${use('later')}\n`);
  now += 30_000;
  expect(await offers({}, '', 'loadText')).toEqual([['/b.ts', use('later')]]);
});

it('come from the previous list while the files are listed again', async () => {
  await put('b.ts', `${use('b')}\n`);
  expect(await offers()).toHaveLength(1);
  await put('c.ts', `${use('c')}\n`);
  now += 100_000;
  expect(await offers()).toHaveLength(1);
  await until('the new names', async () => (await offers())?.length === 2);
});

it("come from the other folders if one can't be read", async () => {
  await mkdir(join(root, 'there'));
  await put('there/b.ts', `${use('b')}\n`);
  const folders = [join(root, 'gone'), join(root, 'there')];
  expect(await offers({ folders })).toEqual([['/there/b.ts', use('b')]]);
});

it('are found once if one folder lies in another', async () => {
  await mkdir(join(root, 'there'));
  await put('there/b.ts', `${use('b')}\n`);
  expect(await offers({ folders: [root, join(root, 'there')] })).toEqual([['/there/b.ts', use('b')]]);
});

it('come from the nearest of too many files', async () => {
  for (const folder of ['one', 'two']) {
    await mkdir(join(root, folder));
    for (const name of ['a.ts', 'b.js']) await put(`${folder}/${name}`, `${use(name)}\n`);
  }
  const found = async (near?: string) => {
    files = new FileSearch(() => now, 2);
    return (await offers({ near }))?.map(([name]) => name);
  };
  expect(await found()).toEqual(['/one/a.ts', '/one/b.js']);
  expect(await found(join(root, 'two', 'c.js'))).toEqual(['/two/b.js', '/two/a.ts']);
});

it("have the editor's offsets in a file with a byte order mark", async () => {
  await put('b.ts', `\uFEFF${use('b')}\n`);
  expect(await offers()).toEqual([['/b.ts', use('b')]]);
});

it('are no longer searched for once superseded, and nothing is cached', async () => {
  await put('b.ts', `${use('b')}\n`);
  expect(await offers({ isSuperseded: () => true })).toBeUndefined();
  expect(await offers()).toHaveLength(1);
});

it('are not cached for longer because the clock was set back', async () => {
  const steady = vi.spyOn(performance, 'now').mockReturnValue(0);
  const clock = vi.spyOn(Date, 'now').mockReturnValue(3600_000);
  onTestFinished(() => void vi.restoreAllMocks());
  files = new FileSearch();
  await put('b.ts', `${use('b')}\n`);
  expect(await offers()).toEqual([['/b.ts', use('b')]]);
  await put('b.ts', `${use('later')}\n`);
  clock.mockReturnValue(1000);
  steady.mockReturnValue(30_000);
  expect(await offers()).toEqual([['/b.ts', use('later')]]);
});

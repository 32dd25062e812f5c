/** The thread that finds next edits, as the extension starts it. Needs dist/. */
import { once } from 'node:events';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { FromFinder, ToFinder } from '../../src/next-edit-finder/finder.ts';

let folder: string;
let finder: Worker;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'finder-')));
  finder = new Worker('./dist/next-edit-finder.mjs', { execArgv: [] });
});
afterEach(async () => {
  await finder.terminate();
  await rm(folder, { recursive: true });
});

const address = (name: string) => pathToFileURL(join(folder, name)).href;

/** A script that uses what is renamed. */
const use = (what: string) => `import { load } from './a.ts'; load('${what}');\n`;

/** `load` was renamed to `loadFile` in a.ts. */
function question(id: number, more: Partial<ToFinder> = {}): ToFinder {
  const path = address('a.ts');
  const text = 'export function loadFile(path: string) {\n  return path;\n}\nload("x");\n';
  const after = 'export function loadFile(path: string) {';
  const edit = { path, languageId: 'typescript', at: 0, before: after.replace('File', ''), after, time: 1 };
  return {
    ...{
      id,
      edits: [edit],
      changed: [{ path, languageId: 'typescript', text }],
      open: [path],
      searched: [path],
      path,
      place: 0,
    },
    ...{ unwanted: [], folders: [folder] },
    ...more,
  };
}

/** The answers to one request; those to earlier requests may still arrive. */
async function answers(count: number, id = 1): Promise<FromFinder[]> {
  const found: FromFinder[] = [];
  while (found.length < count) {
    const [answer] = (await once(finder, 'message')) as [FromFinder];
    if (answer.id === id) found.push(answer);
  }
  return found;
}
const placesOf = ({ offers }: FromFinder) => offers.map(({ path, line }) => [path, line]);

it('answers for open documents first, then for files that git does not ignore', async () => {
  await writeFile(join(folder, '.gitignore'), 'made.ts\n');
  await writeFile(join(folder, 'made.ts'), use('made'));
  await writeFile(join(folder, 'b.ts'), '\nimport { load } from "./a.ts";\n');
  await writeFile(join(folder, 'picture.png'), 'load\0');
  finder.postMessage(question(1));
  const [first, second] = await answers(2);
  expect([first!.more, second!.more]).toEqual([true, undefined]);
  expect(placesOf(first!)).toEqual([[address('a.ts'), 3]]);
  expect(placesOf(second!)).toEqual([
    [address('a.ts'), 3],
    [address('b.ts'), 1],
  ]);
  const [, imported] = second!.offers;
  expect([imported!.before, imported!.after]).toEqual([
    'import { load } from "./a.ts";',
    'import { loadFile } from "./a.ts";',
  ]);
});

it('answers twice even if the files contain nothing', async () => {
  finder.postMessage(question(1));
  const [first, second] = await answers(2);
  expect(second).toEqual({ ...first, more: undefined });
});

it('does not search an open file on disk, however its URI is written', async () => {
  await writeFile(join(folder, '[id]@b.ts'), use('x'));
  await writeFile(join(folder, 'c.ts'), use('y'));
  // As VS Code writes it.
  const open = address('%5Bid%5D%40b.ts').replaceAll('%25', '%');
  finder.postMessage(question(1, { open: [address('a.ts'), open, 'untitled:Untitled-1'] }));
  const [, second] = await answers(2);
  expect(placesOf(second!)).toEqual([
    [address('a.ts'), 3],
    [address('c.ts'), 0],
  ]);
});

it('keeps texts until they change, and leaves out unwanted ones', async () => {
  finder.postMessage(question(1));
  const [first] = await answers(1);
  finder.postMessage(question(2, { changed: [] }));
  expect((await answers(1, 2))[0]).toEqual({ ...first, id: 2 });
  finder.postMessage(question(3, { changed: [], unwanted: [first!.offers[0]!.pattern] }));
  expect((await answers(1, 3))[0]!.offers).toEqual([]);
});

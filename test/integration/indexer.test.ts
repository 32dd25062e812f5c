/** The real indexer process: its answers, and its end with its parent. */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { callsOver, type Calls } from '../../src/platform/processes/calls.ts';
import type { Asked, Indexed, IndexerCalls, IndexerOwnerCalls } from '../../src/protocol/repository.ts';

let work: string;
let folder: string;
let child: ChildProcess | undefined;
let indexer: Calls<IndexerCalls>;
const indexed: Indexed[] = [];
const warnings: string[] = [];

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'fmn-indexer-'));
  folder = join(work, 'shop');
  mkdirSync(folder);
  writeFileSync(join(folder, 'tax.py'), 'def tax_of(price, country):\n    return price\n');
  indexed.length = 0;
  warnings.length = 0;
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(work, { recursive: true, force: true });
});

function start(...folders: string[]): ChildProcess {
  child = fork('dist/indexer.mjs', folders, {
    env: { ...process.env, FORGET_ME_NOT_HOME: join(work, 'home') },
    serialization: 'advanced',
  });
  indexer = callsOver<IndexerCalls, IndexerOwnerCalls>(child, {
    indexed: (one) => void indexed.push(one),
    warning: (message) => void warnings.push(message),
  });
  return child;
}

/** The last indexed folder, if any. */
const nextIndexed = () =>
  vi.waitFor(() => {
    expect(indexed).not.toEqual([]);
    return indexed.pop()!;
  }, 60_000);

const asked: Asked = {
  ...{ path: 'cart.py', languageId: 'python', before: 'total = tax_of(', after: '', line: 0, budget: 1000 },
  ...{ shown: { before: 2400, after: 600 }, edits: [] },
};

it("finds definitions, with paths in the asker's form", async () => {
  start(folder, join(work, 'nowhere'));
  // Requests before the index is ready are answered as well.
  expect(await indexer.parts(join(work, 'elsewhere'), asked)).toEqual([]);
  expect(await nextIndexed()).toMatchObject({ folder, files: 1, read: 1 });
  expect(warnings).toEqual([expect.stringContaining('nowhere')]);
  expect((await indexer.parts(folder, asked))[0]).toMatchObject({ filename: 'tax.py' });
  // For a model trained on the parent folder, paths start there.
  const [found] = await indexer.parts(work, { ...asked, path: 'shop/cart.py' });
  expect(found).toMatchObject({ filename: 'shop/tax.py' });
});

it('ends with its parent, and keeps its index', async () => {
  const first = start(folder);
  await nextIndexed();
  const ended = new Promise((done) => first.once('exit', done));
  first.disconnect();
  expect(await ended).toBe(0);
  // Even if nothing has changed for long, or the clock is years ahead.
  const index = join(work, 'home', 'cache', 'index');
  for (const name of readdirSync(index)) utimesSync(join(index, name), 1, 1);
  start(folder);
  expect(await nextIndexed()).toMatchObject({ files: 1, read: 0 });
});

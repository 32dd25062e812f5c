/** The real indexer: what it answers, that bad messages do not end it, and that it ends with its parent. */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fromIndexerSchema, type FromIndexer, type ToIndexer } from '../../src/protocol/repository.ts';

let work: string;
let folder: string;
let child: ChildProcess | undefined;
const heard: FromIndexer[] = [];

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'fmn-indexer-'));
  folder = join(work, 'shop');
  mkdirSync(folder);
  writeFileSync(join(folder, 'tax.py'), 'def tax_of(price, country):\n    return price\n');
  heard.length = 0;
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(work, { recursive: true, force: true });
});

function start(...folders: string[]): ChildProcess {
  child = fork('dist/indexer.mjs', folders, {
    env: { ...process.env, FORGET_ME_NOT_HOME: join(work, 'home') },
  });
  child.on('message', (message) => heard.push(fromIndexerSchema.parse(message)));
  return child;
}

async function next<T extends FromIndexer['type']>(type: T): Promise<Extract<FromIndexer, { type: T }>> {
  for (;;) {
    const at = heard.findIndex((message) => message.type === type);
    if (at >= 0) return heard.splice(at, 1)[0] as Extract<FromIndexer, { type: T }>;
    await new Promise((done, failed) => {
      child!.once('message', done).once('exit', () => failed(new Error(`It ended before it said ${type}.`)));
    });
  }
}

const ask: ToIndexer = {
  ...{ type: 'ask', id: 1 },
  root: '',
  asked: {
    ...{ path: 'cart.py', languageId: 'python', before: 'total = tax_of(', after: '', line: 0, budget: 1000 },
    ...{ shown: { before: 2400, after: 600 }, edits: [], problems: [] },
  },
};

it('answers with what names mean, named as the asker names files', async () => {
  const process = start(folder, join(work, 'nowhere'));
  expect((await next('warning')).message).toContain('nowhere');
  expect(await next('indexed')).toMatchObject({ folder, files: 1, read: 1 });
  process.send({ type: 'nonsense' });
  expect((await next('warning')).message).toContain('unknown message');
  process.send({ ...ask, root: folder });
  expect((await next('parts')).parts[0]).toMatchObject({ filename: 'tax.py' });
  // A model that has learned the folder above names files from there.
  process.send({ ...ask, root: work, asked: { ...ask.asked, path: 'shop/cart.py' } });
  expect((await next('parts')).parts[0]).toMatchObject({ filename: 'shop/tax.py' });
  process.send({ ...ask, root: join(work, 'elsewhere') });
  expect((await next('parts')).parts).toEqual([]);
});

it('ends when its parent has gone, and keeps what it knows', async () => {
  const first = start(folder);
  await next('indexed');
  const ended = new Promise((done) => first.once('exit', done));
  first.disconnect();
  expect(await ended).toBe(0);
  // Also where nothing has changed for long, or the clock is years ahead.
  const index = join(work, 'home', 'cache', 'index');
  for (const name of readdirSync(index)) utimesSync(join(index, name), 1, 1);
  start(folder);
  expect(await next('indexed')).toMatchObject({ files: 1, read: 0 });
});

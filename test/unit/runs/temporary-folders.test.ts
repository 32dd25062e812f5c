import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  inTemporaryFolder,
  makeTemporaryFolder,
  removeAbandonedFolders,
} from '../../../src/runs/temporary-folders.ts';
import { deadPid } from './help.ts';

let parent: string;
beforeEach(() => (parent = mkdtempSync(join(tmpdir(), 'fmn-unfinished-'))));
afterEach(() => rmSync(parent, { recursive: true }));
const put = (name: string) => mkdirSync(join(parent, name));
const DAY = 86_400_000;

it('leftovers of killed processes are removed by the next one, but not the files of living ones', async () => {
  const mine = basename(await makeTemporaryFolder(parent, 'exporting'));
  const [, , machine, pid, started] = /^(\.exporting)-(\w+)-(\d+)-(\w*)-\w+$/.exec(mine)!;
  expect(Number(pid)).toBe(process.pid);
  const other = mine.replace(/\w{6}$/, 'abcdef');
  const dead = [`.exporting-${machine}-${deadPid}-${started}-abcdef`];
  if (process.platform === 'linux') dead.push(`.exporting-${machine}-${pid}-1-abcdef`);
  const elsewhere = `.exporting-0123456789ab-${deadPid}-1-abcdef`;
  const ofAnotherKind = dead[0]!.replace('exporting', 'publishing');
  const kept = [other, elsewhere, ofAnotherKind, '.exporting-mine', 'out.gguf'];
  for (const name of [...dead, ...kept]) put(name);
  const next = basename(await makeTemporaryFolder(parent, 'exporting'));
  expect(readdirSync(parent).sort()).toEqual([mine, next, ...kept].sort());
});

it('leftovers of another machine are removed after a day without changes', async () => {
  const theirs = '.publishing-0123456789ab-7-1-abcdef';
  for (const name of [theirs, '.publishing-somebodys']) put(name);
  writeFileSync(join(parent, theirs, 'adapter.gguf'), 'x');
  // A copied file may have the time of its original.
  utimesSync(join(parent, theirs, 'adapter.gguf'), 1, 1);
  utimesSync(join(parent, theirs), 1, 1);
  await removeAbandonedFolders(parent, 'publishing', Date.now() + 0.9 * DAY);
  expect(readdirSync(parent)).toHaveLength(2);
  await removeAbandonedFolders(parent, 'publishing', Date.now() + 1.1 * DAY);
  expect(readdirSync(parent)).toEqual(['.publishing-somebodys']);
});

it('a folder that is still being written to stays, however old it is', async () => {
  const theirs = '.publishing-0123456789ab-7-1-abcdef';
  put(theirs);
  const later = (Date.now() + 2 * DAY) / 1000;
  writeFileSync(join(parent, theirs, 'adapter.gguf'), 'x');
  utimesSync(join(parent, theirs, 'adapter.gguf'), later, later);
  await removeAbandonedFolders(parent, 'publishing', Date.now() + 2.5 * DAY);
  expect(readdirSync(parent)).toEqual([theirs]);
});

it('work is given a folder, which is removed afterwards', async () => {
  const work = (folder: string) => {
    writeFileSync(join(folder, 'x'), 'x');
    return Promise.reject(new Error('no'));
  };
  await expect(inTemporaryFolder(parent, 'fetching', work)).rejects.toThrow('no');
  expect(readdirSync(parent)).toEqual([]);
});

import { existsSync, readdirSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { indexDir } from '../../../src/platform/files/paths.ts';
import { deleteOldIndexes } from '../../../src/repository/store.ts';
import { deadPid } from '../runs/help.ts';

let work: string;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'fmn-indexes-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', work);
  mkdirSync(indexDir(), { recursive: true });
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(work, { recursive: true });
});

it("deletes old indexes, and carries on if one can't be", async () => {
  const [first, held, last] = ['a', 'b', 'c'].map((name) => join(indexDir(), `${name}.index`));
  for (const file of [first, last]) writeFileSync(file!, '');
  // As on Windows with a file that another program holds open: `rm` fails.
  mkdirSync(held!);
  await deleteOldIndexes(Date.now());
  expect(existsSync(first!)).toBe(true);
  await deleteOldIndexes(Date.now() + 61 * 24 * 3600 * 1000);
  expect([first, last].filter((file) => existsSync(file!))).toEqual([]);
});

it('deletes what a killed indexer left half-written', async () => {
  const left = join(indexDir(), `a.index.${deadPid}-ab12.tmp`);
  const writing = join(indexDir(), `a.index.${process.ppid}-ab12.tmp`);
  for (const file of [left, writing]) writeFileSync(file, '');
  await deleteOldIndexes();
  expect(readdirSync(indexDir())).toEqual([basename(writing)]);
});

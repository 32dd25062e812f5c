import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { indexDir } from '../../../src/protocol/paths.ts';
import { forgetOldIndexes } from '../../../src/repository/store.ts';

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

it('old indexes are deleted, and one that can not be stops nothing', async () => {
  const [first, held, last] = ['a', 'b', 'c'].map((name) => join(indexDir(), `${name}.index`));
  for (const file of [first, last]) writeFileSync(file!, '');
  // What a file that another program holds is on Windows: `rm` refuses it.
  mkdirSync(held!);
  await forgetOldIndexes(Date.now());
  expect(existsSync(first!)).toBe(true);
  await forgetOldIndexes(Date.now() + 61 * 24 * 3600 * 1000);
  expect([first, last].filter((file) => existsSync(file!))).toEqual([]);
});

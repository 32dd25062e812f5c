/** Windows refuses to rename to a file that another process has open. */
import type * as promises from 'node:fs/promises';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { writeByRename } from '../../../src/platform/files/write-file.ts';

const refusals = vi.hoisted(() => ({ left: 0 }));
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof promises>();
  const rename: typeof fs.rename = (from, to) =>
    refusals.left-- > 0
      ? Promise.reject(Object.assign(new Error('rename'), { code: 'EPERM' }))
      : fs.rename(from, to);
  return { ...fs, rename };
});

let dir: string;
const { platform } = process;
const on = (value: string) => Object.defineProperty(process, 'platform', { value });
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-write-'));
});
afterEach(async () => {
  on(platform);
  await rm(dir, { recursive: true });
});

it('is written once the reader is done', async () => {
  on('win32');
  refusals.left = 2;
  await writeByRename(join(dir, 'summary.json'), '{}');
  expect(await readFile(join(dir, 'summary.json'), 'utf8')).toBe('{}');
  expect(await readdir(dir)).toEqual(['summary.json']);
});

it.each([
  ['win32', 100],
  ['linux', 1],
])('fails, and leaves nothing, if that does not end (%s)', async (system, times) => {
  on(system);
  refusals.left = times;
  await expect(writeByRename(join(dir, 'summary.json'), '{}')).rejects.toMatchObject({ code: 'EPERM' });
  on(platform);
  expect(await readdir(dir)).toEqual([]);
});

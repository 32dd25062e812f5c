/** Windows refuses to rename to a file that another process has open. */
import type * as promises from 'node:fs/promises';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { writeGguf } from '../../../src/gguf/index.ts';
import { writeByRename } from '../../../src/platform/files/write-file.ts';
import { recordSchema, saveCheckpoint } from '../../../src/training/checkpoints/store.ts';
import { progressSchema } from '../../../src/training/loop.ts';

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

it('lets a model and a checkpoint wait as well', async () => {
  on('win32');
  refusals.left = 2;
  await writeGguf(join(dir, 'adapter.gguf'), { metadata: [], tensors: [] });
  refusals.left = 2;
  await saveCheckpoint(dir, { backend: 'wasm' } as Parameters<typeof saveCheckpoint>[1], {
    step: 0,
    progress: progressSchema.parse({}),
    record: recordSchema.parse({}),
    plan: { outdated: () => [] },
  });
  expect((await readdir(dir)).sort()).toEqual(['adapter.gguf', 'checkpoints']);
  expect(await readdir(join(dir, 'checkpoints'))).toEqual(['step-000000']);
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

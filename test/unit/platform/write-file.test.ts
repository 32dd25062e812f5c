/** Windows refuses to rename, replace or remove a file that another process has open. */
import type * as promises from 'node:fs/promises';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { writeGguf } from '../../../src/gguf/index.ts';
import { removeFolder, writeByRename } from '../../../src/platform/files/write-file.ts';
import { inTemporaryFolder } from '../../../src/runs/temporary-folders.ts';
import { FolderStore } from '../../../src/sharing/stores/folder-store.ts';
import { recordSchema, saveCheckpoint } from '../../../src/training/checkpoints/store.ts';
import { progressSchema } from '../../../src/training/loop.ts';

/** How often to refuse a rename, or the removal of the folders whose path matches `busy`. */
const refusals = vi.hoisted(() => ({ left: 0, removals: 0, busy: /^$/ }));
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof promises>();
  const rename: typeof fs.rename = (from, to) =>
    refusals.left-- > 0
      ? Promise.reject(Object.assign(new Error('rename'), { code: 'EPERM' }))
      : fs.rename(from, to);
  const remove: typeof fs.rm = (path, options) =>
    refusals.busy.test(String(path)) && refusals.removals-- > 0
      ? Promise.reject(Object.assign(new Error('rm'), { code: 'EBUSY' }))
      : fs.rm(path, options);
  return { ...fs, rename, rm: remove };
});

let dir: string;
const { platform } = process;
const on = (value: string) => Object.defineProperty(process, 'platform', { value });
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-write-'));
});
afterEach(async () => {
  on(platform);
  Object.assign(refusals, { left: 0, removals: 0, busy: /^$/ });
  await rm(dir, { recursive: true });
});

it('is written once the reader is done', async () => {
  on('win32');
  refusals.left = 2;
  await writeByRename(join(dir, 'summary.json'), '{}');
  expect(await readFile(join(dir, 'summary.json'), 'utf8')).toBe('{}');
  expect(await readdir(dir)).toEqual(['summary.json']);
});

const checkpointOf = (outdated: number[]) =>
  saveCheckpoint(dir, { backend: 'wasm' } as Parameters<typeof saveCheckpoint>[1], {
    step: 0,
    progress: progressSchema.parse({}),
    record: recordSchema.parse({}),
    plan: { outdated: () => outdated },
  });

it('lets a model and a checkpoint wait as well', async () => {
  on('win32');
  refusals.left = 2;
  await writeGguf(join(dir, 'adapter.gguf'), { metadata: [], tensors: [] });
  refusals.left = 2;
  await checkpointOf([]);
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

it('lets a published version wait, which nobody else has taken', async () => {
  const source = join(dir, 'adapter.gguf');
  await writeFile(source, 'weights');
  on('win32');
  refusals.left = 2;
  const files = [{ path: 'adapter.gguf', source, bytes: 7, sha256: '' }];
  const store = new FolderStore(join(dir, 'team'));
  await store.publish('parser', 3, files, {});
  expect(await store.versions('parser')).toEqual([3]);
  refusals.left = 100;
  await expect(store.publish('parser', 4, files, {})).rejects.toMatchObject({ code: 'EPERM' });
  refusals.left = 100;
  await expect(store.publish('parser', 3, files, {})).rejects.toMatchObject({ code: 'bad-argument' });
  expect(await readdir(join(dir, 'team'))).toEqual(['parser']);
});

it('removes a folder once its reader is done', async () => {
  const folder = join(dir, 'folder');
  await mkdir(folder);
  on('linux');
  Object.assign(refusals, { removals: 2, busy: /folder$/ });
  await expect(removeFolder(folder)).rejects.toMatchObject({ code: 'EBUSY' });
  on('win32');
  refusals.removals = 2;
  await removeFolder(folder);
  expect(await readdir(dir)).toEqual([]);
});

it('ends neither work nor a training for want of removing a folder', async () => {
  Object.assign(refusals, { removals: Infinity, busy: /[.]trying-|step-000001$/ });
  expect(await inTemporaryFolder(dir, 'trying', () => Promise.resolve('done'))).toBe('done');
  const checkpoints = join(dir, 'checkpoints');
  await mkdir(join(checkpoints, 'step-000001'), { recursive: true });
  await checkpointOf([1]);
  expect((await readdir(checkpoints)).sort()).toEqual(['step-000000', 'step-000001']);
  refusals.removals = 0;
  await checkpointOf([1]);
  expect(await readdir(checkpoints)).toEqual(['step-000000']);
});

/** When a folded copy is not opened, so that the adapter runs on its base. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it, vi } from 'vitest';
import { loadWithoutTrial } from '../../../src/llama-cpp/llama.ts';
import { availableMemory } from '../../../src/platform/machine/available-memory.ts';
import { openCopy } from '../../../src/serving/host/open-copy.ts';
import { useTemporaryHome } from '../runs/help.ts';

vi.mock('../../../src/llama-cpp/llama.ts', async (original) => ({
  ...(await original<object>()),
  loadWithoutTrial: vi.fn(),
}));
vi.mock('../../../src/platform/machine/available-memory.ts', () => ({ availableMemory: vi.fn() }));

const home = useTemporaryHome();
const dispose = vi.fn(() => Promise.resolve());
const remove = vi.fn(() => Promise.resolve());
const [GB, adapter] = [1e9, { name: 'mine', path: '/mine.gguf' }];
beforeEach(() => {
  vi.clearAllMocks();
  vi.mocked(loadWithoutTrial).mockResolvedValue({ dispose } as never);
  vi.mocked(availableMemory).mockResolvedValue(4 * GB);
});

function opening<T>(open: () => Promise<T>, room = 2 * GB): Promise<T | undefined> {
  const found = { model: join(home.path(), 'model.gguf'), residualAdapter: undefined, bytes: GB };
  const folded = { noteUse: () => undefined, find: () => Promise.resolve(found), remove };
  return openCopy(folded, adapter, {} as never, room, open);
}
const marks = () => readdirSync(home.path());

it('is opened under a mark, which is then removed', async () => {
  const seen = await opening(() => Promise.resolve(marks()));
  expect(seen).toEqual(['model.gguf.opening']);
  expect(marks()).toEqual([]);
});

it.each([
  ['the memory for contexts', 0.5 * GB, 4 * GB],
  ['the free memory', 2 * GB, 1.1 * GB],
])('is not opened if %s is too small for it', async (_, room, free) => {
  vi.mocked(availableMemory).mockResolvedValue(free);
  expect(await opening(() => Promise.resolve('open'), room)).toBeUndefined();
  expect(loadWithoutTrial).not.toHaveBeenCalled();
});

it('is not opened if a server crashed while opening it', async () => {
  const { pid } = spawnSync(process.execPath, ['--version']);
  writeFileSync(join(home.path(), 'model.gguf.opening'), `${pid}\n`);
  expect(await opening(() => Promise.resolve('open'))).toBeUndefined();
  expect(loadWithoutTrial).not.toHaveBeenCalled();
  expect(existsSync(join(home.path(), 'model.gguf.opening'))).toBe(true);
});

it('is kept if memory was short while it was loaded', async () => {
  const cause = new Error('Failed to load model');
  vi.mocked(loadWithoutTrial).mockRejectedValue(new Error('unable to allocate CPU buffer', { cause }));
  expect(await opening(() => Promise.resolve('open'))).toBeUndefined();
  expect(remove).not.toHaveBeenCalled();
});

it.each([
  ['deleted if it is unusable', 'unknown tensor', 1],
  ['kept if only memory was short', 'Failed to create context', 0],
])('is %s', async (_, message, removed) => {
  expect(await opening(() => Promise.reject(new Error(message)))).toBeUndefined();
  expect(dispose).toHaveBeenCalledOnce();
  expect(remove).toHaveBeenCalledTimes(removed);
  expect(marks()).toEqual([]);
});

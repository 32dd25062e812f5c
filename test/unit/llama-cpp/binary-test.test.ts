import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { testOnce } from '../../../src/llama-cpp/binary-test.ts';

let dir: string;
let binary: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fmn-binary-'));
  binary = join(dir, 'llama-addon.node');
  writeFileSync(binary, 'one');
  vi.stubEnv('FORGET_ME_NOT_HOME', join(dir, 'data'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

it('tests a binary that passed only once, and again if the file has changed', async () => {
  const test = vi.fn(() => Promise.resolve(true));
  expect(await testOnce(test, binary, undefined, false, 1000)).toBe(true);
  expect(await testOnce(test, binary, undefined, false, 1000)).toBe(true);
  expect(test.mock.calls).toEqual([[binary, undefined, false, 1000]]);
  writeFileSync(binary, 'another');
  await testOnce(test, binary, undefined, false);
  expect(test).toHaveBeenCalledTimes(2);
});

it('tests again if it failed, and always for a GPU', async () => {
  const fails = vi.fn(() => Promise.resolve(false));
  expect(await testOnce(fails, binary, undefined, false)).toBe(false);
  expect(await testOnce(fails, binary, undefined, false)).toBe(false);
  expect(fails).toHaveBeenCalledTimes(2);
  const passes = vi.fn(() => Promise.resolve(true));
  await testOnce(passes, binary, 'backends', 'vulkan');
  await testOnce(passes, binary, 'backends', 'vulkan');
  expect(passes).toHaveBeenCalledTimes(2);
});

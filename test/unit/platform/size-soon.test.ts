/** A network folder that has vanished: its disk never answers. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sizeSoon } from '../../../src/platform/files/size-soon.ts';

const disk = vi.hoisted(() => ({
  asked: [] as string[],
  answer: (() => undefined) as (size: number) => void,
}));
vi.mock('node:fs/promises', () => ({
  stat(path: string) {
    disk.asked.push(path);
    if (path === '/missing') return Promise.reject(new Error('ENOENT'));
    return new Promise((resolve) => (disk.answer = (size) => resolve({ size })));
  },
}));
vi.mock('node:timers/promises', () => ({
  setTimeout: (milliseconds: number) =>
    new Promise((resolve) => setTimeout(() => resolve(undefined), milliseconds)),
}));
beforeEach(() => {
  vi.useFakeTimers();
  disk.asked.length = 0;
});
afterEach(() => void vi.useRealTimers());

test('a size is unknown after two seconds, and the question is not asked twice meanwhile', async () => {
  const [first, second] = [sizeSoon('/mnt/base.gguf'), sizeSoon('/mnt/base.gguf')];
  await vi.advanceTimersByTimeAsync(2000);
  expect([await first, await second]).toEqual([undefined, undefined]);
  const later = sizeSoon('/mnt/base.gguf');
  expect(disk.asked).toHaveLength(1);
  disk.answer(7);
  expect(await later).toBe(7);
  const again = sizeSoon('/mnt/base.gguf');
  expect(disk.asked).toHaveLength(2);
  disk.answer(8);
  expect(await again).toBe(8);
});

test('a file that is not there has none', async () => expect(await sizeSoon('/missing')).toBeUndefined());

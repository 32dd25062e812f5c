/** Typing does not wait for the disk, and a folder that hangs is not asked again and again. */
import { expect, test, vi } from 'vitest';
import { DiskFacts } from '../../../src/extension/completion/disk-facts.ts';

const disk = vi.hoisted(() => ({
  asked: [] as string[],
  answer: (() => undefined) as (isThere: boolean) => void,
}));
vi.mock('../../../src/platform/files/exists.ts', () => ({
  exists: (path: string) => {
    disk.asked.push(path);
    return new Promise<boolean>((resolve) => (disk.answer = resolve));
  },
}));

test('a base is there once the disk has said so, which is told', async () => {
  const [mounted, other] = ['/mnt/base.gguf', '/base.gguf'].map((path) => ({ id: '', path, sha256: '' }));
  const changed = vi.fn();
  const facts = new DiskFacts('/extension', changed);
  for (let focus = 0; focus < 10; focus += 1) void facts.lookForBase(mounted!);
  expect(facts.has(mounted!)).toBe(false);
  // Another one can be chosen while that folder hangs.
  const looked = facts.lookForBase(other!);
  disk.answer(true);
  await looked;
  expect([facts.has(mounted!), facts.has(other!)]).toEqual([false, true]);
  const again = facts.lookForBase(other!);
  disk.answer(true);
  await again;
  expect(disk.asked).toEqual([mounted!.path, other!.path, other!.path]);
  expect(changed).toHaveBeenCalledTimes(1);
  const gone = facts.lookForBase(other!);
  disk.answer(false);
  await gone;
  // Nothing is known of the one whose folder hangs.
  expect([mounted, other].map((base) => [facts.has(base!), facts.lacks(base!)])).toEqual([
    [false, false],
    [false, true],
  ]);
  expect(changed).toHaveBeenCalledTimes(2);
});

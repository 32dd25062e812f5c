import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { expect, it, vi } from 'vitest';
import { yieldToEditor, lowerPriority } from '../../../src/platform/processes/low-priority.ts';

const lowered = vi.hoisted(() => [] as [number, number][]);
// The test's own group must not be lowered.
vi.mock('node:fs', async (original) => ({ ...(await original<object>()), writeFileSync: () => undefined }));
vi.mock('node:os', async (original) => ({
  ...(await original<object>()),
  // A thread that has ended in the meantime.
  setPriority: (id: number, priority: number) => {
    lowered.push([id, priority]);
    throw new Error('ESRCH');
  },
}));

it.runIf(process.platform === 'linux')('lowers each thread, because Linux has a priority per thread', () => {
  const before = readdirSync('/proc/self/task').map(Number);
  lowerPriority();
  const after = new Set(readdirSync('/proc/self/task').map(Number));
  const lasting = before.filter((id) => after.has(id));
  expect(lasting.length).toBeGreaterThan(1);
  expect(lowered.map(([id]) => id)).toEqual(expect.arrayContaining(lasting));
  expect(new Set(lowered.map(([, priority]) => priority))).toEqual(
    new Set([constants.priority.PRIORITY_LOW]),
  );
});

it.skipIf(process.platform === 'linux')('lowers the process', () => {
  lowerPriority();
  expect(lowered).toEqual([[0, constants.priority.PRIORITY_LOW]]);
});

it('ranks the editor first, then completion, training, and background work', () => {
  const priorityOf = (work: Parameters<typeof yieldToEditor>[0]) => {
    lowered.length = 0;
    yieldToEditor(work);
    const [[, priority]] = lowered as [[number, number]];
    return priority;
  };
  const { PRIORITY_NORMAL, PRIORITY_LOW } = constants.priority;
  const order = [PRIORITY_NORMAL, priorityOf('completion'), priorityOf('training'), PRIORITY_LOW];
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(new Set(order).size).toBe(4);
});

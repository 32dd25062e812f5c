import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { awakeMs, SleepWatch, sleptUntil } from '../../../src/platform/machine/awake.ts';

const blocked = new Int32Array(new SharedArrayBuffer(4));
/** Blocks this thread, as a training step in native code does. */
const block = (ms: number) => Atomics.wait(blocked, 0, 0, ms);

it('does not take a blocked main thread for sleep', () => {
  const watch = new SleepWatch(20, 1900);
  block(2000);
  expect(watch.sleptMs).toBe(0);
});

it('counts the time in which not even its own thread ran', async () => {
  // A thread that ticks every 200 ms looks as if the computer slept in between.
  const watch = new SleepWatch(200, 100);
  const deadline = performance.now() + 10_000;
  while (watch.sleptMs < 500 && performance.now() < deadline) await sleep(50);
  expect(watch.sleptMs).toBeGreaterThanOrEqual(500);
});

it('knows of sleep before the next tick, and nothing as long as the thread does not run', () => {
  expect(sleptUntil(5000, [7, 4000], 1500)).toBe(7);
  expect(sleptUntil(6000, [7, 4000], 1500)).toBe(2007);
  expect(sleptUntil(6000, [7, 0], 1500)).toBe(7);
});

it('goes on while the computer is awake', async () => {
  const before = awakeMs();
  await sleep(30);
  const passed = awakeMs() - before;
  expect(passed).toBeGreaterThan(20);
  expect(passed).toBeLessThan(30_000);
});

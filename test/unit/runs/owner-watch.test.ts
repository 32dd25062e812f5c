/** Whether an owner is alive, on systems that do not report when it started. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { RunState } from '../../../src/protocol/run.ts';
import { OwnerWatch } from '../../../src/runs/follow.ts';
import { deadPid } from './help.ts';

const HOUR = 3600_000;
let watch: OwnerWatch;
let state: RunState;
const renew = () => (state = { ...state, heartbeat: new Date().toISOString() });
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  watch = new OwnerWatch(1000);
  state = { status: 'running', step: 3, steps: 30, pid: process.pid };
  renew();
});
afterEach(() => void vi.useRealTimers());

function lookAfter(ms: number): boolean {
  vi.advanceTimersByTime(ms);
  return watch.isAlive(state);
}

it('is alive after a sleep, before it has renewed its heartbeat', () => {
  expect(lookAfter(0)).toBe(true);
  expect(lookAfter(HOUR)).toBe(true);
  expect(lookAfter(1000)).toBe(true);
  renew();
  expect(lookAfter(1000)).toBe(true);
});

it('is given up if it is silent for long while others are awake', () => {
  expect(lookAfter(0)).toBe(true);
  lookAfter(HOUR);
  expect(Array.from({ length: 16 }, () => lookAfter(1000))).toEqual([
    ...Array<boolean>(13).fill(true),
    ...Array<boolean>(3).fill(false),
  ]);
});

it('is given up at once if its process is gone, or was silent from the beginning', () => {
  expect(lookAfter(0)).toBe(true);
  state = { ...state, pid: deadPid };
  expect(lookAfter(HOUR)).toBe(false);
  state = { ...state, pid: process.pid };
  expect(lookAfter(1000)).toBe(false);
});

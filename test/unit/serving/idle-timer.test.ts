import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { idleTimer } from '../../../src/serving/http/idle-timer.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
const minutes = (count: number) => vi.advanceTimersByTime(60_000 * count);

it('ends after minutes without a request, but not while work is in progress', () => {
  const onIdle = vi.fn();
  let busy = false;
  const { touch, stop } = idleTimer({ idleMinutes: 10, onIdle }, () => busy);
  minutes(9);
  touch();
  minutes(9);
  busy = true;
  minutes(60);
  expect(onIdle).not.toHaveBeenCalled();
  busy = false;
  minutes(10);
  expect(onIdle).toHaveBeenCalled();
  stop();
});

it.each([
  ['ahead', 1, false],
  ['back', -1, true],
])('a clock that is set %s changes nothing', (_, sign, isIdle) => {
  const onIdle = vi.fn();
  const { stop } = idleTimer({ idleMinutes: 10, onIdle }, () => false);
  vi.setSystemTime(Date.now() + sign * 24 * 3600_000);
  minutes(isIdle ? 10 : 5);
  expect(onIdle.mock.calls.length > 0).toBe(isIdle);
  stop();
});

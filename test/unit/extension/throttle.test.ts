import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Throttle } from '../../../src/extension/panel/throttle.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('the first call runs at once, a burst is one more at the end of the quiet time', () => {
  const action = vi.fn();
  const throttle = new Throttle(500, action);
  for (let call = 0; call < 10; call++) throttle.run();
  expect(action).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(499);
  expect(action).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1);
  expect(action).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(5000);
  expect(action).toHaveBeenCalledTimes(2);
});

test('a steady stream runs twice a second', () => {
  const action = vi.fn();
  const throttle = new Throttle(500, action);
  for (let ms = 0; ms < 5000; ms += 50) {
    throttle.run();
    vi.advanceTimersByTime(50);
  }
  expect(action.mock.calls.length).toBeGreaterThanOrEqual(10);
  expect(action.mock.calls.length).toBeLessThanOrEqual(11);
});

test('does nothing once disposed', () => {
  const action = vi.fn();
  const throttle = new Throttle(500, action);
  throttle.run();
  throttle.run();
  throttle.dispose();
  vi.advanceTimersByTime(5000);
  expect(action).toHaveBeenCalledTimes(1);
});

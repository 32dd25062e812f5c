import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Snooze } from '../../../src/extension/completion/snooze.ts';

const MINUTE = 60_000;
/** What all windows share. */
let store: { snoozedUntil: number; setSnoozedUntil: (time: number | undefined) => Promise<void> };
let opened: Snooze[];

beforeEach(() => {
  vi.useFakeTimers();
  opened = [];
  store = {
    snoozedUntil: 0,
    setSnoozedUntil(time) {
      store.snoozedUntil = time ?? 0;
      return Promise.resolve();
    },
  };
});
afterEach(() => {
  for (const snooze of opened) snooze.dispose();
  vi.useRealTimers();
});

function openWindow() {
  const onChange = vi.fn();
  const snooze = new Snooze(store, onChange);
  opened.push(snooze);
  return { snooze, onChange };
}

test('a snooze holds after a reload, and its end is reported once', async () => {
  await openWindow().snooze.set(5);
  const { snooze, onChange } = openWindow();
  expect(snooze.until).toEqual(new Date(Date.now() + 5 * MINUTE));
  onChange.mockClear();
  vi.advanceTimersByTime(4 * MINUTE);
  expect(onChange).not.toHaveBeenCalled();
  vi.advanceTimersByTime(2 * MINUTE);
  expect(onChange).toHaveBeenCalledTimes(1);
  expect(snooze.until).toBeUndefined();
});

test('other windows have it at once, and report it when they look again', async () => {
  const [here, there] = [openWindow(), openWindow()];
  await here.snooze.set(5);
  expect(there.snooze.until).toEqual(here.snooze.until);
  there.snooze.lookAgain();
  there.snooze.lookAgain();
  expect(there.onChange).toHaveBeenCalledTimes(1);
  await there.snooze.set(0);
  expect(here.snooze.until).toBeUndefined();
  here.snooze.lookAgain();
  expect(here.onChange).toHaveBeenCalledTimes(2);
});

test('the end of an earlier snooze does not end a later one', async () => {
  const [here, there] = [openWindow(), openWindow()];
  await here.snooze.set(5);
  await there.snooze.set(60);
  vi.advanceTimersByTime(6 * MINUTE);
  expect(here.snooze.until).toEqual(there.snooze.until);
  expect(here.snooze.until).toBeDefined();
});

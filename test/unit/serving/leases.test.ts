import type { ServerResponse } from 'node:http';
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Leases } from '../../../src/serving/http/leases.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const client = () =>
  Object.assign(new EventEmitter(), { writeHead: vi.fn(), write: vi.fn() }) as unknown as ServerResponse;

it('a server ends once no client holds it, but not in the middle of an answer', () => {
  const onUnused = vi.fn();
  let active = 1;
  const leases = new Leases({ onUnused, isAnswering: () => active > 0, firstMs: 100, lingerMs: 10 });
  const held = client();
  leases.add(held, () => ({}));
  vi.advanceTimersByTime(1000);
  held.emit('close');
  vi.advanceTimersByTime(1000);
  expect(onUnused).not.toHaveBeenCalled();
  active = 0;
  vi.advanceTimersByTime(10);
  expect(onUnused).toHaveBeenCalledOnce();
});

it('a server that no client ever holds ends, too', () => {
  const onUnused = vi.fn();
  new Leases({ onUnused, firstMs: 100 });
  vi.advanceTimersByTime(99);
  expect(onUnused).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(onUnused).toHaveBeenCalledOnce();
});

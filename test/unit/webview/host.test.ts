import { afterEach, expect, it, vi } from 'vitest';
import { connect } from '../../../webview/host.ts';
import { readStatus } from '../../../webview/view-model/status.ts';
import { makeRun } from './fixtures.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it.each([-300_000, 300_000])("judges heartbeats by the host's clock, which is %d ms ahead", (ahead) => {
  vi.useFakeTimers();
  let receive: (message: { data: unknown }) => void;
  vi.stubGlobal('acquireVsCodeApi', () => ({}));
  vi.stubGlobal('window', {
    addEventListener: (_: string, listener: typeof receive) => (receive = listener),
  });
  const host = connect();
  host.onMessage(() => undefined);
  const now = Date.now() + ahead;
  const run = makeRun({ upTo: 3, state: { heartbeat: new Date(now - 2000).toISOString() } });
  receive!({ data: { type: 'runs', runs: [run], now } });
  // Other messages say nothing about the time.
  receive!({ data: { type: 'comparison', of: ['a', 'b'] } });
  expect(readStatus(run, host.now()).kind).toBe('running');
  vi.advanceTimersByTime(65_000);
  expect(readStatus(run, host.now()).kind).toBe('interrupted');
});

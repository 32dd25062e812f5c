import { afterEach, expect, test, vi } from 'vitest';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { makeRun } from '../webview/fixtures.ts';
import { window } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
const { ProgressNotifications } = await import('../../../src/extension/runs/progress.ts');
type Runs = ConstructorParameters<typeof ProgressNotifications>[0];

afterEach(() => void vi.restoreAllMocks());

/** A run with a notification: what it reports, what reports changes, and the cancel button. */
function shown(first: RunSnapshot, refusal?: Error) {
  const reports: { message?: string; increment?: number }[] = [];
  const report = (entry: (typeof reports)[0]) => void reports.push(entry);
  let cancel = () => {};
  const token = { onCancellationRequested: (listener: () => void) => (cancel = listener) };
  vi.spyOn(window, 'withProgress').mockImplementation((_, work) => work({ report }, token));
  let change: (run: RunSnapshot) => void = () => {};
  let last = first;
  const runs = {
    get: () => last,
    onDidChange: (listener: typeof change) => ((change = listener), { dispose: () => undefined }),
    onDidLeave: () => ({ dispose: () => undefined }),
  };
  const stopped: string[] = [];
  const stop = (id: string) => {
    stopped.push(id);
    return refusal ? Promise.reject(refusal) : Promise.resolve();
  };
  const errors: unknown[] = [];
  new ProgressNotifications(runs as unknown as Runs, stop, (error) => errors.push(error)).show(first);
  const update = (run: RunSnapshot) => change((last = run));
  return { reports, update, cancel: () => cancel(), stopped, errors };
}

const running = (status: 'running' | 'evaluating', over: number, left: number) => {
  const at = (seconds: number) => new Date(Date.now() + 1000 * seconds).toISOString();
  return makeRun({ upTo: 15, state: { status, begun: at(-over), ends: at(left) } });
};

test('the bar moves on through training and measuring, and never back', () => {
  const { reports, update } = shown(running('running', 10, 90));
  update(running('running', 50, 50));
  // Everything takes longer than expected.
  update(running('running', 60, 140));
  update(running('evaluating', 150, 50));
  update(running('evaluating', 180, 20));
  expect(reports.map(({ increment = 0 }) => increment)).toEqual([10, 40, 0, 25, 15]);
});

test('stopping the evaluation says that the result is kept', () => {
  const { reports, cancel, stopped, update } = shown(running('evaluating', 10, 90));
  cancel();
  expect(stopped).toHaveLength(1);
  expect(reports.at(-1)!.message).toBe('Stopping the measuring; the result is kept');
  update(running('evaluating', 12, 88));
  expect(reports.at(-1)!.message).toBe('Stopping the measuring; the result is kept');
});

test('a stop that failed is not shown as going on', async () => {
  const full = new Error('no space left');
  const { reports, cancel, errors } = shown(running('evaluating', 10, 140), full);
  const before = reports.at(-1)!.message;
  cancel();
  await vi.waitFor(() => expect(errors).toEqual([full]));
  expect(reports.at(-1)!.message).toBe(before);
});

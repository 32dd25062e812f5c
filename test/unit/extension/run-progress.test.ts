import { afterEach, expect, test, vi } from 'vitest';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { makeRun } from '../webview/fixtures.ts';
import { window } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
const { ProgressNotifications } = await import('../../../src/extension/runs/progress.ts');
type Runs = ConstructorParameters<typeof ProgressNotifications>[0];

afterEach(() => void vi.restoreAllMocks());

/** A run whose notification is shown: what it reports, what tells of changes, and the button that cancels. */
function shown(first: RunSnapshot) {
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
  const stop = (id: string) => Promise.resolve(void stopped.push(id));
  new ProgressNotifications(runs as unknown as Runs, stop, () => undefined).show(first);
  const goOn = (run: RunSnapshot) => change((last = run));
  return { reports, goOn, cancel: () => cancel(), stopped };
}

const running = (status: 'running' | 'evaluating', over: number, left: number) => {
  const at = (seconds: number) => new Date(Date.now() + 1000 * seconds).toISOString();
  return makeRun({ upTo: 15, state: { status, begun: at(-over), ends: at(left) } });
};

test('the bar goes on through training and measuring, and never back', () => {
  const { reports, goOn } = shown(running('running', 10, 90));
  goOn(running('running', 50, 50));
  // All takes longer than was expected.
  goOn(running('running', 60, 140));
  goOn(running('evaluating', 150, 50));
  goOn(running('evaluating', 180, 20));
  expect(reports.map(({ increment = 0 }) => increment)).toEqual([10, 40, 0, 25, 15]);
});

test('who stops the measuring is told that the result is kept', () => {
  const { reports, cancel, stopped, goOn } = shown(running('evaluating', 10, 90));
  cancel();
  expect(stopped).toHaveLength(1);
  expect(reports.at(-1)!.message).toBe('Stopping the measuring; the result is kept');
  goOn(running('evaluating', 12, 88));
  expect(reports.at(-1)!.message).toBe('Stopping the measuring; the result is kept');
});

import { afterEach, expect, test, vi } from 'vitest';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { makeRun } from '../webview/fixtures.ts';
import { reset, shown as shownByEditor, window } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
const { ProgressNotifications } = await import('../../../src/extension/runs/progress.ts');
type Runs = ConstructorParameters<typeof ProgressNotifications>[0];

afterEach(() => {
  vi.restoreAllMocks();
  reset();
});

/** A run with a notification: what it reports, what reports changes, and the cancel button. */
function shown(first: RunSnapshot, refusal?: Error) {
  const reports: { message?: string; increment?: number }[] = [];
  const report = (entry: (typeof reports)[0]) => void reports.push(entry);
  let cancel = () => {};
  const token = { onCancellationRequested: (listener: () => void) => (cancel = listener) };
  let work: Promise<unknown> = Promise.resolve();
  vi.spyOn(window, 'withProgress').mockImplementation(
    (_, begin) => (work = begin({ report }, token) as Promise<unknown>),
  );
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
  const progress = new ProgressNotifications(runs as unknown as Runs, stop, (error) => errors.push(error));
  progress.show(first);
  const update = (run: RunSnapshot) => change((last = run));
  return { progress, reports, update, cancel: () => cancel(), ended: () => work, stopped, errors };
}

/** A run in progress; `upTo`: the step that it is at. */
const running = (status: 'running' | 'evaluating', over: number, left: number, upTo = 0) => {
  const at = (seconds: number) => new Date(Date.now() + 1000 * seconds).toISOString();
  return makeRun({ upTo, state: { status, begun: at(-over), ends: at(left) } });
};

test('it stays while a resumed run is prepared', async () => {
  const at = (phase: string) => {
    const run = running('running', 10, 90, 15);
    return { ...run, state: { ...run.state, phase } };
  };
  const { reports, update, ended } = shown(at('Loading the model'));
  update(at('Measuring the machine'));
  expect(reports).toHaveLength(2);
  update(at('Training'));
  await ended();
});

test('the bar moves on, never back, and is gone once training has begun', async () => {
  const { reports, update, ended } = shown(running('running', 10, 90));
  update(running('running', 50, 50));
  // Everything takes longer than expected.
  update(running('running', 60, 140));
  update(running('running', 150, 50));
  expect(reports.map(({ increment = 0 }) => increment)).toEqual([10, 40, 0, 25]);
  update(running('running', 160, 40, 1));
  await ended();
  expect(reports).toHaveLength(4);
});

test.each(['running', 'evaluating'] as const)('a run that is %s already has none', (status) =>
  expect(shown(running(status, 10, 90, 15)).reports).toEqual([]),
);

test('stopping the evaluation says that the result is kept', async () => {
  const run = running('evaluating', 10, 90, 15);
  const { progress, stopped } = shown(run);
  await progress.requestStop(run);
  expect(stopped).toHaveLength(1);
  expect(shownByEditor).toEqual(['Stopping the measuring; the result is kept']);
});

test('a stop that failed is not shown as going on', async () => {
  const full = new Error('no space left');
  const { reports, cancel, errors } = shown(running('running', 10, 140), full);
  const before = reports.at(-1)!.message;
  cancel();
  await vi.waitFor(() => expect(errors).toEqual([full]));
  expect(reports.at(-1)!.message).toBe(before);
});

test('the command Stop Training is shown at once, like the cancel button', async () => {
  const run = running('running', 10, 90);
  const { progress, reports, stopped } = shown(run);
  await progress.requestStop(run);
  expect(stopped).toEqual([run.spec.id]);
  expect(reports.at(-1)!.message).toBe('Stopping after this step; a checkpoint is kept');
  expect(shownByEditor).toEqual([]);
});

test('without a notification, as for a run of another folder, the status bar says it', async () => {
  const run = running('running', 10, 90);
  const { progress, reports } = shown(run);
  await progress.requestStop({ ...run, spec: { ...run.spec, id: 'elsewhere' } });
  expect(shownByEditor).toEqual(['Stopping after this step; a checkpoint is kept']);
  expect(reports).toHaveLength(1);
});

test('a command that could not stop the run throws, and the notification goes on', async () => {
  // Far from a boundary between two texts: a moment passes between both reports.
  const run = running('running', 10, 610);
  const full = new Error('no space left');
  const { progress, reports } = shown(run, full);
  const before = reports.at(-1)!.message;
  await expect(progress.requestStop(run)).rejects.toBe(full);
  expect(reports.at(-1)!.message).toBe(before);
});

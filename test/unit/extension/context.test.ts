/** What is drawn again when something changes. */
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { Context } from '../../../src/extension/context.ts';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { createRun, openRunWriter, readRun } from '../../../src/runs/index.ts';
import { newRun, useTemporaryHome } from '../runs/help.ts';

const { listeners, drawn, part } = vi.hoisted(() => {
  const listeners: Record<string, ((of?: unknown) => void)[]> = {};
  /** How often each place was drawn. */
  const drawn = { view: 0, bar: 0, panel: 0, walkthrough: 0 };
  const on = (name: string) => (listener: () => void) => {
    (listeners[name] ??= []).push(listener);
    return { dispose: () => undefined };
  };
  /** A part of the extension that reports changes as `name`, and counts how often it is drawn. */
  const part = (name: string) =>
    class {
      all = [];
      live = [];
      inUse: { id: string } | undefined;
      onDidChange = on(name);
      onDidEnd = on(`${name} ended`);
      refresh = () => (drawn[name as keyof typeof drawn] += 1);
      dispose = () => undefined;
    };
  return { listeners, drawn, part };
});
vi.mock('vscode', async () => {
  const fake = await import('./fake-vscode.ts');
  const on = () => ({ dispose: () => undefined });
  const onDidOpenTextDocument = (opened: () => void) => ((listeners['opened'] = [opened]), on());
  const workspaceFolders = [{ uri: { fsPath: 'c:\\garden' } }];
  return {
    ...fake,
    window: { ...fake.window, activeTextEditor: { document: 'active' } },
    workspace: {
      workspaceFolders,
      onDidGrantWorkspaceTrust: on,
      onDidChangeConfiguration: on,
      onDidOpenTextDocument,
    },
  };
});
vi.mock('../../../src/extension/log.ts', () => ({ Log: part('log') }));
vi.mock('../../../src/extension/store.ts', () => ({ Store: part('store') }));
vi.mock('../../../src/extension/children.ts', () => ({ Children: part('children') }));
vi.mock('../../../src/extension/runs/run-watcher.ts', () => ({ RunWatcher: part('runs') }));
vi.mock('../../../src/extension/runs/progress.ts', () => ({ ProgressNotifications: part('progress') }));
vi.mock('../../../src/extension/runs/runs-view.ts', () => ({ RunsView: part('view') }));
vi.mock('../../../src/extension/completion/completion-service.ts', () => ({
  CompletionService: part('completion'),
}));
vi.mock('../../../src/extension/next-edit/next-edit.ts', () => ({ NextEdit: part('next edit') }));
vi.mock('../../../src/extension/panel/panel.ts', () => ({ ResultsPanel: part('panel') }));
vi.mock('../../../src/extension/status-bar.ts', () => ({ StatusBar: part('bar') }));
vi.mock('../../../src/extension/idle/when-idle.ts', () => ({ WhenIdle: part('idle') }));
vi.mock('../../../src/extension/settings.ts', () => ({ applyDataDirectory: () => undefined }));
vi.mock('../../../src/extension/get-started.ts', () => ({
  updateWalkthrough: () => (drawn.walkthrough += 1),
}));

const announced = vi.hoisted(() => [] as RunSnapshot[]);
vi.mock('../../../src/extension/results/end-message.ts', () => ({
  announceEnd: (_: unknown, run: RunSnapshot) => announced.push(run),
}));

useTemporaryHome();
let context: Context;
beforeEach(() => {
  vi.useFakeTimers();
  context = new Context({ extensionPath: '/extension' } as never);
});
afterEach(async () => {
  await context.dispose();
  vi.useRealTimers();
});
const change = (name: string, of?: unknown) => listeners[name]!.at(-1)!(of);
/** What is drawn by so many changes. */
const drawnBy = (changes: number, name: string, of?: unknown) => {
  Object.assign(drawn, { view: 0, bar: 0, panel: 0, walkthrough: 0 });
  for (let count = 0; count < changes; count += 1) change(name, of);
  vi.runAllTimers();
  return drawn;
};

test('a suggestion draws the status bar twice, and the runs only if another model is in use', () => {
  drawnBy(1, 'completion');
  expect(drawnBy(7, 'completion')).toEqual({ view: 0, bar: 2, panel: 2, walkthrough: 0 });
  Object.assign(context.completion, { inUse: { id: 'garden' } });
  expect(drawnBy(7, 'completion')).toEqual({ view: 1, bar: 2, panel: 2, walkthrough: 1 });
  // Chosen for later: a remote server completes.
  Object.assign(context.store, { inUse: 'garden' });
  expect(drawnBy(1, 'completion')).toMatchObject({ view: 1 });
});

test('a run that was started in a terminal is here, though Windows writes the drive in upper case there', () => {
  const { platform } = process;
  Object.defineProperty(process, 'platform', { value: 'win32' });
  onTestFinished(() => void Object.defineProperty(process, 'platform', { value: platform }));
  const isHere = (folder: string) => context.isHere({ spec: { folder } } as never);
  expect([isHere('C:\\garden'), isHere('C:\\shop')]).toEqual([true, false]);
});

test('another language of the document in front draws the status bar', () => {
  expect(drawnBy(1, 'opened', 'active')).toMatchObject({ view: 0, bar: 1 });
  expect(drawnBy(1, 'opened', 'another')).toMatchObject({ bar: 0 });
});

test('a change of the runs draws everything at once', () =>
  expect(drawnBy(1, 'runs')).toEqual({ view: 1, bar: 1, panel: 1, walkthrough: 1 }));

test('the end of a run while no window was open is announced with how it ended', async () => {
  const { dir, id } = await createRun(newRun());
  const writer = await openRunWriter(dir);
  const result = { step: 30, tokensPerSecond: 1, peakMemory: 1, seconds: 1, artefact: 'adapter.gguf' };
  await writer.event({ type: 'done', ...result, measuringStopped: true });
  await writer.state({ status: 'done' });
  await writer.close();
  // As the watcher keeps it.
  const run = { ...(await readRun(dir)), events: [] };
  Object.assign(context.runs, { get: () => run, statusOf: () => 'done' });
  Object.assign(context.store, { unreportedRuns: [id], markReported: () => Promise.resolve() });
  await context.restoreRuns();
  expect(announced.map(({ events }) => events)).toMatchObject([[{ measuringStopped: true }]]);
});

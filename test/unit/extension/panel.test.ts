/** What the host of the results panel sends to its page. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ResultsPanel } from '../../../src/extension/panel/panel.ts';
import { makeRun } from '../webview/fixtures.ts';

const page = vi.hoisted(() => ({
  received: [] as string[],
  say: undefined as ((message: unknown) => void) | undefined,
}));
vi.mock('vscode', async () => {
  const fake = await import('./fake-vscode.ts');
  const webview = {
    onDidReceiveMessage: (listener: typeof page.say) => void (page.say = listener),
    asWebviewUri: (uri: string) => uri,
    postMessage: ({ type }: { type: string }) => page.received.push(type),
  };
  const panel = { webview, onDidChangeViewState: () => undefined, onDidDispose: () => undefined };
  return {
    ...fake,
    ViewColumn: { Active: -1 },
    env: { language: 'en' },
    l10n: { bundle: undefined },
    Uri: { joinPath: () => 'uri' },
    window: {
      ...fake.window,
      registerWebviewPanelSerializer: () => ({ dispose: () => undefined }),
      createWebviewPanel: () => panel,
    },
  };
});
vi.mock('../../../src/extension/panel/sweeps.ts', () => ({
  Sweeps: class {
    all = [];
    refresh = () => Promise.resolve();
  },
}));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('is everything at first, then something only when something has changed', async () => {
  const [run, store] = [makeRun({ upTo: 3 }), { acceptances: { garden: { shown: 1 } } }];
  let status = 'live';
  const runs = {
    all: [run],
    refresh: () => Promise.resolve(),
    statusOf: () => status,
    keepEventsOf: () => Promise.resolve(),
  };
  const services = { extension: { extensionUri: 'uri' }, runs, store, completion: { inUse: undefined } };
  const panel = new ResultsPanel(services as never);
  await panel.show();
  page.say!({ type: 'ready' });
  const refresh = () => {
    panel.refresh();
    vi.advanceTimersByTime(1000);
    return page.received.length;
  };
  expect(page.received).toEqual(['runs']);
  expect([refresh(), refresh(), refresh()]).toEqual([1, 1, 1]);
  store.acceptances = { garden: { shown: 2 } };
  expect([refresh(), refresh()]).toEqual([2, 2]);
  runs.all = [makeRun({ upTo: 4 })];
  expect([refresh(), refresh()]).toEqual([3, 3]);
  // Killed, so that it writes nothing more.
  status = 'interrupted';
  expect([refresh(), refresh()]).toEqual([4, 4]);
  runs.all = [];
  expect([refresh(), refresh()]).toEqual([5, 5]);
  page.say!({ type: 'ready' });
  expect(page.received).toEqual(['runs', 'changes', 'changes', 'changes', 'changes', 'runs']);
  panel.dispose();
});

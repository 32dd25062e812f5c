/** The rows of the Runs view. */
import { expect, test, vi } from 'vitest';
import { RunsView } from '../../../src/extension/runs/runs-view.ts';
import { makeRun } from '../webview/fixtures.ts';

vi.mock('vscode', async () => {
  const fake = await import('./fake-vscode.ts');
  const view = { dispose: () => undefined, onDidChangeVisibility: () => ({ dispose: () => undefined }) };
  return {
    ...fake,
    TreeItem: class {
      constructor(readonly label: string) {}
    },
    ThemeIcon: class {
      constructor(readonly id: string) {}
    },
    ThemeColor: class {},
    window: { ...fake.window, createTreeView: () => view },
  };
});

test('a run is in use only while it completes: not if it was chosen and found to be no better', () => {
  const run = makeRun({ id: 'garden' });
  const runs = { all: [run], get: () => run, statusOf: () => 'done' };
  let inUse: string | undefined = 'garden';
  const view = new RunsView(runs as never, () => inUse);
  const row = () => view.getTreeItem('garden');
  expect(row()).toMatchObject({
    description: expect.stringMatching(/^in use · /),
    iconPath: { id: 'sparkle' },
  });
  inUse = undefined;
  expect(row()).toMatchObject({
    description: expect.not.stringContaining('in use'),
    iconPath: { id: 'pass' },
  });
});

/** "Measure Result" says what could not be measured. */
import { expect, test, vi } from 'vitest';
import type { ChildOptions } from '../../../src/extension/children.ts';
import { registerCommands } from '../../../src/extension/commands/table.ts';
import type { Context } from '../../../src/extension/context.ts';
import { makeRun } from '../webview/fixtures.ts';
import { commands } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));

const run = makeRun({ id: 'garden' });

test.each<[string, string[]]>([
  ['info', []],
  ['warning', ['HumanEval was not measured: no network.']],
])('as %s', async (kind, warnings) => {
  const notified: string[][] = [];
  registerCommands({
    extension: { extension: { packageJSON: { contributes: { commands: [] } } } },
    runs: { get: () => run, refresh: () => Promise.resolve() },
    children: {
      ask(_: unknown, args: string[], { onWarning }: ChildOptions) {
        expect(args).toEqual(['evaluate', 'garden']);
        for (const warning of warnings) onWarning?.(warning);
        return Promise.resolve();
      },
    },
    log: {
      showError: (error: Error) => notified.push([error.message]),
      notify: (...[of, text]: string[]) => Promise.resolve(notified.push([of!, text!])),
    },
  } as unknown as Context);
  await commands.registered.get('forgetMeNot.measureResult')!('garden');
  expect(notified).toEqual([[kind, [run.summary!.sentence, ...warnings].join(' ')]]);
});

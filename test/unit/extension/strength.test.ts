import { beforeEach, expect, test, vi } from 'vitest';
import type { ServicesWithCompletion } from '../../../src/extension/completion/completion-service.ts';
import { setStrength } from '../../../src/extension/results/strength.ts';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { makeRun } from '../webview/fixtures.ts';
import { reset } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
beforeEach(reset);

const run = makeRun({ id: 'garden' });
/** As after `strength`: what was measured at another strength is gone. */
const unchecked: RunSnapshot = { ...run, summary: { step: 60, sentence: '', comparisons: [] } };

test.each([
  ['a result in use is checked', 'garden', ['strength garden 0.5', 'evaluate garden --check']],
  ['another one is not', 'orchard', ['strength garden 0.5']],
])('at a new strength %s; completion that is off or snoozed stays so', async (_, inUse, commands) => {
  const asked: string[] = [];
  const use = vi.fn();
  const notify = vi.fn();
  const services = {
    runs: {
      get: () => (asked.includes('evaluate garden --check') ? run : unchecked),
      statusOf: () => 'done',
      refresh: () => Promise.resolve(),
    },
    children: { ask: (_: unknown, args: string[]) => Promise.resolve(asked.push(args.join(' '))) },
    completion: { inUse: { id: inUse }, use },
    log: { notify },
  };
  await setStrength(services as unknown as ServicesWithCompletion, 'garden', 0.5);
  expect(asked).toEqual(commands);
  // Using it would turn completion on and end a snooze.
  expect(use).not.toHaveBeenCalled();
  expect(notify).toHaveBeenCalledWith('info', expect.stringContaining('has strength 0.5'));
});

import { beforeEach, expect, test, vi } from 'vitest';
import type { ServicesWithCompletion } from '../../../src/extension/completion/completion-service.ts';
import { setStrength } from '../../../src/extension/results/strength.ts';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { makeRun } from '../webview/fixtures.ts';
import { reset } from './fake-vscode.ts';
import { choiceAt } from '../../support/choice.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
beforeEach(reset);

const run = makeRun({ id: 'garden' });
/** As after `strength`: what was measured at another strength is gone. */
const unchecked: RunSnapshot = { ...run, summary: { step: 60, sentence: '', comparisons: [] } };

/** Sets a strength of `garden`. What was asked of children, and shown. */
async function setWith(inUse: { id: string; isOn: boolean }, afterwards = unchecked) {
  const asked: string[] = [];
  const use = vi.fn();
  const notify = vi.fn();
  const services = {
    runs: {
      get: () => (asked.includes('evaluate garden --check') ? run : afterwards),
      statusOf: () => 'done',
      refresh: () => Promise.resolve(),
    },
    children: { ask: (_: unknown, args: string[]) => Promise.resolve(asked.push(args.join(' '))) },
    completion: { inUse, isOn: inUse.isOn, use },
    log: { notify },
  };
  const done = setStrength(services as unknown as ServicesWithCompletion, 'garden', 0.5);
  return { error: await done.catch((error: unknown) => error), asked, use, notify };
}

test.each([
  ['a result in use is checked', 'garden', ['strength garden 0.5', 'evaluate garden --check']],
  ['another one is not', 'orchard', ['strength garden 0.5']],
])('at a new strength %s; completion that is off or snoozed stays so', async (_, id, commands) => {
  for (const isOn of [true, false]) {
    const { error, asked, use, notify } = await setWith({ id, isOn });
    expect(error).toBeUndefined();
    expect(asked).toEqual(commands);
    // Using it would turn completion on and end a snooze.
    expect(use).not.toHaveBeenCalled();
    expect(notify).toHaveBeenCalledWith('info', expect.stringContaining('has strength 0.5'));
  }
});

test('that a result in use is worse at the new strength is said once: with completion off, as an error', async () => {
  const choice = choiceAt(0, 'nothing is better');
  const worse = { ...unchecked, summary: { ...unchecked.summary!, choice } };
  const on = await setWith({ id: 'garden', isOn: true }, worse);
  expect(on.error).toBeUndefined();
  const off = await setWith({ id: 'garden', isOn: false }, worse);
  expect(off.error).toMatchObject({ code: 'not-better' });
  for (const { asked, notify } of [on, off]) {
    expect(asked).toEqual(['strength garden 0.5']);
    expect(notify).not.toHaveBeenCalled();
  }
});

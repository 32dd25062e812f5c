/** What a person is asked and told before models are compared by turns, and while they are. */
import { beforeEach, expect, test, vi } from 'vitest';
import { compareByTurns } from '../../../src/extension/commands/compare-by-turns.ts';
import { modelFromBase, modelFromRun } from '../../../src/extension/completion/completion-model.ts';
import { turnsFile } from '../../../src/extension/completion/turns.ts';
import type { Comparison } from '../../../src/findings/by-turns.ts';
import { turnCountsSchema } from '../../../src/protocol/by-turns.ts';
import { acceptanceSchema } from '../../../src/protocol/panel.ts';
import { makeRun } from '../webview/fixtures.ts';
import { answers, reset, shown, window } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));

const run = makeRun({ id: 'garden', name: 'Garden' });
const base = modelFromBase(run.spec.base);
let inUse: unknown;
let going: Comparison | undefined;
let did: string[];
let details: string[];

beforeEach(() => {
  reset();
  inUse = modelFromRun(run);
  going = undefined;
  did = [];
  details = [];
});

function compare(counted: object = {}) {
  const ask = vi.spyOn(window, 'showInformationMessage').mockImplementation((message, ...rest) => {
    const [{ detail }, button] = rest as [{ detail: string }, string];
    shown.push(`${message} [${button}]`);
    details.push(detail);
    return Promise.resolve(answers.shift());
  });
  const turns = {
    follow: () => Promise.resolve(),
    refresh: () => Promise.resolve(),
    going,
    begin: (suggestions: number) => Promise.resolve(did.push(`begin ${suggestions}`)),
    end: () => Promise.resolve(did.push('end')),
  };
  const completion = {
    inUse,
    turns,
    untrained: () => Promise.resolve(base),
    load: ({ id }: { id: string }) => Promise.resolve(did.push(`load ${id}`)),
  };
  const store = { acceptance: () => acceptanceSchema.parse(counted) };
  const log = {
    async notify(_: string, message: string, { title, run }: { title: string; run: () => Promise<void> }) {
      shown.push(`${message} [${title}]`);
      if (answers.shift() === title) await run();
    },
  };
  return compareByTurns({ completion, store, log } as never).finally(() => ask.mockRestore());
}

test('before it begins, it says what happens, what is counted and where, and how long it takes', async () => {
  await compare();
  expect(shown).toEqual([`Compare Garden with ${base.name} while you work? [Compare]`]);
  expect(did).toEqual([]);
  for (const text of [
    'by turns of 20 minutes',
    'No text',
    turnsFile('garden'),
    '7,500 suggestions, about 250 hours of writing code, if you keep 20% of those shown',
    'ends it at any time',
  ])
    expect(details[0]).toContain(text);
});

test('it begins with consent, with both models in the server', async () => {
  answers.push('Compare');
  await compare({ shown: 1000, accepted: 500, kept: 8, dropped: 2 });
  expect(details[0]).toContain(
    '3,800 suggestions, about 130 hours of writing code: of those shown to you so far you kept 40%',
  );
  expect(did).toEqual([`load ${base.id}`, 'begin 3800']);
});

const counts = (turn: number, shown: number) => ({
  type: 'counts' as const,
  seed: 7,
  turn,
  ...turnCountsSchema.parse({
    shown,
    accepted: 3,
    kept: 2,
    dropped: 1,
    keptCharacters: 900 * turn,
    typed: 1000,
  }),
});
test('while it goes on, it shows what both have done together, no figure of one, and ends it', async () => {
  going = {
    seed: 7,
    at: '2026-12-01T10:00:00.000Z',
    suggestions: 100,
    counts: [counts(0, 20), counts(1, 11)],
  };
  await compare();
  expect(shown[0]).toMatch(/have answered by turns since .* \[End Comparison\]$/);
  expect(shown[0]).toContain('31 of 100 suggestions were shown and 6 accepted; 4 of 6 were still there');
  expect(shown[0]).not.toMatch(/%|more \[/);
  expect(did).toEqual([]);
  answers.push('End Comparison');
  await compare();
  expect(did).toEqual(['end']);
});

test.each([
  ['no result completes', () => base, /No result of a training completes your code/],
  ['nothing completes', () => undefined, /No result of a training completes your code/],
  [
    'a remote server completes',
    () => ({ id: 'server:a', remote: {} }),
    /Another machine completes your code/,
  ],
  [
    'the result is a whole model',
    () => modelFromRun({ ...run, spec: { ...run.spec, hyper: { ...run.spec.hyper, method: 'full' } } }),
    /Garden is a whole model/,
  ],
])('it says why not if %s', async (_, model, why) => {
  inUse = model();
  await expect(compare()).rejects.toThrow(why);
  expect(shown).toEqual([]);
});

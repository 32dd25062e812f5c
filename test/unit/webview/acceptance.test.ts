import { expect, it } from 'vitest';
import type { PanelView } from '../../../webview/view-model/panel.ts';
import { acceptanceRows } from '../../../webview/view-model/acceptance.ts';

const zero = { shown: 0, accepted: 0, shownCharacters: 0, acceptedCharacters: 0, kept: 0, dropped: 0 };
const view = (acceptance: PanelView['acceptance']) =>
  ({ acceptance, labels: new Map(Object.entries({ a: 'one', b: 'two' })) }) as unknown as PanelView;

it('has a row for each adapter that still exists, with intervals', () => {
  const counts = zero;
  const rows = acceptanceRows(
    view({
      a: { ...counts, shown: 3 },
      b: {
        ...counts,
        shown: 50,
        accepted: 10,
        shownCharacters: 900,
        acceptedCharacters: 210,
        kept: 8,
        dropped: 1,
      },
      gone: { ...counts, shown: 9 },
    }),
  );
  expect(rows).toEqual([
    // Wilson's intervals, computed by hand: for none of three it is z²/(3 + z²).
    ['two', '50', '10 of 50: 20.0% [11.2%, 33.0%]', '210 of 900', '8 of 9: 88.9% [56.5%, 98.0%]'],
    ['one', '3', '0 of 3: 0.0% [0.0%, 56.1%]', '\u2013', '\u2013'],
  ]);
  expect(acceptanceRows(view({ a: counts }))).toEqual([]);
});

it('shows the base next to its adapters, for comparison', () => {
  const counts = { ...zero, shown: 4, accepted: 1 };
  const rows = acceptanceRows(
    view({ 'base:qwen2.5-coder-0.5b': counts, 'base:mine': counts, 'a-deleted-run': counts }),
  );
  expect(rows.map(([label]) => label)).toEqual([
    'Qwen2.5-Coder-0.5B-Instruct, not fine-tuned (in all folders)',
    'mine, not fine-tuned (in all folders)',
  ]);
});

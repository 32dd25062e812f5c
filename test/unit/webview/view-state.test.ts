import { expect, it } from 'vitest';
import { readViewState, type ViewState } from '../../../webview/view-state.ts';

const chosen: ViewState = {
  run: 'run-a',
  compared: ['run-b'],
  filter: 'lora',
  scroll: 420,
  details: true,
  cards: { loss: { range: { min: 10, max: 20.5 }, picked: { Metric: 'kl' }, open: true } },
};
const nothing: ViewState = { compared: [], filter: '', scroll: 0, details: false, cards: {} };

it('is restored as it was stored', () => {
  expect(readViewState(JSON.parse(JSON.stringify(chosen)))).toEqual(chosen);
});

it.each([
  ['nothing', undefined],
  ['null', null],
  ['text', 'run-a'],
  ['a list', []],
  ['a wrong kind', { ...chosen, compared: 'run-b' }],
  ['a value that is not a number', { ...chosen, scroll: Number.NaN }],
  ['a range without an end', { ...chosen, cards: { loss: { range: { min: 1 } } } }],
  ['more runs than can be distinguished', { ...chosen, compared: ['a', 'b', 'c', 'd', 'e', 'f'] }],
])('is empty if %s was stored', (_, kept) => {
  expect(readViewState(kept)).toEqual(nothing);
});

it('uses the valid parts of an incomplete state', () => {
  expect(readViewState({ run: 'run-a', cards: { loss: {} }, later: 1 })).toEqual({
    ...nothing,
    run: 'run-a',
    cards: { loss: { picked: {}, open: false } },
  });
});

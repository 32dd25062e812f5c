import { expect, it } from 'vitest';
import { readViewState, type ViewState } from '../../../webview/view-state.ts';

const chosen: ViewState = {
  run: 'run-a',
  compared: ['run-b'],
  filter: 'lora',
  scroll: 420,
  details: true,
  cards: { loss: { range: { min: 10, max: 20.5 }, picked: { Figure: 'kl' }, open: true } },
};
const nothing: ViewState = { compared: [], filter: '', scroll: 0, details: false, cards: {} };

it('comes back as it was kept', () => {
  expect(readViewState(JSON.parse(JSON.stringify(chosen)))).toEqual(chosen);
});

it.each([
  ['nothing', undefined],
  ['null', null],
  ['text', 'run-a'],
  ['a list', []],
  ['a wrong kind', { ...chosen, compared: 'run-b' }],
  ['a number that is none', { ...chosen, scroll: Number.NaN }],
  ['a range without an end', { ...chosen, cards: { loss: { range: { min: 1 } } } }],
  ['more runs than can be told apart', { ...chosen, compared: ['a', 'b', 'c', 'd', 'e', 'f'] }],
])('is empty where %s was kept', (_, kept) => {
  expect(readViewState(kept)).toEqual(nothing);
});

it('takes what is there of a state that is not whole', () => {
  expect(readViewState({ run: 'run-a', cards: { loss: {} }, later: 1 })).toEqual({
    ...nothing,
    run: 'run-a',
    cards: { loss: { picked: {}, open: false } },
  });
});

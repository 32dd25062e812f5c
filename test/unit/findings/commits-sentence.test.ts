import { expect, it } from 'vitest';
import { commitsSentence } from '../../../src/findings/commits-sentence.ts';

const after = (low: number, high: number) => [
  {
    commit: 'a',
    at: '2026-01-01T00:00:00Z',
    commits: 14,
    cursors: 60,
    before: 0.24,
    after: 0.31,
    difference: { value: 0.07, low, high },
  },
];

it.each([
  [
    0.01,
    0.13,
    'In your newest commits (14), garden would have saved 31% of the characters at 60 places, and the model before it 24%.',
  ],
  [
    -0.01,
    0.15,
    'In your newest commits (14), no difference is seen: garden would have saved 31% of the characters at 60 places, the model before it 24%.',
  ],
  [
    -0.13,
    -0.01,
    'In your newest commits (14), garden would have saved fewer characters than the model before it: 31% at 60 places, instead of 24%.',
  ],
])('claims a gain or a loss only where the interval shows one: %d to %d', (low, high, sentence) =>
  expect(commitsSentence('garden', after(low, high))).toBe(sentence),
);

it('says that there was nothing to try it on', () =>
  expect(commitsSentence('garden', [])).toBe('garden was tried on no commits.'));

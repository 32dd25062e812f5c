import { expect, it } from 'vitest';
import { Refusals, type Offer } from '../../../src/next-edit/index.ts';

const offerIn = (path: string, line = 0, before = 'old') => {
  const offer: Offer = { path, line, parts: [], why: 'repeated', pattern: 'p' };
  return { ...offer, before, after: 'new' };
};

it('a pattern that was refused in a new file is offered only in files where it was accepted', () => {
  const refusals = new Refusals();
  for (const line of [0, 1, 2]) refusals.recordAccepted(offerIn('a.ts', line));
  refusals.recordRefused(offerIn('b.ts'));
  const isRefused = (path: string) => refusals.isRefused(offerIn(path, 7, 'other'));
  expect(['a.ts', 'b.ts', 'c.ts'].map(isRefused)).toEqual([false, true, true]);
  refusals.recordAccepted(offerIn('c.ts'));
  expect(isRefused('c.ts')).toBe(false);
});

it('one refusal weighs as much as three accepted offers', () => {
  const refusals = new Refusals();
  const next = offerIn('a.ts', 9, 'other');
  for (const line of [0, 1, 2]) refusals.recordAccepted(offerIn('a.ts', line));
  refusals.recordRefused(offerIn('a.ts', 3));
  expect(refusals.isRefused(next)).toBe(false);
  refusals.recordRefused(offerIn('a.ts', 4, 'third'));
  expect(refusals.isRefused(next)).toBe(true);
});

it('a tentative offer is shown once another one of its pattern was accepted, until that is undone', () => {
  const refusals = new Refusals();
  const tentative = { ...offerIn('b.ts'), isTentative: true as const };
  expect(refusals.isRefused(tentative)).toBe(true);
  refusals.recordAccepted(offerIn('a.ts'));
  expect(refusals.isRefused(tentative)).toBe(false);
  refusals.recordUndone(offerIn('a.ts'));
  expect(refusals.isRefused(tentative)).toBe(true);
});

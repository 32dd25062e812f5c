import { expect, it } from 'vitest';
import { Refusals, type Offer } from '../../../src/next-edit/index.ts';

const offerIn = (path: string, line = 0, before = 'old') => {
  const offer: Offer = { path, line, parts: [], why: 'repeated', pattern: 'p' };
  return { ...offer, before, after: 'new' };
};

it('a pattern that was refused in a new file is offered only in files where it was accepted', () => {
  const refusals = new Refusals();
  refusals.recordAccepted(offerIn('a.ts'));
  refusals.recordAccepted(offerIn('a.ts', 1));
  refusals.recordRefused(offerIn('b.ts'));
  const isRefused = (path: string) => refusals.isRefused(offerIn(path, 7, 'other'));
  expect(['a.ts', 'b.ts', 'c.ts'].map(isRefused)).toEqual([false, true, true]);
  refusals.recordAccepted(offerIn('c.ts'));
  expect(isRefused('c.ts')).toBe(false);
});

import { describe, expect, it } from 'vitest';
import { countUse, trustOf, type UseCounts } from '../../../src/completion/index.ts';
import { Random } from '../../support/random.ts';
import { settle, setUp } from './set-up.ts';

const none: UseCounts = { seen: 0, taken: 0 };

/** Somebody who takes each suggestion with this chance sees so many. */
function used(count: number, chance: number, from = none): UseCounts {
  const random = new Random(7);
  let counts = from;
  for (let i = 0; i < count; i += 1) {
    counts = countUse(counts, 'seen');
    if (random.next() < chance) counts = countUse(counts, 'taken');
  }
  return counts;
}

describe('trust in the probabilities of a model', () => {
  it('is what half of the suggestions taken would make it, if nothing is known', () => {
    expect(trustOf(none)).toBeCloseTo(0.5 / 0.7, 6);
    expect(trustOf(used(2000, 0.5))).toBeCloseTo(0.5 / 0.7, 1);
  });

  it('is full for somebody who takes seven in ten', () => {
    expect(trustOf(used(3000, 0.7))).toBeCloseTo(1, 1);
  });

  it('is half-way to what will be learned after a hundred suggestions', () => {
    expect(trustOf({ seen: 100, taken: 25 })).toBeCloseTo((0.5 + 0.25) / 2 / 0.7, 6);
    expect(trustOf({ seen: 10, taken: 2 })).toBeGreaterThan(0.65);
  });

  it('never falls so low that nothing is shown any more, nor rises far', () => {
    expect(trustOf(used(5000, 0))).toBe(0.4);
    expect(trustOf(used(5000, 1))).toBe(1.2);
  });

  it('follows a change of habits', () => {
    const before = used(3000, 0.1);
    expect(trustOf(before)).toBeLessThan(0.42);
    expect(trustOf(used(1500, 0.5, before))).toBeGreaterThan(0.6);
  });

  it('counts no more taken than seen', () => {
    expect(countUse({ seen: 1, taken: 1 }, 'taken')).toEqual({ seen: 1, taken: 1 });
    expect(countUse(none, 'taken')).toEqual(none);
  });
});

it('a suggestion that is just worth a look is not shown to somebody who takes few', async () => {
  const shown = async (trust?: number) => {
    const t = setUp();
    const more = { minChance: 0.09, ...(trust !== undefined && { trust }) };
    const completion = t.completer.complete(t.at('const all = ', more));
    await settle();
    t.pauses[0]?.end();
    await settle();
    t.requests[0]!.stream('readSettings(folder);', -1.2);
    t.requests[0]!.answer('readSettings(folder);');
    return (await completion)?.text;
  };
  expect([await shown(), await shown(1), await shown(0.4)]).toEqual([
    'readSettings(folder);',
    'readSettings(folder);',
    undefined,
  ]);
});

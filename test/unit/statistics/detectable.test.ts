/** Compared with simulation: a true change of that size is detected in 80% of draws, a smaller one in fewer. */
import { describe, expect, it } from 'vitest';
import { detectableFall, detectableRise } from '../../../src/statistics/detectable.ts';
import { pairedIntervals, stratifiedIntervals } from '../../../src/statistics/intervals.ts';
import { uniform } from '../../../src/statistics/random.ts';
import { solutions } from '../../../bench/coverage/settings.ts';

/** Before and after for `n` answers, some of which became right, others wrong. */
function measured(n: number, { both, gained, lost }: Record<'both' | 'gained' | 'lost', number>) {
  const part = (is: boolean) => ({ sum: Number(is), weight: 1 });
  const items = Array.from({ length: n }, (_, i) => i);
  const before = items.map((i) => part(i < both + lost));
  const after = items.map((i) => part(i < both || (i >= both + lost && i < both + lost + gained)));
  return { ...stratifiedIntervals([{ before, after }], 'answers'), n };
}
const fallOf = (n: number, counts: Parameters<typeof measured>[1], margin = 0) => {
  const { before, difference } = measured(n, counts);
  return detectableFall({ difference, n, before: before.value, margin });
};

/** Share of draws in which the product's interval detects a true fall. */
function shown(n: number, gained: number, fall: number): number {
  const [random, draws] = [uniform(11), 3000];
  let count = 0;
  for (let draw = 0; draw < draws; draw += 1) {
    let [up, down] = [0, 0];
    for (let i = 0; i < n; i += 1) {
      const at = random();
      if (at < gained) up += 1;
      else if (at < 2 * gained + fall) down += 1;
    }
    const { difference } = measured(n, { both: 0, gained: up, lost: down });
    count += Number(difference.high < 0);
  }
  return count / draws;
}

describe('the smallest detectable fall of a share', () => {
  it.each([
    [20, 12, 0, 0],
    [20, 10, 2, 2],
    [164, 58, 13, 13],
    [164, 53, 9, 18],
  ])(
    'is detected in four of five draws of %i answers (%i right, %i gained, %i lost)',
    (n, both, gained, lost) => {
      const fall = fallOf(n, { both, gained, lost });
      const without = Math.min(gained, lost) / n;
      expect(shown(n, without, fall)).toBeCloseTo(0.8, 1);
      expect(shown(n, without, fall / 2)).toBeLessThan(0.5);
    },
  );
  it('is much larger for a few answers than their interval without changes suggests', () => {
    expect(fallOf(20, { both: 12, gained: 0, lost: 0 })).toBeCloseTo(0.313, 2);
    expect(detectableRise(measured(20, { both: 12, gained: 0, lost: 0 }).difference)).toBeCloseTo(0.133, 2);
    expect(fallOf(164, { both: 58, gained: 13, lost: 13 })).toBeCloseTo(0.111, 2);
  });
  it('is infinite if there are too few answers, or too few right ones', () => {
    expect(fallOf(20, { both: 2, gained: 0, lost: 0 })).toBe(Infinity);
    expect(fallOf(164, { both: 0, gained: 0, lost: 0 })).toBe(Infinity);
    for (const n of [1, 2]) expect(fallOf(n, { both: n, gained: 0, lost: 0 })).toBe(Infinity);
  });
  it('exceeds the margin', () => {
    const counts = { both: 900, gained: 0, lost: 0 };
    expect(fallOf(1000, counts)).toBeLessThan(0.01);
    expect(fallOf(1000, counts, 0.02)).toBeGreaterThan(0.02);
  });
});

describe('the smallest detectable rise of an amount', () => {
  it('is detected in 80% of draws', () => {
    const draw = (rise: number, count: number) => {
      const random = uniform(5);
      const drawn = solutions('difference', { rise }).draw;
      return Array.from({ length: count }, () => {
        const [pair] = drawn(random);
        return pairedIntervals(pair!.before, pair!.after).difference;
      });
    };
    const rises = draw(0, 300).map((values) => detectableRise(values));
    const mean = rises.reduce((sum, rise) => sum + rise, 0) / rises.length;
    const found = draw(mean, 1000);
    expect(found.filter(({ low }) => low > 0).length / found.length).toBeCloseTo(0.8, 1);
  });
  it('is 2.8 standard errors, and more if a margin is wider than the interval', () => {
    const interval = { value: 0.01, low: 0.01 - 1.96, high: 0.01 + 1.96 };
    expect(detectableRise(interval)).toBeCloseTo(2.8, 2);
    expect(detectableRise(interval, 5)).toBeCloseTo(5.84, 2);
    expect(detectableRise({ value: 0, low: 0, high: 0 }, 0.02)).toBe(0.02);
  });
});

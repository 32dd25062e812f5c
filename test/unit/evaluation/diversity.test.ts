import { describe, expect, it } from 'vitest';
import { diversityMetrics, uniquePrograms } from '../../../src/evaluation/scoring/diversity.ts';

/** "+a" is a passing program, "-a" a failing one. */
const counts = (...samples: string[]) => {
  const judged = samples.map((sample) => ({ program: sample.slice(1), passed: sample.startsWith('+') }));
  const parts = uniquePrograms(judged);
  return diversityMetrics.map((metric) => parts[metric]);
};
const each = (...sums: number[]) => sums.map((sum) => ({ sum, weight: 1 }));

describe('diversity', () => {
  it('counts unique programs, passing and failing separately', () => {
    expect(counts('+a', '+a', '+b', '-c', '-c', '-c', '-d')).toEqual(each(4, 2, 2));
    expect(counts('+a', '+b')).toEqual(each(2, 2, 0));
    expect(counts('-a', '-a')).toEqual(each(1, 0, 1));
  });
  it('compares programs as strings: whitespace counts', () => {
    expect(counts('+return 1', '+return  1', '+return 1 ')).toEqual(each(3, 3, 0));
  });
});

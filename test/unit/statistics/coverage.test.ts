/**
 * 95% intervals cover the true value in 93 to 97% of cases, at the n of `quick`, on data drawn like that of real runs.
 */
import { describe, expect, it } from 'vitest';
import { measureCoverage } from '../../../bench/coverage/measure.ts';
import { groups } from '../../../bench/coverage/settings.ts';

/**
 * Per metric: enough draws to determine a share of 95% to within a third of a percent; fewer for slow metrics whose
 * share is not near a bound. `npm run bench:coverage` draws more.
 */
const draws = [
  [/^forgetting/, 400],
  [/^(pass|exact match|accuracy)/, 1000],
  [/cursors/, 2500],
  [/./, 4000],
] as const;

describe('a 95% interval covers', () => {
  const named = groups.map((group) => ({ ...group, name: group.settings[0]!.name }));
  it.each(named)('$name', (group) => {
    const found = measureCoverage(group, draws.find(([names]) => names.test(group.name))![1]);
    expect(found.covered).toBeGreaterThan(group.understated ? 0.8 : 0.93);
    expect(found.covered).toBeLessThan(group.wider ? 0.995 : 0.97);
    // At a fixed strength, a false gain is reported in at most 2.5% of cases.
    if (group.name.startsWith('bits per byte')) expect(found.below).toBeLessThan(0.025);
  });
});

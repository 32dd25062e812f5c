/** 95% intervals hold what is true in 93 to 97% of cases, at the n of `quick`: on data drawn like that of real runs. */
import { describe, expect, it } from 'vitest';
import { measureCoverage } from '../../../bench/coverage/measure.ts';
import { groups } from '../../../bench/coverage/settings.ts';
import { stratifiedIntervals } from '../../../src/evaluation/intervals.ts';

/** So many that a share of 95% is known to a third of a percent; of three tasks of 100 questions fewer, for the time. */
const DRAWS = 4000;
const DRAWS_OF_TASKS = 400;

describe('a 95% interval covers', () => {
  const named = groups.map((group) => ({ ...group, name: group.settings[0]!.name }));
  it.each(named)('$name', (group) => {
    const { covered } = measureCoverage(
      group,
      (pairs, { kind, of }) => stratifiedIntervals(pairs, kind)[of],
      group.name.startsWith('forgetting') ? DRAWS_OF_TASKS : DRAWS,
    );
    expect(covered).toBeGreaterThan(0.93);
    expect(covered).toBeLessThan(group.wider ? 0.995 : 0.97);
  });
});

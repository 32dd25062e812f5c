import { describe, expect, it } from 'vitest';
import { nextStepWithoutOffer, notBetter, whyNotOffered } from '../../../src/findings/offer.ts';
import { verdictOf } from '../../../src/findings/verdict.ts';
import { summarise } from '../../../src/findings/summary-sentence.ts';
import { interleave } from '../../../src/evaluation/strength/task.ts';
import {
  chooseStrength,
  isLimitedByForgetting,
  nextStrength,
  strengthPoint,
} from '../../../src/findings/strength-rule.ts';
import type { RatioItem } from '../../../src/statistics/statistics.ts';
import type { Comparison, StrengthPoint } from '../../../src/protocol/evaluation.ts';

const around = (value: number, half = 0.02) => ({ value, low: value - half, high: value + half });
const point = (
  strength: number,
  learned: number,
  kl: number,
  solutions?: ReturnType<typeof around>,
): StrengthPoint => ({
  strength,
  learned: around(learned),
  kl: around(kl, 0.01),
  ...(solutions && { solutions }),
});

describe('the chosen strength', () => {
  const path = [
    point(0.25, -0.05, 0.01),
    point(0.5, -0.1, 0.04),
    point(0.75, -0.12, 0.08),
    point(1, -0.13, 0.15),
  ];

  it('is the one that learned most within the limit', () => {
    expect(chooseStrength(path, 0.1)).toMatchObject({
      strength: 0.75,
      why: expect.stringMatching(
        /^at strength 0\.75 it learned most: -0\.120 .*more than the limit of 0\.1$/,
      ),
    });
    expect(chooseStrength(path, 0.2).strength).toBe(1);
    expect(chooseStrength(path.toReversed(), 0.05).strength).toBe(0.5);
  });
  it('is not a stronger one with worse completions', () => {
    const turned = [point(0.5, -0.1, 0.01), point(1, -0.06, 0.05)];
    expect(chooseStrength(turned, 0.1)).toMatchObject({
      strength: 0.5,
      why: expect.stringMatching(/at higher strengths it learned no more$/),
    });
  });
  it('prefers certainty to an imprecise measurement', () => {
    const uncertain = { ...point(1, 0, 0.05), learned: around(-0.15, 0.16) };
    const chosen = chooseStrength([{ ...point(0.5, 0, 0.01), learned: around(-0.14, 0.05) }, uncertain], 0.1);
    expect(chosen).toMatchObject({
      strength: 0.5,
      why: expect.stringMatching(/^at strength 0\.5 the gain is most certain: -0\.140 /),
    });
    expect(chooseStrength([uncertain], 0.1)).toMatchObject({
      strength: 0,
      why: expect.stringContaining('as far as can be measured'),
    });
  });
  it('is none if noise explains the gain', () => {
    const chosen = chooseStrength([point(0.5, -0.015, 0.01), point(1, -0.01, 0.05)], 0.1);
    expect(chosen).toMatchObject({
      strength: 0,
      why: expect.stringContaining('as far as can be measured: -0.015'),
    });
    expect(chosen.next).toContain('Longer training');
  });
  it('is none if everything that learned also forgot too much, and says so', () => {
    const chosen = chooseStrength([point(0.5, -0.3, 0.5), point(1, -0.4, 0.9)], 0.1);
    expect(chosen).toMatchObject({ strength: 0, why: expect.stringContaining('KL from base 0.500') });
    expect(chosen.next).toContain('lower learning rate');
  });
  it('says that longer training gains little if the strongest change within the limit is the best', () => {
    const limit = 0.1;
    const isLimited = (...path: StrengthPoint[]) => isLimitedByForgetting({ path, limit });
    expect(isLimited(point(0.5, -0.1, 0.04), point(1, -0.2, 0.15))).toBe(true);
    expect(isLimited(point(0.5, -0.1, 0.04), point(1, -0.2, 0.08))).toBe(false);
    expect(isLimited(point(0.5, -0.1, 0.04), point(1, -0.05, 0.15))).toBe(false);
    expect(isLimited(point(0.5, 0.01, 0.04), point(1, -0.05, 0.15))).toBe(false);
    expect(isLimited(point(0.5, -0.1, 0.12))).toBe(false);
    expect(isLimited(point(1, -0.1, 0.08))).toBe(false);
    // Nothing stronger was measured: at .75, the KL would be .12, or .09, at least.
    expect(isLimited(point(0.5, -0.1, 0.08))).toBe(true);
    expect(isLimited(point(0.5, -0.1, 0.06))).toBe(false);
    // It rises from that of the reference adapter.
    const begun = { path: [point(0.5, -0.1, 0.07)], limit, klAtZero: around(0.05) };
    expect(isLimitedByForgetting(begun)).toBe(false);
    expect(isLimited()).toBe(false);
  });
  it('then advises other things than longer training', () => {
    const weak = [point(0.5, -0.015, 0.06), point(1, -0.02, 0.15)];
    expect(chooseStrength(weak, 0.1).next).toBe(
      'More code to learn from may help. Longer training would gain little, because the limit on forgetting is reached.',
    );
    expect(chooseStrength([point(0.5, -0.015, 0.3)], 0.1).next).toContain('lower learning rate');
  });
  it('takes lost solutions into account if they exceed noise', () => {
    const rose = [point(0.5, -0.1, 0.01, around(0.005, 0.001)), point(1, -0.2, 0.02, around(0.05, 0.01))];
    expect(chooseStrength(rose, 0.1).strength).toBe(0.5);
    const perhaps = [rose[0]!, point(1, -0.2, 0.02, around(0.05, 0.1))];
    expect(chooseStrength(perhaps, 0.1).strength).toBe(1);
  });
  it('needs no measure of forgetting if the run has none', () => {
    expect(chooseStrength([{ strength: 1, learned: around(-0.1) }], 0.1)).toMatchObject({
      strength: 1,
      why: expect.stringContaining('forgetting was not measured'),
    });
  });
});

describe('the next strength to measure', () => {
  /** All strengths in order, if full strength has this KL and lower ones the square of their share. */
  function walk(kl: number, late: boolean): number[] {
    const points: StrengthPoint[] = [];
    for (;;) {
      const strength = nextStrength(points, 0.1, late);
      if (strength === undefined) return points.map((one) => one.strength);
      points.push(point(strength, -0.1, kl * strength ** 2));
      expect(points.length).toBeLessThan(9);
    }
  }
  it('is each candidate while there is time', () => expect(walk(0.09, false)).toEqual([0.5, 1, 0.75]));
  it('is none above one that forgets too much', () => {
    expect(walk(0.19, false)).toEqual([0.5, 1, 0.75]);
    const points = [point(0.5, -0.1, 0.02), point(0.75, -0.1, 0.12)];
    expect(nextStrength(points, 0.1, false)).toBeUndefined();
    expect(nextStrength(points, 0.2, false)).toBe(1);
  });
  it('is none that must forget too much, as the KL rises at least in proportion', () => {
    // .0605 at .5: at least .121 at 1, and .091 at .75.
    expect(walk(0.242, false)).toEqual([0.5, 0.75]);
    expect(walk(0.38, false)).toEqual([0.5]);
    const points = [point(0.5, -0.1, 0.084)];
    // From .052 to .084, 1 would be at .116 and .75 at .100.
    expect(nextStrength(points, 0.1, false, 0.052)).toBeUndefined();
    expect(nextStrength(points, 0.11, false, 0.052)).toBe(0.75);
    expect(nextStrength(points, 0.12, false, 0.052)).toBe(1);
  });
  it('is a quarter where a half learned nothing', () => {
    expect(nextStrength([point(0.5, 0.01, 0.09)], 0.1, false)).toBe(0.25);
    expect(nextStrength([point(0.5, -0.01, 0.09)], 0.1, false)).toBeUndefined();
  });
  it('is none without time, once one is within the limit', () => {
    expect(walk(0.05, true)).toEqual([0.5]);
    expect(walk(0.2, true)).toEqual([0.5]);
  });
  it('is lower until one is within the limit, however long it takes', () => {
    // KL is proportional to the square: 0.34 and 0.11 would just be within the limit.
    expect(walk(0.8, true)).toEqual([0.5, 0.3]);
    expect(walk(0.8, false)).toEqual([0.5, 0.3]);
    expect(walk(8, true)).toEqual([0.5, 0.1]);
    expect(walk(80, false)).toEqual([0.5]);
  });
  it('is counted from the KL that a reference adapter has', () => {
    const points = [point(1, -0.1, 0.25), point(0.5, -0.1, 0.14)];
    expect(nextStrength(points, 0.1, true)).toBe(0.4);
    // From .04 to .14, .095 is at 55% of the way.
    expect(nextStrength(points, 0.1, true, 0.04)).toBe(0.25);
    // Nothing in between can be within the limit, though the last point is below the start.
    const fell = [point(1, -0.1, 0.25), point(0.5, -0.1, 0.105)];
    expect(nextStrength(fell, 0.1, true, 0.11)).toBeUndefined();
  });
});

it('starts with many files and some of each kind', () => {
  const cursors = Array.from({ length: 24 }, (_, at) => ({
    ...{ kind: 'cursor' as const, document: `file ${Math.floor(at / 6)}` },
  }));
  const texts = Array.from({ length: 8 }, () => ({ kind: 'text' as const }));
  const order = interleave([...cursors, ...texts]);
  expect(new Set(order)).toEqual(new Set([...cursors, ...texts]));
  const first = order.slice(0, 7);
  expect(new Set(first.flatMap((one) => ('document' in one ? [one.document] : []))).size).toBe(4);
  expect(first.filter(({ kind }) => kind === 'text')).toHaveLength(2);
});

describe('a strength compared with the base', () => {
  const parts = (values: number[], files: number): RatioItem[] =>
    values.map((sum, index) => ({ sum, weight: 1, document: `file ${index % files}` }));
  const values = Array.from({ length: 24 }, (_, index) => 2 + Math.sin(index));
  const at = (files: number, gain: (index: number) => number) =>
    strengthPoint(
      1,
      { learned: parts(values, files), kl: [], solutions: [] },
      {
        learned: parts(
          values.map((value, i) => value - gain(i)),
          files,
        ),
        kl: [{ sum: 3, weight: 100 }],
        solutions: [],
      },
    );

  it('is paired, and counts files if there are any', () => {
    const { learned, kl } = at(8, (index) => 0.1 + 0.05 * Math.cos(7 * index));
    expect(learned.value).toBeCloseTo(-0.1, 1);
    expect(learned.high).toBeLessThan(0);
    expect(kl!.value).toBeCloseTo(0.03);
  });
  it('is not chosen if its cursors are in fewer than four files', () => {
    const of = (files: number) => at(files, (index) => 0.1 + 0.05 * Math.cos(7 * index));
    expect(chooseStrength([of(8)], 1).strength).toBe(1);
    for (const files of [1, 2, 3])
      expect(chooseStrength([of(files)], 1)).toMatchObject({
        strength: 0,
        why: `too few files were measured to show whether it is better: ${files}`,
        next: expect.stringContaining('more files'),
      });
  });
});

describe('offering a result', () => {
  const choice = { strength: 0.5, why: 'at strength 0.5 it learned most', limit: 0.1, path: [], setting: '' };
  const comparison = (task: string, metric: string, difference: number, significant = true): Comparison => {
    const better = metric.startsWith('loss') ? 'lower' : 'higher';
    const measured = { task, metric, value: 0.5, low: 0, high: 1, n: 16, setting: '' };
    return {
      task,
      metric,
      unit: '',
      better,
      before: measured,
      after: { ...measured, value: 0.5 + difference },
      difference: around(difference, 0.01),
      significant,
    };
  };

  it('happens if nothing got worse by more than noise', () => {
    const comparisons = [
      comparison('workspace', 'line exact match', 0.1),
      comparison('humaneval', 'pass@1', -0.1, false),
      comparison('humaneval', 'loss of solutions', 0.015),
      comparison('workspace', 'latency', -9),
    ];
    expect(whyNotOffered({ choice, comparisons })).toBeUndefined();
  });
  it('does not happen if it measured worse', () => {
    for (const [task, metric, by] of [
      ['workspace', 'characters saved', -0.1],
      ['humaneval', 'pass@1', -0.3],
      ['humaneval', 'loss of solutions', 0.05],
    ] as const) {
      const comparisons = [comparison(task, metric, by)];
      expect(whyNotOffered({ choice, comparisons })).toContain('0.500 ->');
      expect(summarise({ choice, comparisons })).toMatch(/^Not offered: .*\. A lower learning rate/);
      // The strength was set by the user, or the run is from an earlier version.
      expect(whyNotOffered({ comparisons })).toBeUndefined();
    }
  });
  it('does not happen if a run knows less of the code than the one that it continues', () => {
    const since = (older: number, newer = 0) => {
      const change = (age: string, by: number) => ({
        ...comparison('workspace', `${age} code bits per byte`, by, by !== 0),
        better: 'lower' as const,
      });
      return { choice, comparisons: [change('older', older), change('new', newer)] };
    };
    const why = 'is predicted worse than by the run that it continues (0.500 -> 0.600 bits per byte)';
    expect(whyNotOffered(since(0.1))).toBe(`older code ${why}`);
    expect(whyNotOffered(since(0.1, -0.02))).toBe(`older code ${why}`);
    expect(whyNotOffered(since(0, 0.1))).toBe(`new code ${why}`);
    expect(summarise(since(0.1))).toMatch(/^Not offered: older code is predicted worse than by the run /);
    expect(verdictOf(since(0.1))).toEqual({
      kind: 'worse',
      than: 'the run that it continues',
      why: 'older code is predicted worse',
    });
    // More was gained than lost.
    for (const each of [since(0), since(-0.1), since(0.02, -0.1)])
      expect(whyNotOffered(each)).toBeUndefined();
  });
  it('happens at a strength set by the user, unless it measured worse', () => {
    const path = [point(0.5, -0.1, 0.3), point(0.75, 0, 0.6, around(0.05)), point(1, 0.05, 0.9)];
    const none = { ...choice, strength: 0, why: 'it forgot too much', path };
    const at = (givenStrength: number, comparisons: Comparison[] = []) => {
      const known = { choice: none, comparisons, givenStrength };
      return { why: whyNotOffered(known), sentence: summarise(known) };
    };
    expect(whyNotOffered({ choice: none, comparisons: [] })).toBe('it forgot too much');
    // It forgets more than the limit, which is the user's decision.
    expect(at(0.5)).toEqual({ why: undefined, sentence: 'Strength 0.5 was set by hand.' });
    // Between two measured strengths.
    expect(at(0.6).why).toBeUndefined();
    expect(at(0.75).why).toContain("HumanEval's reference solutions");
    expect(at(1)).toEqual({
      why: 'held-out text is predicted worse (+0.050 bits per byte)',
      sentence: expect.stringMatching(/^Strength 1 was set by hand\. Not offered: .* A lower strength/),
    });
    expect(at(0.5, [comparison('workspace', 'characters saved', -0.1)]).why).toContain('0.500 ->');
    expect(
      notBetter('garden', { step: 1, sentence: '', choice: none, comparisons: [], givenStrength: 1 }),
    ).toMatchObject({
      message: expect.stringMatching(/^garden at strength 1 completes code no better than before/),
    });
  });
  it('does not happen if the base is best', () => {
    const none = { ...choice, strength: 0, why: 'nothing was gained', next: 'Longer training may help.' };
    const summary = { step: 1, sentence: '', choice: none, comparisons: [] };
    expect(nextStepWithoutOffer(summary)).toBe('Longer training may help.');
    expect(notBetter('garden', summary)).toMatchObject({
      code: 'not-better',
      message:
        'garden completes code no better than before training, so it is not offered for completion: nothing was gained.',
      next: 'Longer training may help.',
    });
  });
});

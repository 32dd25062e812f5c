import { describe, expect, it } from 'vitest';
import { nextStepWithoutOffer, notBetter, whyNotOffered } from '../../../src/findings/offer.ts';
import { verdictOf } from '../../../src/findings/verdict.ts';
import { summarise } from '../../../src/findings/summary-sentence.ts';
import { interleave } from '../../../src/evaluation/strength/task.ts';
import {
  bestPoint,
  candidates,
  decide,
  nextStrength,
  reasonsOf,
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
  ...{ places: 20, files: 10 },
  kl: around(kl, 0.01),
  ...(solutions && { solutions }),
});

describe('the best strength', () => {
  const path = [point(0.5, -0.1, 0.04), point(0.75, -0.12, 0.08), point(1, -0.13, 0.15)];

  it('is the one with the best mean within the limit', () => {
    expect(bestPoint(path, 0.1)?.strength).toBe(0.75);
    expect(bestPoint(path, 0.2)?.strength).toBe(1);
    expect(bestPoint(path, 0.03)).toBeUndefined();
    const uncertain = { ...point(1, 0, 0.05), learned: around(-0.15, 0.16) };
    expect(bestPoint([point(0.5, -0.14, 0.01), uncertain], 0.1)).toBe(uncertain);
  });
  it("keeps the upper end of the KL's interval within the limit", () => {
    expect(bestPoint(path, 0.085)?.strength).toBe(0.5);
  });
  it('is one of those that were measured at the most places', () => {
    const more = { ...point(0.5, -0.05, 0.01), places: 40 };
    expect(bestPoint([more, point(0.75, -0.12, 0.01)], 0.1)).toBe(more);
  });
  it('takes lost solutions into account if they exceed noise', () => {
    const rose = [point(0.5, -0.1, 0.01, around(0.005, 0.001)), point(1, -0.2, 0.02, around(0.05, 0.01))];
    expect(bestPoint(rose, 0.1)?.strength).toBe(0.5);
    const perhaps = [rose[0]!, point(1, -0.2, 0.02, around(0.05, 0.1))];
    expect(bestPoint(perhaps, 0.1)?.strength).toBe(1);
  });
  it('is compared with the next one below it', () => {
    expect(candidates(path, 0.1).map(({ strength }) => strength)).toEqual([0.75, 0.5]);
    expect(candidates(path, 0.06).map(({ strength }) => strength)).toEqual([0.5]);
  });
});

describe('what a run decides', () => {
  const decideOn = (path: StrengthPoint[], isAll = false) => {
    const decision = { ...decide({ path, limit: 0.1, isAll }), path, limit: 0.1 };
    return { ...decision, ...reasonsOf(decision) };
  };

  it('is "better" if the interval lies below zero', () => {
    expect(decideOn([point(0.5, -0.03, 0.05), point(0.25, -0.02, 0.01)])).toMatchObject({
      decided: 'better',
      strength: 0.5,
      why: 'at strength 0.5 it learned most: -0.030 bits per byte [-0.050, -0.010] on held-out text, KL from base 0.050 nats per token (at most 0.060)',
    });
    expect(decideOn([{ ...point(1, -0.1, 0), kl: undefined }])).toMatchObject({
      decided: 'better',
      why: expect.stringContaining('forgetting was not measured'),
    });
  });
  it('is "not better" if no gain is shown though there is more code', () => {
    for (const gain of [-0.015, 0, 0.03])
      expect(decideOn([point(0.5, gain, 0.05)])).toMatchObject({
        decided: 'not better',
        strength: 0,
        why: expect.stringMatching(
          gain > 0.02 ? /predicts held-out text worse: / : /no better, as far as can be measured: /,
        ),
      });
  });
  it('is "not better" if every strength forgot too much, and says so', () => {
    const guarded = { strength: 0.5, kl: around(0.5, 0.01) };
    expect(decideOn([guarded, { strength: 0.25, kl: around(0.2, 0.01) }])).toMatchObject({
      decided: 'not better',
      why: expect.stringContaining('forget too much of what the base knew: KL from base 0.200'),
      next: 'A lower learning rate or replay forgets less.',
    });
    expect(decideOn([point(0.5, -0.3, 0.5)])).toMatchObject({ decided: 'not better' });
  });
  it('is "too little code" if all of it leaves a gain open, and says how many places would decide', () => {
    // Half the interval's width is 4/3 of the gain, so it takes 16/9 of the places.
    expect(decideOn([point(0.5, -0.015, 0.05)], true)).toMatchObject({
      decided: 'too little code',
      strength: 0,
      needed: 36,
      why: 'there is not enough of your code to tell (places: 20; needed: 36)',
      next: 'Choose a folder with more files of code.',
    });
    // That many times the code would not be "not enough".
    expect(decideOn([point(0.5, -0.005, 0.05)], true).decided).toBe('not better');
    expect(decideOn([point(0.5, 0.01, 0.05)], true).decided).toBe('not better');
  });
  it('is "too little code" with places in fewer than four files, or hardly any', () => {
    for (const few of [{ files: 3 }, { places: 7 }])
      expect(decideOn([{ ...point(0.5, -0.1, 0.05), ...few }])).toMatchObject({
        decided: 'too little code',
        why: expect.stringContaining(
          'files' in few ? 'held-out files: 3; needed: 4' : 'places: 7; needed: 8',
        ),
      });
  });
});

describe('the next strength whose forgetting is measured', () => {
  /** All strengths in order, if full strength has this KL and lower ones the square of their share. */
  function walk(kl: number): number[] {
    const points: StrengthPoint[] = [];
    for (;;) {
      const strength = nextStrength(points, 0.1);
      if (strength === undefined) return points.map((one) => one.strength);
      points.push({ strength, kl: around(kl * strength ** 2, 0.002) });
      expect(points.length).toBeLessThan(9);
    }
  }
  const at = (strength: number, kl: number) => ({ strength, kl: around(kl, 0.01) });

  it('is higher as long as that may be within the limit', () => {
    expect(walk(0.09)).toEqual([0.5, 1]);
    expect(walk(0.15)).toEqual([0.5, 1, 0.75]);
    expect(nextStrength([at(0.5, 0.02), at(0.75, 0.12)], 0.1)).toBeUndefined();
    expect(nextStrength([at(0.5, 0.02), at(0.75, 0.12)], 0.2)).toBe(1);
  });
  it('is none that must forget too much, as the KL rises at least in proportion', () => {
    // .0605 at .5: at least .121 at 1, and .091 at .75.
    expect(walk(0.242)).toEqual([0.5, 0.75]);
    expect(walk(0.38)).toEqual([0.5]);
    // By the upper ends: from .052 to .094, 1 would be at .136 and .75 at .115.
    expect(nextStrength([at(0.5, 0.084)], 0.1, around(0.052, 0))).toBeUndefined();
    expect(nextStrength([at(0.5, 0.084)], 0.12, around(0.052, 0))).toBe(0.75);
    expect(nextStrength([at(0.5, 0.084)], 0.14, around(0.052, 0))).toBe(1);
  });
  it('is lower until one is within the limit', () => {
    // KL is proportional to the square: 0.34 and 0.11 would just be within the limit.
    expect(walk(0.8)).toEqual([0.5, 0.3]);
    expect(walk(8)).toEqual([0.5, 0.1]);
    expect(walk(80)).toEqual([0.5]);
  });
  it('is counted from the KL that a reference adapter has', () => {
    const points = [at(1, 0.25), at(0.5, 0.13)];
    expect(nextStrength(points, 0.1)).toBe(0.4);
    // From .04 to .14, .095 is at 55% of the way.
    expect(nextStrength(points, 0.1, around(0.03, 0.01))).toBe(0.25);
    // Nothing in between can be within the limit, though the last point is below the start.
    expect(nextStrength([at(1, 0.25), at(0.5, 0.105)], 0.1, around(0.11, 0))).toBeUndefined();
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
    strengthPoint(1, {
      before: { learned: parts(values, files), solutions: [] },
      at: {
        learned: parts(
          values.map((value, i) => value - gain(i)),
          files,
        ),
        kl: [{ sum: 3, weight: 100 }],
        solutions: [],
      },
    });

  it('is paired, and counts files if there are any', () => {
    const { learned, kl, files, places } = at(8, (index) => 0.1 + 0.05 * Math.cos(7 * index));
    expect(learned!.value).toBeCloseTo(-0.1, 1);
    expect(learned!.high).toBeLessThan(0);
    expect(kl!.value).toBeCloseTo(0.03);
    expect([files, places]).toEqual([8, 24]);
  });
});

describe('offering a result', () => {
  const choice = {
    ...{ decided: 'better' as const, strength: 0.5, why: 'at strength 0.5 it learned most' },
    ...{ limit: 0.1, path: [], setting: '' },
  };
  const notChosen = { ...choice, decided: 'not better' as const, strength: 0 };
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
      kind: 'not better',
      than: 'the run that it continues',
      why: 'older code is predicted worse',
    });
    // More was gained than lost.
    for (const each of [since(0), since(-0.1), since(0.02, -0.1)])
      expect(whyNotOffered(each)).toBeUndefined();
  });
  it('happens at a strength set by the user, unless it measured worse', () => {
    const path = [point(0.5, -0.1, 0.3), point(0.75, 0, 0.6, around(0.05)), point(1, 0.05, 0.9)];
    const none = { ...notChosen, why: 'it forgot too much', path };
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
    const none = { ...notChosen, why: 'nothing was gained', next: 'More code may help.' };
    const summary = { step: 1, sentence: '', choice: none, comparisons: [] };
    expect(nextStepWithoutOffer(summary)).toBe('More code may help.');
    expect(notBetter('garden', summary)).toMatchObject({
      code: 'not-better',
      message:
        'garden completes code no better than before training, so it is not offered for completion: nothing was gained.',
      next: 'More code may help.',
    });
  });
});

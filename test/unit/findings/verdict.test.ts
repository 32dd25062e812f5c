import { describe, expect, it } from 'vitest';
import { basisIn, verdictIn, verdictOf } from '../../../src/findings/verdict.ts';
import {
  CHARACTERS,
  CURSORS,
  EXACT_LINES,
  type Comparison,
  type StrengthChoice,
  type StrengthPoint,
} from '../../../src/protocol/evaluation.ts';

const around = (value: number, half: number) => ({ value, low: value - half, high: value + half });

function choiceOf(strength: number, ...path: [learned: number, half: number, kl: number][]): StrengthChoice {
  const points = path.map(([learned, half, kl], at): StrengthPoint => ({
    strength: (at + 1) / path.length,
    learned: around(learned, half),
    kl: around(kl, 0.001),
  }));
  return { strength, why: '', limit: 0.1, path: points, setting: '' };
}

function comparison(task: string, metric: string, difference: number, half = 0.01): Comparison {
  const measured = { task, metric, value: 0.5, low: 0, high: 1, n: 16, setting: '' };
  const better = /loss|bits/.test(metric) ? 'lower' : 'higher';
  return {
    task,
    metric,
    unit: '',
    better,
    before: measured,
    after: { ...measured, value: 0.5 + difference },
    difference: around(difference, half),
    significant: Math.abs(difference) > half,
  };
}

const kindOf = (choice?: StrengthChoice, ...comparisons: Comparison[]) =>
  verdictOf({ comparisons, ...(choice && { choice }) }).kind;

describe('the verdict on a result', () => {
  it('is better if held-out code is predicted better, at the strength in use', () => {
    expect(kindOf(choiceOf(1, [-0.1, 0.02, 0.01]))).toBe('better');
    expect(kindOf(undefined, comparison('workspace', 'bits per byte', -0.1))).toBe('better');
    expect(kindOf(undefined, comparison('workspace', 'line exact match', 0.1))).toBe('better');
  });
  it('names the metric that is better, unless held-out code is predicted better', () => {
    const bits = comparison('workspace', 'bits per byte', -0.05, 0.3);
    const whyOf = (...comparisons: Comparison[]) => verdictOf({ comparisons }).why;
    for (const [task, metric, why] of [
      ['workspace', 'line exact match', 'it completes more of the lines kept out of training'],
      ['workspace', 'line edit similarity', 'its completions are closer to the lines kept out of training'],
      ['workspace', 'characters saved', 'it saves more typing in the files kept out of training'],
      [CURSORS, EXACT_LINES, 'it completes more of the lines kept out of training'],
      [CURSORS, CHARACTERS, 'it predicts more of the characters kept out of training'],
    ] as const) {
      expect(whyOf(bits, comparison(task, metric, 0.1))).toBe(why);
      expect(whyOf(comparison('workspace', 'bits per byte', -0.05), comparison(task, metric, 0.1))).toBe(
        'it predicts the files kept out of training better',
      );
    }
    const choice = { ...choiceOf(1, [-0.1, 0.02, 0.01]), learned: around(-0.09, 0.03) };
    const comparisons = [bits, comparison('workspace', 'line exact match', 0.1)];
    expect(verdictOf({ choice, comparisons }).why).toBe('it predicts the files kept out of training better');
    expect(basisIn(verdictOf({ choice, comparisons }))).toBe('');
    expect(verdictOf({ choice, givenStrength: 0.7, comparisons }).why).toMatch(/^it completes more/);
  });
  it('names the figure that it rests on, if the metrics of the result do not show it', () => {
    const path = choiceOf(1, [-0.1, 0.02, 0.01]).path.map((point) => ({ ...point, files: 14 }));
    const choice = { ...choiceOf(1), path, learned: around(-0.015, 0.011) };
    const unclear = comparison('workspace', 'bits per byte', -0.005);
    expect(basisIn(verdictOf({ choice, comparisons: [unclear] }))).toBe(
      'This rests on one figure: -0.015 [-0.026, -0.004] bits per byte of held-out text (files: 14).',
    );
    expect(basisIn(verdictOf({ choice: choiceOf(1, [-0.1, 0.02, 0.01]), comparisons: [] }))).toBe(
      'This rests on one figure: -0.100 [-0.120, -0.080] bits per byte of held-out text. The strength was chosen by it, so it looks a little better than it is.',
    );
    const byHand = { choice: choiceOf(1, [-0.1, 0.02, 0.01]), givenStrength: 1, comparisons: [] };
    expect(basisIn(verdictOf(byHand))).not.toContain('chosen');
    const clear = comparison('workspace', 'bits per byte', -0.1);
    expect(basisIn(verdictOf({ choice, comparisons: [clear] }))).toBe('');
    expect(basisIn(verdictOf({ comparisons: [unclear] }))).toBe('');
  });
  it('is worse if something that matters got worse, whatever was gained', () => {
    const choice = choiceOf(1, [-0.1, 0.02, 0.01]);
    expect(kindOf(choice, comparison('humaneval', 'pass@1', -0.3))).toBe('worse');
    expect(kindOf(choice, comparison('humaneval', 'loss of solutions', 0.05))).toBe('worse');
    expect(verdictOf({ choice, comparisons: [], served: served(false) }).kind).toBe('worse');
    expect(verdictOf({ choice, comparisons: [], served: served(true) }).kind).toBe('better');
  });
  it('is worse if nothing was gained within the limit of forgetting', () => {
    expect(verdictOf({ choice: choiceOf(0, [-0.1, 0.02, 0.5]), comparisons: [] })).toEqual({
      kind: 'worse',
      why: 'it learned your files, but forgot too much of what the base could do',
    });
    expect(kindOf(choiceOf(0, [0.1, 0.02, 0.01]))).toBe('worse');
  });
  it('is open if too few files were measured, however much was learned of them', () => {
    const { path, ...rest } = choiceOf(0, [-0.1, 0.02, 0.01]);
    const choice = (files: number) => ({ ...rest, path: path.map((point) => ({ ...point, files })) });
    const windows = comparison('workspace', 'bits per byte', -0.1);
    const open = { kind: 'unknown', why: 'too little was measured to see a difference' };
    expect(verdictOf({ choice: choice(1), comparisons: [] })).toEqual(open);
    expect(verdictOf({ choice: choice(3), comparisons: [windows] })).toEqual(open);
    expect(verdictOf({ choice: choice(1), givenStrength: 1, comparisons: [] })).toEqual(open);
    expect(kindOf(choice(8))).toBe('worse');
  });
  it('is "no better" only if a noticeable gain is ruled out', () => {
    expect(kindOf(choiceOf(0, [-0.001, 0.01, 0.01]))).toBe('same');
    expect(kindOf(choiceOf(0, [-0.001, 0.2, 0.01]))).toBe('unknown');
    expect(kindOf(undefined, comparison('workspace', 'bits per byte', 0.001))).toBe('same');
    expect(kindOf(undefined, comparison('workspace', 'bits per byte', 0.001, 0.3))).toBe('unknown');
    // A few lines are inconclusive about small gains.
    expect(kindOf(undefined, comparison('workspace', 'line exact match', 0, 0))).toBe('unknown');
  });
  it('for an earlier version is open if the scores it was chosen by say more than those measured later', () => {
    const choice = choiceOf(1, [-0.1, 0.02, 0.01]);
    expect(kindOf(choice, comparison('workspace', 'bits per byte', -0.05, 0.3))).toBe('unknown');
    expect(kindOf(choice, comparison('workspace', 'bits per byte', -0.05))).toBe('better');
  });
  describe('with the gain in files that were not used to choose the strength', () => {
    const chosen = (...learned: [value: number, half: number]): StrengthChoice => ({
      ...choiceOf(1, [-0.1, 0.02, 0.01]),
      learned: around(...learned),
    });
    const open = comparison('workspace', 'bits per byte', -0.05, 0.3);
    it('is better by that gain, even if a few windows are inconclusive', () => {
      expect(kindOf(chosen(-0.09, 0.03), open)).toBe('better');
      expect(kindOf(chosen(-0.09, 0.03))).toBe('better');
    });
    it('is not better by the scores of the chosen strength alone, which are biased', () => {
      expect(kindOf(chosen(-0.09, 0.1))).toBe('unknown');
      expect(kindOf(chosen(-0.09, 0.1), open)).toBe('unknown');
      expect(kindOf(chosen(0.001, 0.01))).toBe('same');
      expect(kindOf(chosen(-0.09, 0.1), comparison('workspace', 'bits per byte', -0.05))).toBe('better');
    });
    it('is still worse if something got worse', () => {
      expect(kindOf(chosen(-0.09, 0.03), comparison('workspace', 'bits per byte', 0.1))).toBe('worse');
      expect(kindOf(chosen(-0.09, 0.03), comparison('humaneval', 'pass@1', -0.3))).toBe('worse');
    });
    it('does not apply to a strength set by hand', () => {
      const choice = chosen(-0.09, 0.03);
      expect(verdictOf({ choice, givenStrength: 0.7, comparisons: [open] }).kind).toBe('unknown');
    });
  });
  it('is open at a strength set by hand that was never measured', () => {
    const choice = choiceOf(0.5, [-0.05, 0.02, 0.01], [-0.1, 0.02, 0.2]);
    expect(verdictOf({ choice, givenStrength: 0.6, comparisons: [] })).toEqual({
      kind: 'unknown',
      why: 'too little was measured to see a difference',
    });
    expect(verdictOf({ choice, givenStrength: 0.5, comparisons: [] }).kind).toBe('better');
  });
  it('is open if nothing was measured here', () => {
    expect(verdictOf(undefined)).toEqual({ kind: 'unknown', why: 'it has not been measured yet' });
    const comparisons = [comparison('workspace', 'bits per byte', -0.1)];
    expect(verdictOf({ comparisons, stated: ['workspace'] }).kind).toBe('unknown');
  });
  it('is stated in a sentence', () => {
    expect(verdictIn(verdictOf({ choice: choiceOf(1, [-0.1, 0.02, 0.01]), comparisons: [] }))).toBe(
      'Better than before: it predicts the files kept out of training better.',
    );
    expect(verdictIn(verdictOf(undefined))).toMatch(/^It is unclear whether it is better than before: /);
    const lost = { kind: 'worse', why: 'older code is predicted worse', than: 'r1' } as const;
    for (const compared of [undefined, 'its base'])
      expect(verdictIn(lost, compared)).toBe('Worse than r1 was: older code is predicted worse.');
  });
});

const served = (ok: boolean) => ({ meanKl: 0.001, limit: 0.01, tokens: 96, ok });

import { describe, expect, it } from 'vitest';
import { verdictIn, verdictOf } from '../../../src/findings/verdict.ts';
import {
  CHARACTERS,
  CURSORS,
  EXACT_LINES,
  type Comparison,
  type StrengthChoice,
  type StrengthPoint,
} from '../../../src/protocol/evaluation.ts';

const around = (value: number, half: number) => ({ value, low: value - half, high: value + half });

/** A result offered at `strength`, measured at the strengths of `path`. */
function choiceOf(strength: number, ...path: [learned: number, half: number, kl: number][]): StrengthChoice {
  const points = path.map(([learned, half, kl], at): StrengthPoint => ({
    strength: (at + 1) / path.length,
    learned: around(learned, half),
    ...{ places: 20, files: 9 },
    kl: around(kl, 0.001),
  }));
  const decided = strength > 0 ? 'better' : 'not better';
  return { decided, strength, why: 'of this', limit: 0.1, path: points, setting: '' };
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
    const choice = choiceOf(1, [-0.1, 0.02, 0.01]);
    const comparisons = [bits, comparison('workspace', 'line exact match', 0.1)];
    expect(verdictOf({ choice, comparisons }).why).toBe('it predicts the files kept out of training better');
    expect(verdictOf({ choice, givenStrength: 0.7, comparisons }).why).toMatch(/^it completes more/);
  });
  it('is not better if something that matters got worse, whatever was gained', () => {
    const choice = choiceOf(1, [-0.1, 0.02, 0.01]);
    for (const metric of [
      comparison('humaneval', 'pass@1', -0.3),
      comparison('humaneval', 'loss of solutions', 0.05),
      comparison('workspace', 'bits per byte', 0.1),
    ])
      expect(kindOf(choice, metric)).toBe('not better');
    expect(verdictOf({ choice, comparisons: [], served: served(false) }).kind).toBe('not better');
    expect(verdictOf({ choice, comparisons: [], served: served(true) }).kind).toBe('better');
  });
  it('is what the run decided, with its reason', () => {
    const choice = choiceOf(0, [0.1, 0.02, 0.01]);
    expect(verdictOf({ choice, comparisons: [comparison('workspace', 'bits per byte', -0.1)] })).toEqual({
      kind: 'not better',
      why: 'of this',
    });
    expect(kindOf({ ...choice, decided: 'too little code' })).toBe('too little code');
  });
  it('is of its own strength if that was set by hand', () => {
    const choice = choiceOf(0.5, [-0.05, 0.02, 0.01], [0.1, 0.02, 0.2]);
    const at = (givenStrength: number) => verdictOf({ choice, givenStrength, comparisons: [] });
    expect(at(0.5).kind).toBe('better');
    expect(at(1).kind).toBe('not better');
    expect(at(0.6)).toEqual({ kind: 'not measured', why: 'too little was measured to see a difference' });
  });
  it('is of held-out text if no strength was chosen', () => {
    expect(kindOf(undefined, comparison('workspace', 'bits per byte', 0.001))).toBe('not better');
    expect(kindOf(undefined, comparison('workspace', 'line exact match', 0, 0))).toBe('not measured');
  });
  it('is none if nothing was measured here', () => {
    expect(verdictOf(undefined)).toEqual({ kind: 'not measured', why: 'it has not been measured yet' });
    const comparisons = [comparison('workspace', 'bits per byte', -0.1)];
    expect(verdictOf({ comparisons, stated: ['workspace'] }).kind).toBe('not measured');
  });
  it('is stated in a sentence', () => {
    expect(verdictIn(verdictOf({ choice: choiceOf(1, [-0.1, 0.02, 0.01]), comparisons: [] }))).toBe(
      'Better than before: it predicts the files kept out of training better.',
    );
    expect(verdictIn(verdictOf(undefined))).toBe('Not known to be better: it has not been measured yet.');
    const lost = { kind: 'not better', why: 'older code is predicted worse', than: 'r1' } as const;
    for (const compared of [undefined, 'its base'])
      expect(verdictIn(lost, compared)).toBe('No better than r1 was: older code is predicted worse.');
  });
});

const served = (ok: boolean) => ({ meanKl: 0.001, limit: 0.01, tokens: 96, ok });

import { describe, expect, it } from 'vitest';
import { compare, type Measured } from '../../../src/evaluation/metrics/compare.ts';
import { guardedMetrics, isWorse, undetectedLoss } from '../../../src/findings/guards.ts';
import { addFindings } from '../../../src/evaluation/metrics/summary.ts';
import { summarise } from '../../../src/findings/summary-sentence.ts';
import { whyNotOffered } from '../../../src/findings/offer.ts';
import type { Comparison, StrengthChoice } from '../../../src/protocol/evaluation.ts';
import { choiceAt } from '../../support/choice.ts';

const choice: StrengthChoice = choiceAt(0.5);

const measure = (
  [task, metric]: [string, string],
  [before, after]: [number[], number[]],
  more: Partial<Measured>,
) =>
  compare({
    measured: { task, metric, unit: '', better: 'higher', setting: 'test', ...more },
    models: [before, after].map((all) => [all.map((sum) => ({ sum, weight: 1 }))]),
  });
/** Problems solved by both, by the result only, by the base only, by neither. */
function solved(both: number, gained: number, lost: number, neither: number, task = 'humaneval'): Comparison {
  const of = (...counts: [number, number][]) => counts.flatMap(([n, is]) => Array<number>(n).fill(is));
  const before = of([both, 1], [gained, 0], [lost, 1], [neither, 0]);
  const after = of([both, 1], [gained, 1], [lost, 0], [neither, 0]);
  return measure([task, 'pass@1'], [before, after], { binary: true });
}
/** The loss on twenty solutions, rising by `rise` on average, give or take `spread`. */
function solutions(rise: number, spread: number, task = 'humaneval', metric = 'loss of solutions') {
  const before = Array.from({ length: 20 }, (_, i) => 0.5 + i / 40);
  const after = before.map((loss, i) => loss + rise + (i % 2 ? spread : -spread));
  return measure([task, metric], [before, after], { better: 'lower', unit: 'nats/token' });
}
const worse = (comparison: Comparison) => guardedMetrics([comparison]).some(isWorse);
const sentence = (...comparisons: Comparison[]) => summarise({ comparisons });

it('finds a significant loss, however small', () => {
  expect(sentence(solutions(0.015, 0.004))).toBe(
    "General ability: HumanEval's reference solutions are predicted worse, but not noticeably.",
  );
});

describe('a guarded metric', () => {
  it('is worse if a loss beyond the margin is significant', () => {
    expect(worse(solved(50, 5, 25, 84))).toBe(true);
    expect(worse(solutions(0.05, 0.03))).toBe(true);
    // The same for code in other languages, for example.
    expect(worse(solutions(0.05, 0.03, 'retention', 'source loss'))).toBe(true);
    expect(worse(solutions(0.05, 0.03, 'retention', 'loss'))).toBe(false);
  });
  it('is not worse if the loss is certain but within the margin', () => {
    const little = solved(9000, 10, 160, 830);
    expect(little).toMatchObject({ significant: true });
    expect(little.difference.value).toBeCloseTo(-0.015, 3);
    expect(worse(little)).toBe(false);
    expect(worse(solutions(0.015, 0.01))).toBe(false);
  });
  it('is not worse if a loss beyond the margin is not significant', () => {
    expect(worse(solved(10, 1, 3, 6))).toBe(false);
    expect(worse(solutions(0.05, 0.3))).toBe(false);
  });
});

describe('the undetected loss', () => {
  it('is stated in points', () => {
    expect(sentence(solved(12, 0, 0, 8))).toBe(
      'General ability: no difference seen in HumanEval (12 of 20, the base 12), though a loss of less than 32 points may have gone unnoticed.',
    );
    expect(sentence(solved(58, 13, 13, 80))).toContain(
      '(71 of 164, the base 71), though a loss of less than 12',
    );
  });
  it('is not stated if one was detected, or one beyond the margin is ruled out', () => {
    expect(sentence(solved(50, 5, 25, 84))).toBe(
      'General ability: worse in HumanEval (55 of 164, the base 75).',
    );
    expect(sentence(solved(71, 0, 0, 93))).toBe(
      'General ability: no difference seen in HumanEval (71 of 164, the base 71).',
    );
  });
  it('says if none could have been detected', () =>
    expect(sentence(solved(0, 0, 0, 20))).toBe(
      'General ability: no difference seen in HumanEval (0 of 20, the base 0), where too few are solved to show a loss.',
    ));
  it('is computed for several samples as for any share', () => {
    const shares = Array.from({ length: 20 }, (_, i) => (i % 3) / 2);
    const other = shares.map((share, i) => share + (i % 2 ? 0.1 : -0.1) * Number(share > 0 && share < 1));
    const comparison = measure(['humaneval', 'pass@1'], [shares, other], {});
    const { value, high } = comparison.difference;
    expect(undetectedLoss(comparison)).toBeCloseTo(1.43 * (high - value), 3);
  });
  it('is stated for solutions, since a few problems can rarely rule out a loss beyond the margin', () => {
    expect(sentence(solutions(-0.03, 0.03))).toBe(
      "General ability: HumanEval's reference solutions are predicted no worse.",
    );
    expect(sentence(solutions(0.01, 0.2))).toMatch(
      /it is unclear whether HumanEval's reference solutions are predicted worse \(a rise of less than 0\.14 nats per token may have gone unnoticed\)\.$/,
    );
    expect(sentence(solutions(0.05, 0.03))).toBe(
      "General ability: HumanEval's reference solutions are predicted worse.",
    );
  });
  it('is undefined without items', () => {
    const measured = { ...solved(2, 0, 0, 0).before, n: 0 };
    const nothing = { ...solved(2, 0, 0, 0), before: measured, after: measured };
    expect(undetectedLoss(nothing)).toBeUndefined();
    expect(sentence()).toBe('Nothing was measured.');
  });
});

it('a loss that is uncertain on 20 problems and certain on all withdraws the offer', () => {
  const first = addFindings(
    { step: 8, sentence: '', comparisons: [], choice },
    { measured: { task: 'humaneval', comparisons: [solved(7, 1, 2, 10)] } },
  );
  expect(whyNotOffered(first)).toBeUndefined();
  const later = addFindings(first, {
    measured: { task: 'humaneval', comparisons: [solved(50, 5, 25, 84)] },
  });
  expect(whyNotOffered(later)).toBe("fewer of HumanEval's problems are solved (0.457 -> 0.335)");
  expect(later.sentence).toMatch(/^Not offered: fewer of HumanEval's problems are solved/);
});

import { describe, expect, it } from 'vitest';
import { compare, type Measured } from '../../../src/evaluation/metrics/compare.ts';
import { addFindings } from '../../../src/evaluation/metrics/summary.ts';
import { EvaluationProgress, servedPart } from '../../../src/evaluation/progress.ts';
import { summarise } from '../../../src/findings/summary-sentence.ts';
import { uniform } from '../../../src/statistics/random.ts';
import { partsOf } from './help.ts';
import { tasks } from '../../../src/evaluation/tasks/index.ts';
import { factsOfTask } from '../../../src/findings/task-facts.ts';
import type { EvaluatorMessage } from '../../../src/protocol/evaluator.ts';

const measure = (
  task: string,
  metric: string,
  before: number[],
  after: number[],
  more: Partial<Measured> = {},
) =>
  compare({
    measured: { task, metric, unit: '', better: 'lower', setting: 'test', ...more },
    models: [[partsOf(before)], [partsOf(after)]],
  });
const random = uniform(3);
const noise = Array.from({ length: 16 }, () => random() - 0.5);
const around = (mean: number, spread: number) => noise.map((x) => mean + spread * x);
const outcomes = (passed: number, of: number) => Array.from({ length: of }, (_, i) => Number(i < passed));

it('knows everything the panel shows about each task', () => {
  for (const { name, title } of tasks) expect(factsOfTask(name)?.title, name).toBe(title);
});

it('shows learning first, the average after what it is of, and unknown tasks last', () => {
  const shown = ['cursors', 'workspace', 'humaneval', 'winogrande', 'forgetting', 'retention', 'unknown'];
  const comparisons = shown.toReversed().map((task) => measure(task, 'm', around(2, 1), around(1, 1)));
  const { comparisons: sorted } = addFindings({ step: 1, sentence: '', comparisons, stated: shown }, {});
  expect(sorted.map(({ task }) => task)).toEqual(shown);
});

describe('a comparison', () => {
  it('is significant if the interval of the difference excludes zero', () => {
    expect(measure('t', 'm', around(2, 1), around(1.5, 1)).significant).toBe(true);
    const mixed = noise.map((x, i) => 2 + (i % 2 ? x : -x));
    expect(measure('t', 'm', around(2, 1), mixed).significant).toBe(false);
  });
  it('does not claim certainty from twenty problems that agree', () => {
    const none = measure('humaneval', 'pass@1', outcomes(0, 20), outcomes(0, 20), { binary: true });
    expect(none.before.low).toBe(0);
    expect(none.before.high).toBeCloseTo(3.8414588 / (20 + 3.8414588), 6);
    expect(none.difference.value).toBe(0);
    expect(none.difference.high).toBeCloseTo(1.959964 / 21, 6);
    expect(none.difference.low).toBe(-none.difference.high);
    expect(none.significant).toBe(false);
  });
});

describe('the sentence', () => {
  const bits = (before: number, after: number) =>
    measure('workspace', 'bits per byte', around(before, 0.2), around(after, 0.1));
  const kl = measure('retention', 'KL from base', Array<number>(16).fill(0), around(0.02, 0.01));

  const lines = (before: number, after: number, of = 100) =>
    measure('workspace', 'line exact match', outcomes(before, of), outcomes(after, of), {
      better: 'higher',
      binary: true,
    });
  const saved = (before: number, after: number) =>
    measure('workspace', 'characters saved', around(before, 0.02), around(after, 0.02), { better: 'higher' });

  it('states the exact completions, the predicted text, and the remaining metrics', () => {
    const text = summarise({
      comparisons: [
        bits(1.21, 0.93),
        lines(30, 42),
        saved(0.26, 0.33),
        kl,
        measure('humaneval', 'pass@1', outcomes(2, 20), outcomes(2, 20), {
          ...{ binary: true, better: 'higher' },
        }),
      ],
    });
    expect(text).toBe(
      'Completes 42 of 100 held-out lines exactly (30 before), and 33% of characters need no typing (26% before). ' +
        'Predicts held-out text better than before. ' +
        'General ability: no difference seen in HumanEval (2 of 20, the base 2), where too few are solved to show a loss; ' +
        'stays close to the base on other text.',
    );
  });
  it('does not count characters as saved if they were only predicted after correct text', () => {
    const offered = measure('cursors', 'characters offered', around(0.86, 0.01), around(0.88, 0.01), {
      better: 'higher',
    });
    expect(summarise({ comparisons: [saved(0.26, 0.33), offered] })).toMatch(
      /^Predicts 88% of characters \(86% before\)/,
    );
  });
  it('says if a gain may be due to chance', () =>
    expect(summarise({ comparisons: [lines(4, 5, 16)] })).toBe(
      'Completes 5 of 16 held-out lines exactly (4 before); with so few lines this may be chance.',
    ));
  it('says if no gain was seen', () => {
    const changedBy = (most: number) =>
      measure(
        'workspace',
        'bits per byte',
        around(1.2, 0.2),
        noise.map((x, i) => 1.2 + 0.2 * x + most * (i % 2 ? x : -x)),
      );
    expect(summarise({ comparisons: [changedBy(0.001), lines(4, 4, 16)] })).toBe(
      'Completes 4 of 16 held-out lines exactly (4 before). Predicts held-out text no better than before, as far as was seen.',
    );
    expect(summarise({ comparisons: [changedBy(0.4)] })).toBe(
      'Predicts held-out text no better than before, as far as was seen.',
    );
  });
  it('relies on the cursors used to choose the strength if few windows are inconclusive', () => {
    const open = measure(
      'workspace',
      'bits per byte',
      around(1.2, 0.2),
      noise.map((x, i) => 1.2 + 0.2 * x + 0.4 * (i % 2 ? x : -x)),
    );
    const learned = { value: -0.12, low: -0.19, high: -0.05 };
    const path = [{ strength: 0.5, learned, places: 20, files: 9 }];
    const choice = { decided: 'better' as const, strength: 0.5, why: '', limit: 0.1, path, setting: '' };
    const summariseWith = (more: object) => summarise({ comparisons: [open], choice, ...more });
    expect(summariseWith({})).toBe('Predicts held-out text better than before.');
    expect(summariseWith({ givenStrength: 1 })).toContain('as far as was seen');
    expect(summariseWith({ comparisons: [bits(1, 1.4)] })).toContain(
      'Predicts held-out text worse than before.',
    );
  });
  it('says if it got worse', () =>
    expect(summarise({ comparisons: [bits(1, 1.4)] })).toBe('Predicts held-out text worse than before.'));
  it('says if HumanEval got worse', () => {
    const fell = measure('humaneval', 'pass@1', outcomes(15, 20), outcomes(2, 20), { binary: true });
    expect(summarise({ comparisons: [fell] })).toBe(
      'General ability: worse in HumanEval (2 of 20, the base 15).',
    );
  });
  it('says if it has moved far from the base', () => {
    const far = measure('retention', 'KL from base', Array<number>(16).fill(0), around(1.6, 0.01));
    expect(summarise({ comparisons: [far] })).toMatch(
      /^General ability: has moved away from the base on other text \(KL 1\.\d\d, more than 0\.1\)\.$/,
    );
  });
  it('states a rate if there were several samples', () => {
    const rates = measure('humaneval', 'pass@1', [0.5, 0.24, 0.1], [0.5, 0.24, 0.1]);
    expect(summarise({ comparisons: [rates] })).toContain(
      'no difference seen in HumanEval (28.0%, the base 28.0%)',
    );
  });
  it('warns if the served result differs from the trained one', () => {
    expect(
      summarise({ comparisons: [kl], served: { meanKl: 0.3, limit: 0.01, tokens: 96, ok: false } }),
    ).toContain('Do not use this result: the model that llama.cpp serves');
  });
  it('states what changed on older and on new code since the continued run', () => {
    const age = (which: string, before: number, after: number) =>
      measure('workspace', `${which} code bits per byte`, around(before, 0.02), around(after, 0.01));
    const comparisons = [bits(1.2, 0.9)];
    const kept = noise.map((x, i) => 0.8 + 0.2 * (i % 2 ? x : -x));
    const older = measure('workspace', 'older code bits per byte', around(0.8, 0.2), kept);
    expect(summarise({ comparisons: [...comparisons, older, age('new', 0.9, 0.7)] })).toMatch(
      /Since the run that it continues: older code: no difference seen, 0\.\d+ -> 0\.\d+ bits per byte; new code is predicted better, 0\.90 -> 0\.70 bits per byte\.$/,
    );
    expect(summarise({ comparisons: [...comparisons, age('older', 0.7, 0.8)] })).toContain(
      'Since the run that it continues: older code is predicted worse, 0.70 -> 0.80 bits per byte.',
    );
  });
  it('makes nothing up', () => expect(summarise({ comparisons: [] })).toBe('Nothing was measured.'));
});

describe('progress', () => {
  type ProgressMessage = EvaluatorMessage & { type: 'progress' };
  function evaluation(parts: ConstructorParameters<typeof EvaluationProgress>[0]) {
    const messages: ProgressMessage[] = [];
    const clock = { now: 0 };
    const progress = new EvaluationProgress(
      parts,
      (message) => messages.push(message as ProgressMessage),
      () => clock.now,
    );
    return { messages, clock, progress };
  }

  it('estimates the time of the part and of the rest from what is done', () => {
    const { messages, clock, progress } = evaluation([servedPart, ...tasks]);
    for (const name of ['served', ...tasks.map((task) => task.name)])
      for (const done of [0, 1, 2]) {
        clock.now += 1000;
        progress.report(name, done, 2);
      }
    expect(messages[0]).toEqual({ type: 'progress', phase: 'Checking the result', done: 0, total: 2 });
    const half = messages.findLast(({ done }) => done === 1)!;
    expect(half.etaSeconds).toBe(1);
    expect(half.leftSeconds).toBeGreaterThan(0);
    expect(messages.at(-1)).toMatchObject({ done: 2, total: 2, etaSeconds: 0, leftSeconds: 0 });
  });
  it('estimates it from the start if costs are in seconds', () => {
    const { messages, progress } = evaluation([servedPart, { name: 'more', title: 'More', cost: 50 }]);
    progress.inSeconds = true;
    progress.report('served', 0, 1);
    expect(messages.at(-1)).toMatchObject({ etaSeconds: 10, leftSeconds: 60 });
    progress.leaveOut('more');
    progress.report('served', 0, 1);
    expect(messages.at(-1)).toMatchObject({ etaSeconds: 10, leftSeconds: 10 });
  });
  it('stays within the time available', () => {
    const { messages, clock, progress } = evaluation([servedPart, ...tasks]);
    [progress.until, progress.deadline] = [70_000, 90_000];
    clock.now = 60_000;
    progress.inSeconds = true;
    progress.report('served', 0, 2);
    expect(messages.at(-1)).toMatchObject({ etaSeconds: 10, leftSeconds: 30 });
  });
});

import { describe, expect, test } from 'vitest';
import {
  doctorText,
  endSentence,
  isChecked,
  isReadyEarly,
  percentOf,
  progressLine,
  bestFirst,
  runDescription,
  runItem,
  runTooltip,
  servableItem,
  shortProgress,
  size,
  runStatus,
  whyNotServable,
} from '../../../src/extension/texts.ts';
import { comparison, makeRun, metric } from '../webview/fixtures.ts';
import { formatDuration } from '../../../src/text/units.ts';
import { choiceAt } from '../../support/choice.ts';

const running = makeRun({ upTo: 15, state: { status: 'running', etaSeconds: 200, phase: 'Training' } });
const done = makeRun();

describe('the status of a run', () => {
  const created = Date.parse(done.spec.createdAt);
  test('is the recorded one once it is over, whatever its process does', () => {
    for (const status of ['done', 'failed', 'cancelled'] as const)
      expect(runStatus(makeRun({ state: { status } }), true)).toBe(status);
  });
  test('is interrupted if it was running and its owner is gone', () => {
    expect(runStatus(running, true)).toBe('live');
    expect(runStatus(running, false)).toBe('interrupted');
  });
  test('gives a queued run a minute for its trainer to start', () => {
    const queued = makeRun({ upTo: 0, state: { status: 'queued' } });
    expect(runStatus(queued, false, created + 5_000)).toBe('live');
    expect(runStatus(queued, false, created + 120_000)).toBe('interrupted');
    const again = new Date(created + 600_000).toISOString();
    const resumed = makeRun({ upTo: 0, state: { status: 'queued', queuedAt: again } });
    expect(runStatus(resumed, false, created + 605_000)).toBe('live');
    expect(runStatus(resumed, false, created + 720_000)).toBe('interrupted');
    // Created by a clock that was ahead.
    expect(runStatus(queued, false, created - 24 * 3600_000)).toBe('interrupted');
  });
});

describe('progress', () => {
  test('shows phase, step, loss and time left', () => {
    expect(progressLine(running)).toMatch(/^Training: step 15 of 60 · loss \d\.\d\d · about 3 min left$/);
    expect(percentOf(running)).toBe(25);
    expect(shortProgress(running)).toBe('training 25%');
  });
  test('shows no loss or step before the first one and while measuring', () => {
    const reading = makeRun({ upTo: 0, state: { status: 'running', phase: 'Reading files' } });
    expect(progressLine(reading)).toBe('Reading files');
    const measuring = makeRun({
      state: { status: 'evaluating', phase: 'HumanEval 4 of 20', etaSeconds: 80 },
    });
    expect(progressLine(measuring)).toBe('HumanEval 4 of 20 · about 80 s left');
    expect(shortProgress(measuring)).toBe('measuring');
  });
  test('shows the time until the end, and the share of the whole', () => {
    const at = (seconds: number) => new Date(Date.now() + 1000 * seconds).toISOString();
    const times = { begun: at(-120), ends: at(360) };
    const timed = (state: Partial<typeof running.state>) =>
      makeRun({ upTo: 15, state: { status: 'running', ...times, ...state } });
    const measuring = timed({ status: 'evaluating', phase: 'HumanEval 4 of 20', etaSeconds: 80 });
    expect(progressLine(measuring)).toBe('HumanEval 4 of 20 · about 80 s left, 6 min until the end');
    expect(shortProgress(measuring)).toBe('measuring, about 6 min left');
    expect(shortProgress(timed({ phase: 'Training' }))).toBe('training, about 6 min left');
    expect(shortProgress(timed({ step: 0 }))).toBe('starting, about 6 min left');
    // Of the whole, not of the steps.
    expect(percentOf(measuring)).toBe(25);
    expect(percentOf(timed({ step: 60 }))).toBe(25);
  });
});

describe('the Runs view', () => {
  test('says what was learned, or how it ended', () => {
    expect(runDescription(done, 'done', true)).toMatch(/^in use · LoRA · 30 → 42 of 100 lines · /);
    const comparisons = done.summary!.comparisons.filter(({ metric }) => metric !== 'line exact match');
    const without = { ...done, summary: { ...done.summary!, comparisons } };
    expect(runDescription(without, 'done', true)).toMatch(/^in use · LoRA · 1\.21 → 1\.05 bits\/byte · /);
    const failed = makeRun({
      upTo: 3,
      state: { status: 'failed', error: { code: 'memory', message: 'm', next: 'n' } },
    });
    expect(runDescription(failed, 'failed', false)).toContain('failed: memory');
    expect(runDescription(running, 'interrupted', false)).toContain('interrupted at step 15');
  });
  test('has a tooltip with the sentence and the settings', () => {
    const text = runTooltip(done, 'done').join('\n');
    expect(text).toContain(done.summary!.sentence);
    expect(text).toContain('LoRA r=16, 60 steps of 512 tokens');
  });
});

describe('the end', () => {
  test('says whether it is better and in use, without the metrics', () => {
    expect(endSentence(done, 'done')).toMatch(
      /^web-server: trained, 60 steps\. Better than before: [^.]*\. Your completions can use it\.$/,
    );
    expect(endSentence(done, 'done', true)).toMatch(/ Your completions use it now\.$/);
    const open = { ...done, summary: { ...done.summary!, comparisons: [] } };
    expect(endSentence(open, 'done')).toBe(
      'web-server is trained, but too little was measured to tell whether it is better.',
    );
  });
  test('says what happened and what to do if it failed', () => {
    const error = { code: 'disk-full', message: 'The disk is full.', next: 'Free some space.' };
    const sentence = endSentence(makeRun({ upTo: 3, state: { status: 'failed', error } }), 'failed');
    expect(sentence).toBe('Fine-tuning of web-server failed: The disk is full. Free some space. [disk-full]');
  });
  test('says where a stopped run is, and that nothing is lost', () => {
    expect(endSentence(running, 'cancelled')).toMatch(/step 15 of 60; the checkpoint is kept/);
  });
});

describe('results to choose from', () => {
  const gained = (after: number, before: number) => ({
    ...done,
    summary: {
      ...done.summary!,
      comparisons: [
        comparison(
          ['workspace', 'characters saved', '', 'higher'],
          metric('workspace', 'characters saved', before, 0.02),
          metric('workspace', 'characters saved', after, 0.02),
          0.01,
        ),
      ],
    },
  });
  test('on the same text begin with the best one, whatever it began with', () => {
    const onText = (digest: string, before: number, after: number) => ({
      ...gained(after, before),
      corpus: { ...done.corpus!, digest },
    });
    // Gained most, from the least.
    const [continued, good, best] = [onText('a', 0.1, 0.4), onText('a', 0.39, 0.41), onText('a', 0.5, 0.52)];
    expect(bestFirst([continued, good, best])).toEqual([best, good, continued]);
    const other = onText('b', 0.1, 0.6);
    expect(bestFirst([good, other, best])).toEqual([best, good, other]);
    const unmeasured = { ...done, summary: undefined };
    expect(bestFirst([unmeasured, other, good])).toEqual([unmeasured, other, good]);
  });
  test('state how many lines each completes, and which ones are worse', () => {
    const lines = comparison(
      ['workspace', 'line exact match', '', 'higher'],
      metric('workspace', 'line exact match', 0.3, 0.1, 100),
      metric('workspace', 'line exact match', 0.42, 0.1, 100),
      0.05,
    );
    const withLines = { ...done, summary: { ...done.summary!, comparisons: [lines] } };
    expect(runDescription(withLines, 'done', false)).toContain('30 → 42 of 100 lines');
    const none = choiceAt(0, 'nothing was gained');
    const worse = { ...withLines, summary: { ...withLines.summary, choice: none } };
    expect(runDescription(worse, 'done', false)).toContain('no better than before');
  });
});

describe('completion is refused', () => {
  const served = (patch: Partial<NonNullable<NonNullable<typeof done.summary>['served']>>) => ({
    ...done,
    summary: { ...done.summary!, served: { ...done.summary!.served!, ...patch } },
  });
  test('not if the served model agrees', () => expect(whyNotServable(done, 'done')).toBeUndefined());
  test('if the run is not finished', () =>
    expect(whyNotServable(running, 'live')?.message).toMatch(/not finished/));
  test('if served and trained differ, with the numbers', () => {
    const refused = whyNotServable(served({ ok: false, meanKl: 0.31 }), 'done');
    expect(refused).toMatchObject({ code: 'adapter-mismatch' });
    expect(refused?.message).toMatch(/0\.31 nats per token apart, where 0\.01 is allowed/);
    expect(refused?.next).toMatch(/another run/);
  });
  test('if the result is no better than the base', () => {
    const choice = choiceAt(0, 'nothing was gained');
    const worse = { ...done, summary: { ...done.summary!, choice } };
    expect(whyNotServable(worse, 'done')).toMatchObject({ code: 'not-better' });
  });
  test('not if it was never checked: its row says that it will be first', () => {
    const unchecked = { ...done, summary: undefined };
    expect(whyNotServable(unchecked, 'done')).toBeUndefined();
    expect([isChecked(unchecked), isChecked(done)]).toEqual([false, true]);
    expect(servableItem(unchecked, 'done', false).description).toMatch(/ · will be checked first$/);
    expect(servableItem(done, 'done', false)).toEqual(runItem(done, 'done', false));
  });
  test('not if only the rest is still to be measured: that is announced early if it takes long', () => {
    const choice = choiceAt(0.5, 'it learned most');
    const state = { ...done.state, status: 'evaluating' as const, etaSeconds: 200 };
    const ready = { ...done, summary: { ...done.summary!, choice }, state };
    expect(whyNotServable(ready, 'live')).toBeUndefined();
    expect(isReadyEarly(ready)).toBe(true);
    expect(isReadyEarly({ ...ready, state: { ...state, etaSeconds: 10 } })).toBe(false);
    // Not checked yet, no better than the base, or from an earlier end of this training.
    const { served, ...unchecked } = ready.summary;
    expect(served).toBeDefined();
    expect(isReadyEarly({ ...ready, summary: unchecked })).toBe(false);
    expect(
      isReadyEarly({ ...ready, summary: { ...ready.summary, choice: { ...choice, strength: 0 } } }),
    ).toBe(false);
    expect(isReadyEarly({ ...ready, state: { ...state, step: state.step + 1 } })).toBe(false);
  });
  test('not if only its evaluation was interrupted', () => {
    const died = { ...done, summary: undefined, state: { ...done.state, status: 'evaluating' as const } };
    expect(whyNotServable(died, 'interrupted')).toBeUndefined();
    expect(endSentence(died, 'interrupted')).toBe('web-server is trained, but not measured yet.');
    expect(runDescription(died, 'interrupted', false)).toContain('60 steps');
    expect(whyNotServable(running, 'interrupted')?.code).toBe('run-not-finished');
  });
});

test('numbers are formatted for reading', () => {
  expect([1, 89, 100, 5400, 7260].map(formatDuration)).toEqual([
    '1 s',
    '89 s',
    '2 min',
    '1 h 30 min',
    '2 h 1 min',
  ]);
  expect([1, 5600, 98e6, 2.44e9].map(size)).toEqual(['1 kB', '6 kB', '98 MB', '2.4 GB']);
});

test("the doctor's report names each part, and how to get it", () => {
  const text = doctorText({
    summary: 'It can train.',
    version: '0.1.0',
    checks: [
      {
        area: 'tensorflow',
        title: 'TensorFlow',
        status: 'missing',
        text: 'It is not installed.',
        command: 'forget-me-not runtime install',
      },
      {
        area: 'gpu',
        title: 'GPU',
        status: 'missing',
        text: 'TensorFlow has no CUDA.',
        command: 'forget-me-not runtime install --gpu',
      },
      { area: 'wasm', title: 'WebAssembly', status: 'ok', text: 'It starts | and computes.' },
    ],
  } as Parameters<typeof doctorText>[0]);
  expect(text).toContain('It can train.');
  expect(text).toContain(
    '| – | **TensorFlow** | It is not installed. Get it with the command **Forget-Me-Not: Install TensorFlow**. |',
  );
  // The command of that title would install the one without CUDA.
  expect(text).toContain('TensorFlow has no CUDA. Get it with `forget-me-not runtime install --gpu`. |');
  expect(text).toContain('It starts \\| and computes.');
});

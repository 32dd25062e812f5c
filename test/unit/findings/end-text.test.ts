import { describe, expect, it } from 'vitest';
import { endText, type OtherInUse } from '../../../src/findings/end-text.ts';
import type { StrengthChoice, Summary } from '../../../src/protocol/evaluation.ts';
import { comparison, makeRun, metric } from '../webview/fixtures.ts';

const choiceOf = (strength: number, learned: number, half = 0.01, kl = 0.01): StrengthChoice => ({
  decided: strength > 0 ? 'better' : 'not better',
  strength,
  limit: 0.1,
  setting: '',
  why: 'it was measured',
  next: 'More code may help.',
  path: [
    {
      strength: 1,
      learned: { value: learned, low: learned - half, high: learned + half },
      ...{ places: 20, files: 9 },
      kl: { value: kl, low: kl, high: kl },
    },
  ],
});
const bits = (change: number) =>
  comparison(
    ['workspace', 'bits per byte', '', 'lower'],
    metric('workspace', 'bits per byte', 1.2, 0.1),
    metric('workspace', 'bits per byte', 1.2 + change, 0.1),
    0.01,
  );

function end(
  patch: Partial<Summary> | undefined,
  { chosen = false, stopped = false, other = undefined as OtherInUse | undefined } = {},
) {
  const run = makeRun();
  const events = run.events.map((event) =>
    event.type === 'done' && stopped ? { ...event, measuringStopped: true } : event,
  );
  const summary = patch && { step: run.state.step, sentence: '', comparisons: [], ...patch };
  return endText({ ...run, summary, events }, chosen, other);
}

describe('the end of a run', () => {
  const better = { choice: choiceOf(1, -0.1), comparisons: [bits(-0.1)] };
  const betterSentence = 'Better than before: it predicts the files kept out of training better.';

  it('says first whether it is better and in use, then the metrics', () => {
    const [first, metrics, ...more] = end(better, { chosen: true });
    expect(first).toBe(`web-server: trained, 60 steps. ${betterSentence} Your completions use it now.`);
    expect(metrics).toBe('Predicts held-out text better than before.');
    expect(more).toEqual([]);
    expect(end(better)[0]).toMatch(/ Your completions can use it\.$/);
  });
  it('names both models if one with another base completes the code, and offers nothing', () => {
    const other = { inUse: 'Qwen', before: 'SmolLM2' };
    expect(end(better, { other })[0]).toBe(
      'web-server: trained, 60 steps. Better than SmolLM2 was: it predicts the files kept out of training better. Your code is completed by Qwen, which was not compared.',
    );
    expect(end(undefined, { other })[0]).toContain('Not known to be better: ');
    const refused = end({ choice: choiceOf(0, -0.001) }, { other })[0];
    expect(refused).toMatch(/ No better than SmolLM2 was: .*\. Nothing changed in your completions\. /);
    expect(end({ comparisons: [bits(0.1)] }, { other })[0]).toContain(' No better than SmolLM2 was: ');
  });
  it('says of abilities of the base that they are compared with the base', () => {
    const solved = (before: number, after: number) =>
      comparison(
        ['humaneval', 'pass@1', '', 'higher'],
        metric('humaneval', 'pass@1', before, 0.05, 100),
        metric('humaneval', 'pass@1', after, 0.05, 100),
        0.05,
      );
    const [first, metrics] = end({ ...better, comparisons: [solved(0.6, 0.3)] });
    expect(first).toContain(" No better than the base was: fewer of HumanEval's problems are solved.");
    expect(metrics).toBe(
      'Predicts held-out text better than before. General ability: worse in HumanEval (30 of 100, the base 60).',
    );
  });
  it('says that nothing changed if it is no better, and what to try', () => {
    expect(end({ choice: choiceOf(0, -0.001) })).toEqual([
      'web-server: trained, 60 steps. No better than before: it was measured. Nothing changed in your completions. More code may help.',
    ]);
  });
  it('names the strength of metrics that disagree with the refusal, which is about every strength', () => {
    const [first, metrics] = end({ choice: choiceOf(0, -0.001), comparisons: [bits(-0.1)] });
    expect(first).toContain('No better than before: it was measured.');
    expect(metrics).toBe('At full strength: Predicts held-out text better than before.');
    const cursors = comparison(
      ['cursors', 'exact lines', '', 'higher'],
      metric('cursors', 'exact lines', 0.3, 0.1, 100),
      metric('cursors', 'exact lines', 0.3, 0.1, 100),
      0.01,
    );
    expect(end({ choice: choiceOf(0, -0.001), comparisons: [cursors] })[1]).toBe(
      'At strength 1: Completes 30 of 100 held-out lines exactly (30 before).',
    );
    const byHand = { choice: choiceOf(0, -0.001), comparisons: [bits(-0.1)], givenStrength: 0.5 };
    expect(end(byHand)[1]).toBe('Predicts held-out text better than before.');
  });
  it('says that a worse one is no longer in use', () => {
    const worse = { ...better, comparisons: [bits(0.1)] };
    expect(end(worse, { chosen: true })[0]).toMatch(
      / No better than before: .*\. Your completions no longer use it\. /,
    );
    const other = { ...better, served: { meanKl: 1, limit: 0.01, tokens: 9, ok: false } };
    expect(end(other)[0]).toMatch(
      / No better than before: the model that would complete .* Nothing changed /,
    );
  });
  it('says what may help if there is too little code to tell', () => {
    const few = { ...choiceOf(0, -0.01, 0.3), decided: 'too little code' as const };
    expect(end({ choice: few })[0]).toBe(
      'web-server: trained, 60 steps. Nothing can be said: it was measured. Nothing changed in your completions. More code may help.',
    );
    expect(end(undefined)[0]).toMatch(/Your completions can use it\.$/);
  });
  it('says what is not measured yet, and how to', () => {
    const [, , left] = end({ ...better, pending: ['workspace', 'humaneval'] });
    expect(left).toMatch(
      /^Not measured yet: HumanEval\. Measured in part, because time ran out: Held-out text\. \{evaluate .*\} measures the rest\.$/,
    );
  });
  it('says that the result is kept if its evaluation was stopped', () => {
    const stopped = end({ ...better, pending: ['humaneval'] }, { stopped: true });
    expect(stopped.at(-1)).toMatch(
      /^Measuring was stopped; the result is kept\. Not measured yet: HumanEval\. /,
    );
    const [first, last] = end(undefined, { stopped: true });
    expect(first).toMatch(
      /Not known to be better: it has not been measured yet\. Your completions can use it\.$/,
    );
    expect(last).toMatch(/^Measuring was stopped; the result is kept\. \{evaluate /);
  });
});

import { describe, expect, it } from 'vitest';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { strengthPaths, strengthView } from '../../../webview/view-model/strength.ts';
import { makeRun, panelOf, withStrengths } from './fixtures.ts';

const viewOf = (run: RunSnapshot) => strengthView(panelOf([run]).run!);
const MINUS = '\u2212';

describe('the strength slider', () => {
  it('has the metrics of each measured strength, and what they mean in words', () => {
    const view = viewOf(withStrengths(makeRun()))!;
    expect(view).toMatchObject({
      at: 0.5,
      inUse: 0.5,
      canSet: true,
      why: 'at strength 0.5 it learned most.',
    });
    expect(view.stops.map(({ strength, mark }) => [strength, mark])).toEqual([
      [0.25, ''],
      [0.5, 'chosen, in use'],
      [1, ''],
    ]);
    expect(view.stops[1]).toMatchObject({
      learned: `${MINUS}0.082 [${MINUS}0.102, ${MINUS}0.062]`,
      forgot: '0.045 [0.035, 0.055]',
    });
    expect([0, 0.25, 0.5, 0.55, 1].map((strength) => view.words(strength))).toEqual([
      'Strength 0: as if nothing had been trained.',
      'Strength 0.25: on your code no difference seen; elsewhere close to the base.',
      'Strength 0.5 (chosen, in use): on your code better; elsewhere close to the base.',
      'Strength 0.55: not measured.',
      'Strength 1: on your code worse; elsewhere far from the base.',
    ]);
  });
  it('has no number that occurs elsewhere on the page with another value, except if it says so', () => {
    const { sentence, words } = viewOf(withStrengths(makeRun()))!;
    expect(sentence).toBe(
      'The change is applied at strength 0.5. That strength was chosen by a separate measurement, on which the text next to the slider is based.',
    );
    for (const strength of [0.25, 1])
      expect(words(strength).replace(/^Strength [\d.]+/, '')).not.toMatch(/\d/);
  });
  it('is at the strength set by hand, and says so', () => {
    const set = viewOf(withStrengths(makeRun(), 0.5, 1))!;
    expect([set.at, set.stops.map(({ mark }) => mark)]).toEqual([1, ['', 'chosen', 'in use']]);
    expect(set.sentence).toBe('The change is applied at strength 1, set by hand.');
    const between = viewOf(withStrengths(makeRun(), 0.5, 0.3))!;
    expect([between.at, between.words(0.3)]).toEqual([0.3, 'Strength 0.3 (in use): not measured.']);
    expect(between.sentence).toContain('was not measured itself');
  });
  it('can be used if no strength was chosen: the file is as it was trained', () => {
    const view = viewOf(withStrengths(makeRun(), 0))!;
    expect(view).toMatchObject({ at: 1, inUse: undefined });
    expect(view.sentence).toContain('No strength was chosen, because none was seen to be better');
    expect(view.stops.some(({ mark }) => mark)).toBe(false);
  });
  it('does not exist without a choice, and is disabled while the run is in use', () => {
    expect(viewOf(makeRun())).toBeUndefined();
    expect(viewOf(withStrengths(makeRun({ method: 'full' })))).toBeUndefined();
    const run = withStrengths(makeRun());
    run.summary!.choice!.path.length = 0;
    expect(viewOf(run)).toBeUndefined();
    const measuring = makeRun({ state: { status: 'evaluating', heartbeat: '2999-01-01T00:00:00Z' } });
    expect(viewOf(withStrengths(measuring))).toMatchObject({ canSet: false });
  });
});

describe('the path of strengths', () => {
  it('begins at the base and has each measured strength, with learning to the right', () => {
    const other = makeRun({ id: 'other', name: 'other' });
    const { shown } = panelOf([withStrengths(makeRun()), other], { compared: ['other'] });
    const [path, ...more] = strengthPaths(shown);
    expect(more).toEqual([]);
    expect(path!.points.map(({ strength, x, y, isInUse }) => [strength, x, y, isInUse])).toEqual([
      [0, 0, 0, false],
      [0.25, 0.015, 0.012, false],
      [0.5, 0.082, 0.045, true],
      [1, -0.06, 0.31, false],
    ]);
    expect(path!.points[2]).toMatchObject({ xLow: expect.closeTo(0.062), xHigh: expect.closeTo(0.102) });
  });
  it("begins at a reference adapter's KL", () => {
    const run = withStrengths(makeRun());
    run.summary!.choice!.klAtZero = { value: 0.02, low: 0.01, high: 0.03 };
    const [start] = strengthPaths(panelOf([run]).shown)[0]!.points;
    expect(start).toMatchObject({ strength: 0, x: 0, y: 0.02, low: 0.01, high: 0.03 });
  });
  it('does not exist if forgetting was not measured', () => {
    const run = withStrengths(makeRun());
    for (const point of run.summary!.choice!.path) delete point.kl;
    expect(strengthPaths(panelOf([run]).shown)).toEqual([]);
  });
});

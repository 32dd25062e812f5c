import { describe, expect, it } from 'vitest';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { beforeAfter } from '../../../webview/view-model/before-after.ts';
import { comparisonRows } from '../../../webview/view-model/comparisons.ts';
import { isKl, isPassAtK } from '../../../webview/view-model/labels.ts';
import { metricSets } from '../../../webview/view-model/metric-sets.ts';
import { makeRun, metric, panelOf, withCheckpointKl, withSamples, withStrengths } from './fixtures.ts';

describe('before and after', () => {
  const match = (_: string, name: string) => isPassAtK(name);
  it('come from the events until there is a summary', () => {
    const live = makeRun({ upTo: 0 });
    live.events.push({
      type: 'evaluation',
      time: '',
      step: 0,
      result: metric('humaneval', 'pass@1', 0.05, 0.02),
    });
    const names = (run: typeof live) =>
      beforeAfter(panelOf([run]).shown, match)?.bars.map(({ name, y }) => [name, y]);
    expect(names(live)).toEqual([['before', 0.05]]);
    expect(names(makeRun())).toEqual([
      ['before', 0.05],
      ['after', 0.04],
    ]);
    expect(names(makeRun({ upTo: 3 }))).toBeUndefined();
  });
  it('name the base alone, except on code, if training began with a reference adapter', () => {
    const run = makeRun();
    run.spec.reference = { sha256: 'ab'.repeat(32) };
    const { shown } = panelOf([run]);
    const names = (wanted: string) =>
      beforeAfter(shown, (_, name) => name === wanted)!.bars.map(({ name }) => name);
    expect(names('pass@1')).toEqual(['base alone', 'after']);
    expect(names('KL from base')).toEqual(['base alone', 'after']);
    expect(names('characters saved')).toEqual(['before', 'after']);
    expect(metricSets(shown, ({ metric }) => isPassAtK(metric)).sets[0]!.label).toBe('base alone');
    const settings = comparisonRows(run.summary!, run.spec).map(({ setting }) =>
      /difference from the base$/.test(setting),
    );
    expect(settings).toEqual([false, false, false, false, true, true]);
    // Where the difference is from the base, the table has no value of what training began with, and vice versa.
    const known = comparisonRows(run.summary!, run.spec).map(({ values }) =>
      values.map((value) => value !== ''),
    );
    expect(known[0]).toEqual([false, true, true]);
    expect(known[4]).toEqual([true, false, true]);
  });
  it('leave out checkpoints if the result has another strength', () => {
    const names = (strength: number) =>
      beforeAfter(panelOf([withCheckpointKl(withStrengths(makeRun(), strength))]).shown, (_, name) =>
        isKl(name),
      )!.bars.map(({ name }) => name);
    expect(names(0.5)).toEqual(['before', 'after']);
    expect(names(1)).toEqual(['before', 'step 20', 'step 40', 'after']);
    // Nothing was good enough: measured as trained.
    expect(names(0)).toEqual(['before', 'step 20', 'step 40', 'after']);
  });
  it("show the compared runs' results, with the same base only", () => {
    const foreign = makeRun({ id: 'foreign' });
    foreign.spec.base.sha256 = 'cd'.repeat(32);
    const runs = [makeRun(), makeRun({ id: 'b', method: 'full' }), foreign];
    const { bars } = beforeAfter(panelOf(runs, { compared: ['b', 'foreign'] }).shown, match)!;
    expect(bars.map(({ name }) => name)).toEqual([
      'before',
      expect.stringContaining('LoRA r=16'),
      expect.stringContaining('full fine-tuning'),
    ]);
  });
});

describe('results side by side', () => {
  const isPass = (_: string, name: string) => isPassAtK(name);
  const isSaved = (_: string, name: string) => name === 'characters saved';
  const shown = (...runs: RunSnapshot[]) => panelOf(runs, { compared: ['b'] }).shown;
  const bars = (runs: RunSnapshot[], match: typeof isPass) => {
    const view = beforeAfter(shown(...runs), match)!;
    return [view.bars.map(({ name }) => name), view.warning];
  };
  const leftOut = expect.stringContaining(': full fine-tuning') as string;

  it('leave out one that answered other problems, and name it', () => {
    const runs = [withSamples(makeRun()), makeRun({ id: 'b', method: 'full' })];
    expect(bars(runs, isPass)).toEqual([['before', 'after'], leftOut]);
    const { sets, warning } = metricSets(shown(...runs), ({ metric }) => isPassAtK(metric));
    expect(sets.map(({ label }) => label)).toEqual(['before', 'result']);
    expect(warning).toEqual(leftOut);
    const alike = [runs[0]!, withSamples(runs[1]!)];
    expect(bars(alike, isPass)).toEqual([['before', 'LoRA r=16', 'full fine-tuning'], undefined]);
  });
  it('leave out one of other held-out files, but only where these count', () => {
    const runs = [makeRun(), makeRun({ id: 'b', method: 'full', folder: '/else' })];
    expect(bars(runs, isSaved)).toEqual([['before', 'after'], leftOut]);
    expect(bars(runs, isPass)).toEqual([['before', 'LoRA r=16', 'full fine-tuning'], undefined]);
  });
});

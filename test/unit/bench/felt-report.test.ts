import { describe, expect, it } from 'vitest';
import { main } from '../../../bench/felt.ts';
import { metricsOf, reachOf, savesMore } from '../../../bench/felt/metrics.ts';
import type { Replayed } from '../../../bench/felt/replay.ts';
import { reportOf, textOf } from '../../../bench/felt/report.ts';

const hunk = (more: Partial<Replayed>): Replayed => ({
  path: 'a.py',
  characters: 100,
  saved: 0,
  typing: 0,
  looking: 0,
  taking: 0,
  correcting: 0,
  shown: 0,
  right: 0,
  looks: 0,
  kept: 0,
  reversed: 0,
  waits: [],
  duration: 30_000,
  requests: 20,
  ...more,
});
/** One hunk per file, each saving that many seconds. */
const saving = (...seconds: number[]) =>
  seconds.map((value, at) => hunk({ path: `${at}.py`, typing: 1000 * value }));

describe('metrics', () => {
  it('are the typing saved minus the time suggestions cost, per 100 characters', () => {
    const found = metricsOf([
      hunk({
        saved: 50,
        typing: 12_000,
        looking: 3000,
        taking: 1000,
        correcting: 500,
        waits: [100],
        kept: 2,
      }),
      hunk({ characters: 300, looking: 1500, shown: 2, right: 1, looks: 2, reversed: 0.1, waits: [300] }),
    ]);
    expect(found).toMatchObject({
      secondsSaved: 1.5,
      typing: 3,
      looking: 1.125,
      taking: 0.25,
      correcting: 0.125,
      charactersSaved: 0.125,
      shown: 2,
      right: 1,
      looks: 2,
      kept: 2,
      reversed: 0.1,
      firstLineP50: 100,
      firstLineP95: 300,
      requestsPerMinute: 40,
    });
  });
  it('show a loss if suggestions are always wrong', () => {
    expect(metricsOf([hunk({ looking: 2000 })])).toMatchObject({ secondsSaved: -2, firstLineP50: null });
  });
  it('are compared in pairs, with files as observations', () => {
    const before = saving(4, 2, 6, 8, 5);
    const more = savesMore(before, saving(5, 3, 7, 9, 6));
    expect(more).toEqual({ value: 1, low: 1, high: 1 });
    const { value, low, high } = savesMore(before, saving(5, 2, 7, 8, 6));
    expect(value).toBeCloseTo(0.6);
    expect([low < value, value < high, low > -0.2]).toEqual([true, true, true]);
  });
  it('say how many hunks it takes to detect 5%', () => {
    const reach = reachOf({ value: 0.5, low: 0.1, high: 0.9 }, 5, 20)!;
    // The interval's half-width is .4; 80% power needs 1.43 times that.
    expect(reach.smallest).toBeCloseTo(0.114, 3);
    expect(reach.hunksForATwentieth).toBe(Math.ceil(20 * (0.57175 / 5 / 0.05) ** 2));
    expect(reachOf({ value: 0, low: 0, high: 0 }, -1, 20)).toBeUndefined();
  });
});

describe('the report', () => {
  const sides = { ours: saving(4, 2, 6, 8), trained: saving(5, 3, 7, 9), foreign: saving(4, 2, 7, 9) };
  const report = reportOf({ lines: sides, words: sides });
  it('names each side by what answers, for each person', () => {
    expect(report.persons.lines).toEqual({
      base: 5,
      own: 6,
      foreign: 5.5,
      ownMinusBase: { value: 1, low: 1, high: 1 },
      foreignMinusBase: savesMore(sides.ours, sides.foreign),
      ownMinusForeign: savesMore(sides.foreign, sides.trained),
    });
    expect(report.persons.words).toEqual(report.persons.lines);
    expect(report.persons.whole).toBeUndefined();
    expect(report).toMatchObject({ hunks: 4, files: 4, characters: 400 });
    expect(report.metrics.lines!.own!.secondsSaved).toBe(6);
    expect(report.reach.lines).toEqual({ smallest: 0, hunksForATwentieth: 0 });
  });
  it('has no differences without the base, and only for sides that exist', () => {
    const { persons, reach } = reportOf({ whole: { llamaVscode: saving(1, 2) } });
    expect([persons.whole, reach.whole]).toEqual([{ llamaVscode: 1.5 }, undefined]);
    const two = reportOf({ whole: { ours: saving(1, 2), reference: saving(2, 3) } });
    expect(Object.keys(two.persons.whole!)).toEqual(['base', 'reference', 'referenceMinusBase']);
  });
  it('is a table for each person', () => {
    const text = textOf(report);
    expect(text).toContain('4 hunks of 4 files, 400 characters');
    expect(text).toContain('| takes lines | base | own | foreign |');
    expect(text).toContain('| secondsSaved | 5 | 6 | 5.5 |');
    expect(text).toContain('ownMinusBase: 1 [1, 1]');
  });
});

it.each([
  [['--sides', 'ours,theirs'], 'There is no side theirs: ours, reference'],
  [['--persons', 'nobody'], 'There is no person nobody: words, lines, whole.'],
  [['--pace', 'slow'], 'There is no pace slow: quick, median.'],
  [['--clock', 'sun'], 'There is no clock sun: real, processor, none.'],
  [['--only', 'nothing'], 'There is no repository nothing: pgqueuer'],
  [['--hunks', 'many'], '--hunks must be a number above 0.'],
  [['--reference', '/nowhere/adapter.gguf'], 'Give the file of an adapter'],
])('rejects %j before training starts', (args, message) => expect(main(args)).rejects.toThrow(message));

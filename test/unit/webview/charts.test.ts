import { describe, expect, it } from 'vitest';
import { inEnglish, setLanguage } from '../../../src/text/l10n.ts';
import type { ChartDataset } from 'chart.js';
import { charts } from '../../../webview/charts/index.ts';
import { yourCodeChart } from '../../../webview/charts/before-after.ts';
import { lossChart } from '../../../webview/charts/loss.ts';
import { mergeSets } from '../../../webview/charts/options.ts';
import type { Dataset } from '../../../webview/charts/view.ts';
import { bundleIn, translations } from '../../support/manifest.ts';
import { CHARACTERS, CURSORS } from '../../../src/protocol/evaluation.ts';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { comparison, makeRun, metric, panelOf, withStrengths } from './fixtures.ts';

describe('a chart', () => {
  it('has a question as its title, in each language', () => {
    try {
      for (const language of ['en', ...translations]) {
        setLanguage(
          language,
          language === 'en' ? undefined : bundleIn(language as (typeof translations)[number]),
        );
        for (const chart of charts) expect(chart.title(), `${chart.id} in ${language}`).toMatch(/[?？]$/);
      }
    } finally {
      setLanguage('en', undefined);
    }
    expect(inEnglish(() => new Set(charts.map((chart) => chart.title())).size)).toBe(charts.length);
  });

  const answers = (run = makeRun()) =>
    Object.fromEntries(
      charts.flatMap((chart) => {
        const model = chart.read(panelOf([run]), {});
        const answer = model === undefined ? undefined : chart.answer?.(model);
        return answer ? [[chart.id, answer]] : [];
      }),
    );
  it('answers it as far as the metrics do', () => {
    expect(answers()).toEqual({
      'your-code': 'Yes, more than before.',
      commits: 'Yes, more than before.',
      humaneval: 'No loss was seen (problems tried: 20).',
      forgetting: 'Little: up to 0.1 counts as close to the base.',
    });
    expect(answers(makeRun({ upTo: 20 }))).toEqual({});
  });
  it('does not answer for a result that is not used at any strength, and says so', () => {
    const refused = withStrengths(makeRun(), 0);
    expect(answers(refused)).toEqual({});
    const warningOf = (run: RunSnapshot) => yourCodeChart.warning!(yourCodeChart.read(panelOf([run]), {})!);
    expect(warningOf(refused)).toBe('This is at full strength, which is not used.');
    expect(warningOf(withStrengths(makeRun(), 0, 0.5))).toBeUndefined();
  });
  it('says if too little was measured to answer', () => {
    const run = makeRun();
    for (const comparison of run.summary!.comparisons)
      if (/pass@1|characters saved/.test(comparison.metric)) {
        comparison.difference = { value: 0, low: -0.4, high: 0.4 };
        comparison.significant = false;
      }
    expect(answers(run)).toMatchObject({
      'your-code': 'There are too few places to tell (100).',
      humaneval: "No loss was seen, but one can't be ruled out with so few problems (20).",
    });
  });
  it('does not call characters typing that were only predicted', () => {
    const run = makeRun();
    run.summary!.comparisons.unshift(
      comparison(
        [CURSORS, CHARACTERS, '', 'higher'],
        metric(CURSORS, CHARACTERS, 0.86, 0.01),
        metric(CURSORS, CHARACTERS, 0.88, 0.01),
        0.01,
      ),
    );
    const model = yourCodeChart.read(panelOf([run]), {})!;
    const said = [yourCodeChart.title(), yourCodeChart.answer!(model), yourCodeChart.note!(model)].join(' ');
    expect(said).toContain('Yes, more than before.');
    expect(said).not.toMatch(/typing|you type/);
  });
  it('is not drawn for the base alone', () => {
    const run = makeRun({ upTo: 3, checkpoints: 6 });
    const drawn = charts.filter((chart) => chart.read(panelOf([run]), {}) !== undefined).map(({ id }) => id);
    expect(drawn).not.toContain('forgetting');
  });
  it('answers for one result, not for several', () => {
    const panel = panelOf([makeRun(), makeRun({ id: 'b', method: 'full' })], { compared: ['b'] });
    for (const chart of charts) {
      const model = chart.read(panel, {});
      if (model !== undefined) expect(chart.answer?.(model), chart.id).toBeUndefined();
    }
  });
  it('states a loss and a large distance as such', () => {
    const run = makeRun();
    for (const comparison of run.summary!.comparisons) {
      if (comparison.metric === 'KL from base') comparison.after.value = 0.31;
      if (comparison.metric === 'pass@1') comparison.significant = true;
    }
    expect(answers(run)).toMatchObject({
      humaneval: 'Partly: it solves fewer problems than the base.',
      forgetting: 'Far: only up to 0.1 counts as close to the base.',
    });
  });
});

describe('the held-out loss', () => {
  const columns = (strength: number, steps: number[], given?: number) => {
    const run = withStrengths(makeRun(), strength, given);
    const { after: result } = run.summary!.comparisons.find(({ metric }) => metric === 'loss')!;
    for (const step of steps)
      run.events.push({ type: 'evaluation', time: run.spec.createdAt, step, result, better: 'lower' });
    const { head } = lossChart.table(lossChart.read(panelOf([run]), {})!);
    return head.slice(2);
  };
  it('is labelled by when it was measured', () => {
    const [during, atCheckpoints, final] = [
      'Held-out loss, during training',
      'Held-out loss, measured at checkpoints',
      'Held-out loss, final evaluation',
    ];
    expect(columns(1, [0, 60])).toEqual([during, final]);
    expect(columns(1, [0, 20, 40, 60])).toEqual([during, atCheckpoints]);
    expect(columns(0.5, [0, 20, 60])).toEqual([during, atCheckpoints, final]);
    // The final evaluation was of the strength that was chosen, and 1 is that of checkpoints.
    expect(columns(0.5, [0, 20, 60], 0.75)).toEqual([during, atCheckpoints]);
    expect(columns(0.5, [0, 60], 0.75)).toEqual([during]);
    expect(columns(1, [0, 60], 0.75)).toEqual([during, atCheckpoints]);
  });
});

describe('the final held-out loss', () => {
  const finalOf = (run: RunSnapshot) => {
    const rows = lossChart.rows(lossChart.read(panelOf([run]), {})!);
    const name = 'held-out loss, final evaluation';
    return rows.filter(({ metric }) => metric === name).map(({ at, value }) => [at, value]);
  };
  const whole = [
    [0, 2.146],
    [60, 1.951],
  ];
  it('is that of the summary, if it was measured, or measured further, after the run had ended', () => {
    const run = makeRun();
    expect(finalOf(run)).toEqual(whole);
    const { before } = run.summary!.comparisons.find(({ metric }) => metric === 'loss')!;
    const inTime = { ...before, value: 1.7, n: 4, setting: '4 windows' };
    const event = { type: 'evaluation', time: run.spec.createdAt, better: 'lower' } as const;
    run.events.push({ ...event, step: 0, result: before }, { ...event, step: 60, result: inTime });
    expect(finalOf(run)).toEqual(whole);
  });
});

describe('data sets that are drawn again', () => {
  const named = (label: string, y: number): Dataset => {
    return { label, data: [{ x: 0, y }], borderColor: '#000', backgroundColor: '#000' };
  };
  it('are those of the same name, each once', () => {
    const old = [named('a', 1), named('a', 2), named('b', 3)] as unknown as ChartDataset[];
    const merged = mergeSets(old, [named('a', 4), named('a', 5), named('c', 6)]);
    expect(merged[0]).toBe(old[0]);
    expect(merged[1]).toBe(old[1]);
    expect(merged.map(({ data }) => data)).toEqual([4, 5, 6].map((y) => [{ x: 0, y }]));
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import { setLanguage } from '../../../src/text/l10n.ts';
import { charts } from '../../../webview/charts/index.ts';
import { bundleIn, translations } from '../../support/manifest.ts';
import { csvOf, toCsv } from '../../../webview/charts/csv.ts';
import { makeRun, makeSweep, panelOf, withSamples, withStrengths } from './fixtures.ts';

/** RFC 4180, parsed as literally as it is written there. */
function parse(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, bare, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted === undefined ? bare! : quoted.replaceAll('""', '"'));
    if (end === '\r\n') {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}

describe('a chart as CSV', () => {
  it('keeps commas, quotes, line ends and every digit', () => {
    const setting = 'quick: 16 windows, "held out"\nand more';
    const text = toCsv(
      [{ run: 'a,b', metric: 'loss', at: 3, value: 1 / 3, low: 0.1, high: Number.NaN, n: 16, setting }],
      'step',
    );
    expect(parse(text)).toEqual([
      ['run', 'figure', 'step', 'value', 'low', 'high', 'n', 'unit', 'setting'],
      ['a,b', 'loss', '3', String(1 / 3), '0.1', '', '16', '', setting],
    ]);
  });
  it('gives a spreadsheet no formula to run', () => {
    const [, row] = parse(toCsv([{ run: '=HYPERLINK("x")', metric: '-1', at: 0, value: -1 }], 'step'));
    expect(row!.slice(0, 4)).toEqual([`'=HYPERLINK("x")`, "'-1", '0', '-1']);
  });

  it('exists for every chart, with intervals, n and how it was measured', () => {
    const run = withStrengths(withSamples(makeRun({ checkpoints: 3 })));
    const other = withSamples(makeRun({ id: 'other', method: 'full' }));
    const panel = panelOf([run, other], { compared: ['other'], sweeps: [makeSweep()] });
    const rows = new Map(charts.map((chart) => [chart.id, chart.rows(chart.read(panel, {}))]));
    for (const [id, found] of rows) {
      expect(found.length, id).toBeGreaterThan(1);
      expect(
        found.every(({ value }) => Number.isFinite(value)),
        id,
      ).toBe(true);
    }
    const measured = ['trade-off', 'forgetting', 'humaneval', 'pass-at-k', 'diversity', 'sweep'];
    for (const id of measured)
      expect(rows.get(id), id).toContainEqual(
        expect.objectContaining({
          low: expect.any(Number),
          high: expect.any(Number),
          n: expect.any(Number),
          setting: expect.any(String),
        }),
      );
    expect(rows.get('pass-at-k')).toContainEqual(
      expect.objectContaining({ run: 'before', metric: 'pass@10', at: 10, value: 0.17, n: 164 }),
    );
    expect(rows.get('memory')).toContainEqual(
      expect.objectContaining({ metric: 'planned memory', at: 'weights', value: 5.4e8, unit: 'bytes' }),
    );
  });
});

describe('a saved file', () => {
  afterEach(() => setLanguage('en'));
  const panelNow = () => {
    const run = withStrengths(withSamples(makeRun({ checkpoints: 3 })));
    // Distinguished by what each language calls it.
    const other = withSamples(makeRun({ id: 'other', method: 'full' }));
    return panelOf([run, other], { compared: ['other'], sweeps: [makeSweep()] });
  };
  const filesNow = () => {
    const panel = panelNow();
    return charts.map((chart) => [chart.id, csvOf(chart, panel, {})]);
  };

  it.each(translations)('is the same in %s as in English, including the names of runs', (language) => {
    const english = filesNow();
    expect(english.every(([, text]) => text!.split('\r\n').length > 2)).toBe(true);
    expect(english.flat().join()).toContain('full fine-tuning');
    setLanguage(language, bundleIn(language));
    expect(panelNow().shown[1]!.label).not.toContain('full fine-tuning');
    expect(filesNow()).toEqual(english);
  });
});

describe('every chart', () => {
  const run = withStrengths(withSamples(makeRun({ checkpoints: 3 })));
  const panel = panelOf([run], { sweeps: [makeSweep()] });
  it('says in words and in a table what it draws, and nothing if nothing was measured', () => {
    for (const chart of charts) {
      const model = chart.read(panel, {});
      expect(model, chart.id).toBeDefined();
      expect(chart.words(model), chart.id).toMatch(/\d.*\.$/);
      const { head, rows } = chart.table(model);
      expect(rows.length, chart.id).toBeGreaterThan(0);
      for (const row of rows) expect(row, chart.id).toHaveLength(head.length);
    }
    const bare = panelOf([makeRun({ upTo: 0 })]);
    for (const chart of charts) expect(chart.read(bare, {}), chart.id).toBeUndefined();
    for (const chart of charts) expect(chart.read(panelOf([]), {}), chart.id).toBeUndefined();
  });
  it('describes the findings of a sweep', () => {
    const sweep = charts.find(({ id }) => id === 'sweep')!;
    const model = sweep.read(panel, {});
    expect(sweep.words(model)).toContain('LoRA: 1e-3 learned as much as the best rate and forgot least');
    expect(sweep.words(model)).toContain('from 3e-4 on it diverges');
    expect(sweep.table(model).rows).toContainEqual(['LoRA, 3e-3', '', '', '0.050', 'diverged at step 12']);
    expect(sweep.read(panelOf([run], { sweeps: [makeSweep('cd'.repeat(32))] }), {})).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { spectrumView } from '../../../webview/view-model/spectrum.ts';
import { layerRankChart, moduleRankChart } from '../../../webview/charts/spectrum.ts';
import type { Theme } from '../../../webview/theme.ts';
import { makeRun, makeSpectrum, panelOf } from './fixtures.ts';

const theme = { first: '#0000ff', second: '#ff8800', third: '#008800', faint: '#888888' } as Theme;

describe('the view of a spectrum', () => {
  it('exists once something changed', () => {
    expect(spectrumView(undefined)).toBeUndefined();
    const still = makeSpectrum();
    for (const linear of still.linears) delete linear.change;
    expect(spectrumView(still)).toBeUndefined();
    expect(spectrumView(makeSpectrum())).toBeDefined();
  });

  it("has the median and the range of each module's layers", () => {
    const { modules } = spectrumView(makeSpectrum({ layers: 3 }))!;
    expect(modules.map(({ module }) => module)).toEqual(['q', 'k', 'v', 'o', 'gate', 'up', 'down']);
    expect(modules[1]).toEqual({
      module: 'k',
      most: 192,
      ranks: {
        base: { median: 97, low: 96, high: 98 },
        change: { median: 9, low: 8, high: 10 },
        noise: { median: 144, low: 144, high: 144 },
      },
    });
  });

  it('separates layers and modules with LoRA from those without', () => {
    const spectrum = makeSpectrum({ layers: 2 });
    for (const linear of spectrum.linears)
      if (linear.module === 'k') {
        delete linear.change;
        delete linear.noise;
      }
    const view = spectrumView(spectrum)!;
    expect(view.layers[1]!.linears.k).toEqual({ base: 97 });
    expect(view.layers[1]!.linears.q).toEqual({ base: 289, change: 9, noise: 432 });
    expect(layerRankChart.datasets(view, theme).map(({ label }) => label)).not.toContain('k');
    const change = moduleRankChart.datasets(view, theme)[1]!;
    expect(change.data.map(({ x, y }) => [x, y])).toEqual(
      [8.5, 0, 8.5, 8.5, 8.5, 8.5, 8.5].map((y, x) => [x, y]),
    );
    expect(layerRankChart.table(view).rows[1]).toEqual([
      '1',
      '9 (289, 432)',
      'none (97)',
      '9 (97, 144)',
      '9 (289, 432)',
      '9 (289, 432)',
      '9 (289, 432)',
      '9 (289, 432)',
    ]);
  });
});

describe('its charts', () => {
  const panel = (method: 'lora' | 'full') =>
    panelOf([{ ...makeRun({ method }), spectrum: makeSpectrum({ method }) }]);

  it('are drawn only if the selected run was measured', () => {
    const without = panelOf([makeRun()]);
    for (const chart of [moduleRankChart, layerRankChart]) {
      expect(chart.read(without, {})).toBeUndefined();
      expect(chart.read(panel('lora'), {})).toBeDefined();
    }
  });

  it('say in words and in tables what they show', () => {
    const model = moduleRankChart.read(panel('lora'), {})!;
    expect(moduleRankChart.words(model)).toContain(
      'k: base 97.5 (96 to 99), change 9.5 (8 to 11), noise of the same size 144, of at most 192.',
    );
    expect(moduleRankChart.table(model).rows[1]).toEqual([
      'k',
      '97.5 (96 to 99)',
      '9.5 (8 to 11)',
      '144',
      '192',
    ]);
    expect(layerRankChart.words(model)).toMatch(/^Median over the layers.*: q 9.5 \(8 to 11\), k /);
    expect(layerRankChart.note!(model)).toContain('LoRA with r = 16 can make changes of rank 16 at most');
    expect(layerRankChart.note!(layerRankChart.read(panel('full'), {})!)).toContain('Full fine-tuning');
  });

  it('warn if the change was read from rounded weights', () => {
    const model = moduleRankChart.read(panel('full'), {})!;
    expect(moduleRankChart.note!(model)).not.toContain('half precision');
    expect(moduleRankChart.note!({ ...model, source: 'model' })).toContain('rounded to half precision');
  });
});

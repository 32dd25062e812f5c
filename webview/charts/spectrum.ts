/** The ranks of base, change and noise: how many singular directions hold 90% of the energy. */
import { grouped, joined, t } from '../../src/text/l10n.ts';
import { moduleNames, type ModuleName } from '../../src/protocol/run.ts';
import { spectrumKinds, type SpectrumKind } from '../../src/protocol/spectrum.ts';
import type { Theme } from '../theme.ts';
import { spectrumView, type ModuleRanks, type SpectrumView } from '../view-model/spectrum.ts';
import { barStyle } from './run-styles.ts';
import { chartOptions } from './options.ts';
import type { ChartView, Dataset } from './view.ts';

const nameOf = (kind: SpectrumKind): string =>
  ({ base: t('base'), change: t('change'), noise: t('noise of the same size') })[kind];
const meaning = () =>
  t(
    'Rank: the number of singular values that hold 90% of the energy (the sum of their squares). Noise: Gaussian, of the same size as the change.',
  );

const spread = (method: string) =>
  `90% of the energy, ${method}; median over the layers; low and high: the lowest and highest layer`;

const count = (value: number) => grouped(value, Number.isInteger(value) ? 0 : 1);

const withRange = (value: number, low: number, high: number): string =>
  low === high
    ? count(value)
    : t('{value} ({low} to {high})', { value: count(value), low: count(low), high: count(high) });

function rangeText({ ranks }: ModuleRanks, kind: SpectrumKind): string {
  const range = ranks[kind];
  if (!range) return t('none');
  const { median, low, high } = range;
  return withRange(median, low, high);
}

const kindColor = (kind: SpectrumKind, { first, faint, second }: Theme) =>
  ({ base: faint, change: first, noise: second })[kind];

const statedNote = () => t('As its publisher states.');

/** Notes that rounding of the exported model adds noise to the change. */
const sourceNote = ({ source, stated }: SpectrumView) =>
  joined([
    stated ? statedNote() : '',
    source === 'model'
      ? t('Read from the exported model, which is rounded to half precision; this adds noise to the change.')
      : '',
  ]);

export const moduleRankChart: ChartView<SpectrumView> = {
  id: 'rank-by-module',
  title: () => t('How complex is the change?'),
  type: 'bar',
  read: ({ run }) => spectrumView(run?.snapshot.spectrum),
  labels: ({ modules }) => modules.map(({ module }) => module),
  datasets: ({ modules }, theme) =>
    spectrumKinds.map((kind): Dataset => {
      const shade = kindColor(kind, theme);
      return {
        label: nameOf(kind),
        data: modules.map(({ ranks }, x) => {
          // A zero matrix has rank 0.
          const { median, low, high } = ranks[kind] ?? { median: 0, low: 0, high: 0 };
          return { x, y: median, low, high };
        }),
        ...barStyle(shade),
        maxBarThickness: 28,
      };
    }),
  options: (_, theme) =>
    chartOptions(
      {
        x: { title: '', category: true },
        y: { title: t('rank at 90% of the energy'), fromZero: true },
        legend: 'points',
        describe: ({ y, low, high }, name) => `${name}: ${withRange(y, low!, high!)}`,
      },
      theme,
    ),
  words: ({ modules }) =>
    modules
      .map((module) =>
        t('{module}: {ranks}, of at most {most}.', {
          module: module.module,
          ranks: spectrumKinds.map((kind) => `${nameOf(kind)} ${rangeText(module, kind)}`).join(', '),
          most: module.most,
        }),
      )
      .join(' '),
  table: ({ modules }) => ({
    caption: t('Rank at 90% of the energy by module: median over the layers (lowest to highest)'),
    head: [t('Module'), ...spectrumKinds.map((kind) => nameOf(kind)), t('at most')],
    rows: modules.map((module) => [
      module.module,
      ...spectrumKinds.map((kind) => rangeText(module, kind)),
      count(module.most),
    ]),
  }),
  atName: 'module',
  rows: ({ modules, method }) =>
    modules.flatMap(({ module, ranks }) =>
      spectrumKinds.flatMap((kind) => {
        const range = ranks[kind];
        if (!range) return [];
        const { median: value, low, high } = range;
        return [{ metric: `rank of ${nameOf(kind)}`, at: module, value, low, high, setting: spread(method) }];
      }),
    ),
  note: (model) =>
    joined([
      meaning(),
      t('Bars: median over the layers; whiskers: the lowest and the highest.'),
      sourceNote(model),
    ]),
};

/** Attention modules have one colour, MLP modules another; dash and point shape distinguish them further. */
const styles: Record<ModuleName, Pick<Dataset, 'borderDash' | 'pointStyle'> & { shade: 'first' | 'second' }> =
  {
    q: { shade: 'first', borderDash: [], pointStyle: 'circle' },
    k: { shade: 'first', borderDash: [6, 4], pointStyle: 'triangle' },
    v: { shade: 'first', borderDash: [2, 3], pointStyle: 'rectRot' },
    o: { shade: 'first', borderDash: [10, 3, 2, 3], pointStyle: 'rect' },
    gate: { shade: 'second', borderDash: [], pointStyle: 'circle' },
    up: { shade: 'second', borderDash: [6, 4], pointStyle: 'triangle' },
    down: { shade: 'second', borderDash: [2, 3], pointStyle: 'rectRot' },
  };

const changed = ({ modules }: SpectrumView): ModuleRanks[] => modules.filter(({ ranks }) => ranks.change);

export const layerRankChart: ChartView<SpectrumView> = {
  id: 'rank-by-layer',
  title: () => t('In which layers is the change complex?'),
  type: 'line',
  read: ({ run }) => spectrumView(run?.snapshot.spectrum),
  datasets: (model, theme) =>
    changed(model).map(({ module }): Dataset => {
      const { shade, ...style } = styles[module];
      return {
        ...style,
        label: module,
        data: model.layers.flatMap(({ layer, linears }) => {
          const rank = linears[module]?.change;
          return rank === undefined ? [] : [{ x: layer, y: rank }];
        }),
        borderColor: theme[shade],
        backgroundColor: theme[shade],
        borderWidth: 1.5,
        pointRadius: 2.5,
        pointHoverRadius: 5,
      };
    }),
  options: ({ layers, rank }, theme) =>
    chartOptions(
      {
        x: {
          title: t('layer'),
          suggestedMax: layers.at(-1)!.layer,
          format: (value) => (Number.isInteger(value) ? String(value) : ''),
        },
        y: {
          title: t('rank at 90% of the energy'),
          fromZero: true,
          ...(rank !== undefined && { suggestedMax: rank }),
        },
        legend: 'lines',
        heading: ({ x }) => t('layer {layer}', { layer: x }),
        describe: ({ y }, name) => `${name}: ${y}`,
      },
      theme,
    ),
  words: (model) =>
    t('Median over the layers, lowest and highest: {ranks}.', {
      ranks: changed(model)
        .map((module) => `${module.module} ${rangeText(module, 'change')}`)
        .join(', '),
    }),
  table: ({ layers }) => ({
    caption: t('Rank at 90% of the energy by layer: change (base, noise)'),
    head: [t('Layer'), ...moduleNames],
    rows: layers.map(({ layer, linears }) => [
      String(layer),
      ...moduleNames.map((module) => cell(linears[module])),
    ]),
  }),
  atName: 'layer',
  rows: ({ layers, method }) =>
    layers.flatMap(({ layer, linears }) =>
      moduleNames.flatMap((module) =>
        spectrumKinds.flatMap((kind) => {
          const value = linears[module]?.[kind];
          const metric = `rank of ${nameOf(kind)}, ${module}`;
          return value === undefined
            ? []
            : [{ metric, at: layer, value, setting: `90% of the energy, ${method}` }];
        }),
      ),
    ),
  note: ({ method, rank, stated }) =>
    joined([
      method === 'lora'
        ? t('LoRA with r = {rank} can make changes of rank {rank} at most. Data: change (base, noise).', {
            rank: rank ?? '',
          })
        : t('Full fine-tuning can make changes of any rank. Data: change (base, noise).'),
      stated ? statedNote() : '',
    ]),
};

function cell(ranks: Partial<Record<SpectrumKind, number>> | undefined): string {
  if (!ranks) return '';
  const { base, change, noise } = ranks;
  return change === undefined ? `${t('none')} (${base})` : `${change} (${base}, ${noise})`;
}

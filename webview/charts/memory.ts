/** The planned memory of a run by part, and the measured peak. */
import { t, tKnown } from '../../src/text/l10n.ts';
import { color } from 'chart.js/helpers';
import { formatBytes, formatTick } from '../view-model/format.ts';
import type { RunView } from '../view-model/panel.ts';
import { chartOptions } from './options.ts';
import type { ChartView, Dataset } from './view.ts';

interface RunMemory {
  label: string;
  /** Bytes by part, largest first. */
  plan: [part: string, bytes: number][];
  total: number;
  measured: number | undefined;
}
interface Memory {
  runs: RunMemory[];
  parts: string[];
}
const GB = 1e9;

export const memoryParts = [
  'weights',
  'parameters',
  'gradients',
  'optimiser',
  'activations',
  'workspace',
  'runtime',
  'evaluation',
];

function read({ label, series }: RunView): RunMemory[] {
  const { memory, done, steps } = series;
  if (!memory) return [];
  const plan = Object.entries(memory.plan)
    .filter(([, bytes]) => bytes > 0)
    .sort(([, a], [, b]) => b - a);
  return [{ label, plan, total: memory.total, measured: done?.peakMemory ?? steps.at(-1)?.peakMemory }];
}

/** The bars on the axis, from left to right. */
const places = ({ runs }: Memory) =>
  runs.flatMap((run) => [
    { run, planned: true },
    ...(run.measured === undefined ? [] : [{ run, planned: false }]),
  ]);

function memoryWords(plan: RunMemory['plan'], total: number, measured: number | undefined): string {
  const planned = t('{total} planned ({parts})', {
    total: formatBytes(total),
    parts: plan.map(([part, bytes]) => `${tKnown(part)} ${formatBytes(bytes)}`).join(', '),
  });
  return measured === undefined
    ? t('{clause}.', { clause: planned })
    : t('{planned}; measured peak {peak}.', { planned, peak: formatBytes(measured) });
}

export const memoryChart: ChartView<Memory> = {
  id: 'memory',
  title: () => t('What took the memory?'),
  type: 'bar',
  read({ shown }) {
    const runs = shown.flatMap(read);
    if (!runs.length) return undefined;
    const sizes = new Map<string, number>();
    for (const { plan } of runs)
      for (const [part, bytes] of plan) sizes.set(part, Math.max(bytes, sizes.get(part) ?? 0));
    return { runs, parts: [...sizes].sort(([, a], [, b]) => b - a).map(([part]) => part) };
  },
  labels: (model) =>
    places(model).map(({ run, planned }) => {
      const word = planned ? t('planned') : t('measured peak');
      // Short, because there may be twelve bars.
      return model.runs.length > 1
        ? `${model.runs.indexOf(run) + 1}: ${planned ? t('plan') : t('peak')}`
        : word;
    }),
  datasets(model, theme) {
    const at = places(model);
    const plan = model.parts.map((part, index): Dataset => {
      const shade = theme.palette[index % theme.palette.length]!;
      return {
        label: tKnown(part),
        stack: 'all',
        data: at.flatMap(({ run, planned }, x) => {
          const bytes = planned ? run.plan.find(([name]) => name === part)?.[1] : undefined;
          return bytes ? [{ x, y: bytes / GB }] : [];
        }),
        borderColor: theme.background,
        backgroundColor: color(shade)
          .alpha(index < theme.palette.length ? 0.75 : 0.4)
          .rgbString(),
        borderWidth: 1,
        maxBarThickness: 90,
      };
    });
    const measured: Dataset = {
      label: t('measured peak'),
      stack: 'all',
      data: at.flatMap(({ run, planned }, x) => (planned ? [] : [{ x, y: run.measured! / GB }])),
      borderColor: theme.text,
      backgroundColor: color(theme.faint).alpha(0.5).rgbString(),
      borderWidth: 1,
      maxBarThickness: 90,
    };
    return [...plan, measured].filter(({ data }) => data.length > 0);
  },
  options: (_, theme) =>
    chartOptions(
      {
        x: { title: '', category: true, stacked: true },
        y: { title: 'GB', fromZero: true, stacked: true, format: formatTick },
        legend: 'points',
        describe: ({ y }, name) => `${name}: ${formatBytes(y * GB)}`,
      },
      theme,
    ),
  words: ({ runs }) =>
    runs
      .map(
        ({ label, plan, total, measured }) =>
          `${runs.length > 1 ? `${label}: ` : ''}${memoryWords(plan, total, measured)}`,
      )
      .join(' '),
  table: ({ runs, parts }) => ({
    caption: t('Memory, planned and measured'),
    head: ['', ...(runs.length > 1 ? runs.map(({ label }) => label) : [t('Bytes')])],
    rows: [
      ...parts.map((part) => [
        tKnown(part),
        ...runs.map(({ plan }) => {
          const bytes = plan.find(([name]) => name === part)?.[1];
          return bytes === undefined ? '' : formatBytes(bytes);
        }),
      ]),
      [t('planned in all'), ...runs.map(({ total }) => formatBytes(total))],
      [
        t('measured peak'),
        ...runs.map(({ measured }) => (measured === undefined ? '' : formatBytes(measured))),
      ],
    ],
  }),
  atName: 'part',
  rows: ({ runs }) =>
    runs.flatMap(({ label, plan, total, measured }) => [
      ...plan.map(([at, value]) => ({ run: label, metric: 'planned memory', at, value, unit: 'bytes' })),
      { run: label, metric: 'planned memory', at: 'in all', value: total, unit: 'bytes' },
      ...(measured === undefined
        ? []
        : [{ run: label, metric: 'peak memory', at: 'measured', value: measured, unit: 'bytes' }]),
    ]),
  note: ({ runs }) =>
    [
      runs.length > 1 && `${runs.map(({ label }, index) => `${index + 1}: ${label}`).join('; ')}.`,
      t('Peak: the most memory that the trainer used.'),
    ]
      .filter(Boolean)
      .join(' '),
};

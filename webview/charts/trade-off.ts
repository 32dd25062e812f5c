/** Learning against forgetting: the trade-off, one point a run. */
import { formatInterval } from '../view-model/format.ts';
import { tradeOff, type TradeOffPoint, type TradeOffView } from '../view-model/trade-off.ts';
import { chartOptions } from './options.ts';
import type { ChartView, Datum } from './view.ts';

const learned = ({ x, xLow, xHigh }: TradeOffPoint) =>
  formatInterval({ value: x, low: xLow, high: xHigh }, false);
const forgot = ({ y, low, high }: TradeOffPoint) => formatInterval({ value: y, low, high }, false);
const datum = ({ x, xLow, xHigh, y, low, high, label }: TradeOffPoint): Datum => ({
  x,
  xLow,
  xHigh,
  y,
  low,
  high,
  label,
});

export const tradeOffChart: ChartView<TradeOffView> = {
  id: 'trade-off',
  title: 'Learning against forgetting',
  type: 'scatter',
  read({ run, runs }) {
    if (!run) return undefined;
    const view = tradeOff(run.snapshot, runs);
    return view.points.length ? view : undefined;
  },
  datasets({ points }, { first, faint }) {
    const dot = { pointRadius: 5, pointHoverRadius: 7 };
    return [
      {
        ...dot,
        label: 'this run',
        data: points.filter(({ selected }) => selected).map(datum),
        borderColor: first,
        backgroundColor: first,
        pointStyle: 'circle' as const,
      },
      {
        ...dot,
        label: 'other runs',
        data: points.filter(({ selected }) => !selected).map(datum),
        borderColor: faint,
        backgroundColor: faint,
        pointStyle: 'triangle' as const,
      },
    ].filter(({ data }) => data.length > 0);
  },
  options: ({ points, xUnit, yUnit }, theme) =>
    chartOptions(
      {
        x: { title: `learned: fall of held-out loss${xUnit ? `, ${xUnit}` : ''}`, fromZero: true },
        y: { title: `forgot: KL${yUnit ? `, ${yUnit}` : ''}`, fromZero: true },
        legend: points.length > 1 && 'points',
        heading: ({ label }) => label ?? '',
        describe: ({ x, xLow, xHigh, y, low, high }) =>
          `learned ${formatInterval({ value: x, low: xLow ?? x, high: xHigh ?? x }, false)}, forgot ${formatInterval({ value: y, low: low ?? y, high: high ?? y }, false)}`,
      },
      theme,
    ),
  words: ({ points }) =>
    points.map((point) => `${point.label}: learned ${learned(point)}, forgot ${forgot(point)}`).join('. ') +
    '.',
  table: ({ points, xUnit, yUnit }) => ({
    caption: 'Learning and forgetting by run',
    head: ['Run', `Learned, ${xUnit}`, `Forgot, ${yUnit}`],
    rows: points.map((point) => [
      point.selected ? `${point.label} (this run)` : point.label,
      learned(point),
      forgot(point),
    ]),
  }),
  note: ({ warning }) =>
    warning ?? 'Further right: learned more. Further up: forgot more. Best is the lower right.',
};

/** Shared by charts of figure sets: the figures in words, and as a table with a row for each metric. */
import { whole } from '../../src/text/l10n.ts';
import type { Metric } from '../../src/protocol/evaluation.ts';
import type { FigureSet } from '../view-model/figures.ts';
import { formatInterval } from '../view-model/format.ts';
import type { ChartView } from './view.ts';

interface Figures {
  caption: string;
  /** Heading of the column with the names of the rows. */
  corner: string;
  rows: readonly { name: string; metric: string }[];
  sets: readonly FigureSet[];
  /** The figures are shares, so they are shown in percent. */
  share: boolean;
}

export function figureTable({
  caption,
  corner,
  rows,
  sets,
  share,
}: Figures): ReturnType<ChartView<never>['table']> {
  return {
    caption,
    head: [corner, ...sets.map(({ label }) => label), 'n'],
    rows: rows.map(({ name, metric }) => {
      const at = sets.map(({ metrics }) => metrics.find((figure) => figure.metric === metric));
      return [
        name,
        ...at.map((metric) => (metric ? formatInterval(metric, share) : '')),
        whole(at.find(Boolean)?.n ?? 0),
      ];
    }),
  };
}

/** "base: pass@1 30% (25 to 35%). result: ..." */
export const figureWords = (
  sets: readonly FigureSet[],
  nameOf: (metric: Metric) => string,
  share: boolean,
): string =>
  sets
    .map(
      ({ label, metrics }) =>
        `${label}: ${metrics.map((metric) => `${nameOf(metric)} ${formatInterval(metric, share)}`).join(', ')}.`,
    )
    .join(' ');

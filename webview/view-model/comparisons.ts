/** The rows of the table "Before and after". */
import type { Comparison, Summary } from '../../src/protocol/evaluation.ts';
import { formatDifference, formatInterval, isShare } from './format.ts';
import { figureLabel } from './labels.ts';

export interface ComparisonRow {
  figure: string;
  unit: string;
  before: string;
  after: string;
  difference: string;
  verdict: 'better' | 'worse' | 'no difference seen';
  n: string;
  setting: string;
}

/** Better or worse only if the interval of the difference excludes zero. */
export function verdict({ difference, better, significant }: Comparison): ComparisonRow['verdict'] {
  if (!significant) return 'no difference seen';
  return difference.value < 0 === (better === 'lower') ? 'better' : 'worse';
}

/** For a run that continues another, comparisons with that run's result come last. */
export const comparisonRows = ({ comparisons, earlier }: Summary): ComparisonRow[] => [
  ...comparisons.map((comparison) => rowOf(comparison)),
  ...(earlier?.comparisons ?? []).map((comparison) => rowOf(comparison, ', from the run that it continues')),
];

function rowOf(comparison: Comparison, from = ''): ComparisonRow {
  const { task, metric, unit, before, after, difference } = comparison;
  const share = isShare(metric, unit);
  return {
    figure: `${figureLabel(task, metric)}${from}`,
    // Avoids repeating the unit, as in "unique programs programs".
    unit: share || /per byte|programs/.test(figureLabel(task, metric)) ? '' : unit,
    before: formatInterval(before, share),
    after: formatInterval(after, share),
    difference: formatDifference(difference, share),
    verdict: verdict(comparison),
    n: after.n.toLocaleString('en'),
    setting: after.setting,
  };
}

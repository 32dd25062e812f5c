/** The rows of the table "Before and after". */
import { t, tKnown, whole } from '../../src/text/l10n.ts';
import { isStated, type Comparison, type Summary } from '../../src/protocol/evaluation.ts';
import type { RunSpec } from '../../src/protocol/run.ts';
import { formatDifference, formatInterval, isShare } from './format.ts';
import { settingIn } from './setting.ts';
import { columnsOf, isAgainstBase } from '../../src/findings/before.ts';
import { metricLabel, isKl } from './labels.ts';
import { textOf } from '../../src/text/message.ts';

type Began = Pick<RunSpec, 'continues' | 'reference' | 'fetched'>;

export interface ComparisonRow {
  metric: string;
  unit: string;
  /** A value for each of `columnNames`; empty where it was not measured. */
  values: string[];
  difference: string;
  verdict: Verdict;
  n: string;
  setting: string;
}

/** `moved`: away from the base, which is neither good nor bad as such. */
export type Verdict = 'better' | 'worse' | 'same' | 'moved';

export const verdictIn = (verdict: Verdict): string =>
  ({ better: t('better'), worse: t('worse'), same: t('no difference seen'), moved: t('moved') })[verdict];

/** Better or worse only if the interval of the difference excludes zero. */
export function verdict({ difference, better, significant, metric }: Comparison): Verdict {
  if (!significant) return 'same';
  if (isKl(metric)) return 'moved';
  return difference.value < 0 === (better === 'lower') ? 'better' : 'worse';
}

export const comparisonRows = (summary: Summary, spec: Began = {}): ComparisonRow[] =>
  summary.comparisons.map((comparison) => {
    const row = rowOf(comparison, spec);
    if (isAgainstBase(spec, comparison.task))
      row.setting = t('{setting}; difference from the base', { setting: row.setting });
    return isStated(summary, comparison)
      ? { ...row, metric: t('{metric}, as its publisher states', { metric: row.metric }) }
      : row;
  });

function rowOf(comparison: Comparison, spec: Began): ComparisonRow {
  const { task, metric, unit, after, difference } = comparison;
  const share = isShare(metric, unit);
  return {
    metric: metricLabel(task, metric),
    // Avoids repeating the unit, as in "unique programs programs".
    unit: share || /per byte|programs/.test(metric) ? '' : tKnown(unit),
    values: columnsOf(spec, comparison).map((one) => (one ? formatInterval(one, share) : '')),
    difference: formatDifference(difference, share),
    verdict: verdict(comparison),
    n: whole(after.n),
    setting: settingIn(textOf(after, 'setting')),
  };
}

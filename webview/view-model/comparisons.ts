/** The rows of the table "Before and after". */
import { t, tKnown, whole } from '../../src/text/l10n.ts';
import { isStated, type Comparison, type Summary } from '../../src/protocol/evaluation.ts';
import type { RunSpec } from '../../src/protocol/run.ts';
import { formatDifference, formatInterval, isShare } from './format.ts';
import { settingIn } from './setting.ts';
import { isAgainstBase } from '../../src/findings/before.ts';
import { verdictOf } from '../../src/findings/verdict.ts';
import { metricLabel, isKl } from './labels.ts';
import { textOf } from '../../src/text/message.ts';

export interface ComparisonRow {
  metric: string;
  unit: string;
  before: string;
  after: string;
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

export const comparisonRows = (
  summary: Summary,
  spec: Pick<RunSpec, 'continues' | 'reference' | 'fetched'> = {},
): ComparisonRow[] => [
  ...basisRow(summary),
  ...summary.comparisons.map((comparison) => {
    const row = rowOf(comparison);
    if (isAgainstBase(spec, comparison.task))
      row.setting = t('{setting}; before: the base alone', { setting: row.setting });
    return isStated(summary, comparison)
      ? { ...row, metric: t('{metric}, as its publisher states', { metric: row.metric }) }
      : row;
  }),
];

/** The gain that the verdict rests on, if no other row shows it; only its difference is known. */
function basisRow(summary: Summary): ComparisonRow[] {
  const { basis } = verdictOf(summary);
  if (!basis || !summary.choice) return [];
  return [
    {
      metric: t('Bits per byte of held-out text'),
      unit: '',
      before: '',
      after: '',
      difference: formatDifference(basis.learned, false),
      verdict: 'better',
      n: basis.files === undefined ? '' : t('{files} files', { files: whole(basis.files) }),
      setting: settingIn(textOf(summary.choice, 'setting')),
    },
  ];
}

function rowOf(comparison: Comparison): ComparisonRow {
  const { task, metric, unit, before, after, difference } = comparison;
  const share = isShare(metric, unit);
  return {
    metric: metricLabel(task, metric),
    // Avoids repeating the unit, as in "unique programs programs".
    unit: share || /per byte|programs/.test(metric) ? '' : tKnown(unit),
    before: formatInterval(before, share),
    after: formatInterval(after, share),
    difference: formatDifference(difference, share),
    verdict: verdict(comparison),
    n: whole(after.n),
    setting: settingIn(textOf(after, 'setting')),
  };
}

/** What models make of the same held-out cursors: the metrics, and the lines on which they differ. Pure. */
import {
  EXACT_LINES,
  CURSORS,
  type Comparison,
  type Metric,
  type Places,
} from '../../protocol/evaluation.ts';
import { compare, countsOf, metricOf, type Counts } from '../metrics/compare.ts';
import type { ItemScore } from '../task.ts';
import type { PredictedLine } from '../cursors/predicted-lines.ts';
import type { Interval, RatioItem } from '../../statistics/statistics.ts';
import { msg, type Text } from '../../text/message.ts';
import { TEXT_TOKENS } from '../tasks/retention.ts';
import { cursorMeasures, isCursor, KL, type StrengthItem } from './task.ts';

/** Scores of the models at these items. */
interface Scored {
  items: readonly StrengthItem[];
  before: readonly ItemScore[];
  result: readonly ItemScore[];
}

/** `setting`: how it was measured, for display. */
export const compareAtCursors = ({ items, before, result }: Scored, setting: Text): Comparison[] =>
  countsAt(items, [before, result], setting).map((counts) => {
    const compared = compare(counts);
    const n = lineCount(counts) ?? compared.after.n;
    return { ...compared, before: { ...compared.before, n }, after: { ...compared.after, n } };
  });

/** What the result forgot, as the task `retention` measures it: its KL from the base, whose own is zero. */
export function compareKl(kl: readonly RatioItem[], klAtZero: Interval | undefined): Comparison[] {
  if (kl.length === 0) return [];
  const setting = msg`${kl.length} texts of up to ${TEXT_TOKENS.quick} tokens sampled from the base at temperature 1`;
  const measured = { task: 'retention', metric: KL, unit: 'nats/token', better: 'lower' as const, setting };
  const compared = compare({ measured, models: [[kl.map(({ weight }) => ({ sum: 0, weight }))], [kl]] });
  return [{ ...compared, ...(klAtZero && { third: { ...compared.after, ...klAtZero } }) }];
}

/** The metrics of a single model at these items. */
export const measureAtCursors = (
  items: readonly StrengthItem[],
  scores: readonly ItemScore[],
  setting: Text,
): Metric[] =>
  countsAt(items, [scores], setting).map((counts) => {
    const metric = metricOf(counts);
    return { ...metric, n: lineCount(counts) ?? metric.n };
  });

const countsAt = (
  items: readonly StrengthItem[],
  scores: readonly (readonly ItemScore[])[],
  setting: Text,
): Counts[] =>
  items.every(isCursor)
    ? countsOf(
        cursorMeasures.map((measure) => ({ ...measure, task: CURSORS, setting })),
        scores,
        items,
      )
    : [];

/** Each line is an item of this metric. */
const lineCount = ({ measured, models: [first] }: Counts): number | undefined =>
  measured.metric === EXACT_LINES ? first![0]!.reduce((all, { weight }) => all + weight, 0) : undefined;

/** The lines that only one of the two would suggest exactly. Undefined without lines. */
export function changedLines({ items, before, result }: Scored): Places | undefined {
  const tried = items.flatMap((item, at) => {
    if (!isCursor(item)) return [];
    const [was, is] = [before, result].map((scores) => scores[at]!.detail as PredictedLine[]);
    return was!.map((line, index) => ({ item, line, after: is![index]! }));
  });
  if (tried.length === 0) return undefined;
  const count = (exactBefore: boolean, exactAfter: boolean) =>
    tried.filter(({ line, after }) => line.exact === exactBefore && after.exact === exactAfter).length;
  const changed = tried.filter(({ line, after }) => line.exact !== after.exact);
  return {
    shown: changed
      .map(({ item, line, after }) => ({
        file: item.document!,
        line: item.line + line.line,
        prefix: line.line === 0 ? item.typed + line.typed : line.typed,
        actual: line.actual,
        before: line.suggested,
        after: after.suggested,
      }))
      .sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1)),
    tried: tried.length,
    both: count(true, true),
    gained: count(false, true),
    lost: count(true, false),
  };
}

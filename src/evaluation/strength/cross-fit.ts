/**
 * The effect of the chosen strength, measured on files that had no part in choosing it (cross-fitting): for each file,
 * the choice is repeated without it, and the file is measured at that strength. The counts at each strength are known
 * per item, so this takes no further passes. Pure; explained in docs/science.md.
 */
import {
  EXACT_LINES,
  offeredMetrics,
  type Comparison,
  type OfferedMetric,
  type StrengthChoice,
  type StrengthPoint,
  CURSORS,
} from '../../protocol/evaluation.ts';
import { compare } from '../metrics/compare.ts';
import { pairedIntervals } from '../../statistics/intervals.ts';
import type { Interval, RatioItem } from '../../statistics/statistics.ts';
import { bestPoint, chooseStrength, type CursorCounts } from '../../findings/strength-rule.ts';
import type { Text } from '../../text/message.ts';

/** A strength with the counts measured at it. */
export interface CountedPoint extends CursorCounts {
  point: StrengthPoint;
}

/** The metrics of the suggestions that would have been shown; each line is an item. */
function compareOffers(
  pairsFor: (metric: OfferedMetric) => { before: readonly RatioItem[]; after: readonly RatioItem[] },
  setting: Text,
): Comparison[] {
  return offeredMetrics.map((metric) => {
    const { before, after } = pairsFor(metric);
    const measured = { task: CURSORS, metric, unit: '', better: 'higher' as const, setting };
    const compared = compare({ measured, models: [[before], [after]] });
    if (metric !== EXACT_LINES) return compared;
    const n = before.reduce((all, { weight }) => all + weight, 0);
    return { ...compared, before: { ...compared.before, n }, after: { ...compared.after, n } };
  });
}

const fileKey = ({ document }: RatioItem, index: number): string | number => document ?? index;

/**
 * For each file, the best point within the limit according to all other files, which its `learned` covers. An item
 * without a document counts as a file. Empty if nothing is within the limit. `base`: the base's counts of the same
 * items.
 */
function bestWithoutEach(
  base: readonly RatioItem[],
  measured: readonly CountedPoint[],
  limit: number,
): Map<string | number, StrengthPoint> {
  const files = base.map(fileKey);
  const bestPoints = new Map<string | number, StrengthPoint>();
  for (const file of new Set(files)) {
    const others = (items: readonly RatioItem[]) => items.filter((_, index) => files[index] !== file);
    const points = measured.map(({ point, learned }) => ({
      ...point,
      learned: pairedIntervals(others(base), others(learned)).difference,
    }));
    const best = bestPoint(points, limit);
    if (best) bestPoints.set(file, best);
  }
  return bestPoints;
}

/**
 * Chooses a strength among `points` and measures its effect on files that had no part in the choice. Only the strength
 * is chosen again for each file, not whether the result is offered at all: with few files, hardly any decision would
 * survive leaving one out. `measured`: those of the points that were measured on all of the base's items. After a second
 * look, that is one, whose effect is then its own.
 */
export function chooseCrossFitted(
  base: CursorCounts,
  measured: readonly CountedPoint[],
  limit: number,
  {
    setting = '',
    points = measured.map(({ point }) => point),
    klAtZero,
  }: { setting?: Text; points?: StrengthPoint[]; klAtZero?: Interval | undefined } = {},
): Pick<StrengthChoice, 'strength' | 'why' | 'next' | 'learned' | 'offered' | 'without'> {
  const choice = chooseStrength(points, limit, { klAtZero });
  if (choice.strength === 0) return choice;
  const best = bestWithoutEach(base.learned, measured, limit);
  const at = new Map(measured.map((counted) => [counted.point.strength, counted]));
  const pairs = (of: (counted: CursorCounts) => readonly RatioItem[]) => {
    const before = of(base);
    const after = before.map((item, index) => {
      const { strength } = best.get(fileKey(item, index))!;
      return of(at.get(strength)!)[index]!;
    });
    return { before, after };
  };
  const own = pairs((counted) => counted.learned);
  const learned = pairedIntervals(own.before, own.after).difference;
  const offered =
    base.offered && compareOffers((metric) => pairs((counted) => counted.offered![metric]), setting);
  const differing = [...best].flatMap(([file, { strength }]) =>
    typeof file === 'string' && strength !== choice.strength ? [[file, strength] as const] : [],
  );
  const crossFitted = { ...chooseStrength(points, limit, { crossFitted: learned, klAtZero }), learned };
  if (crossFitted.strength === 0) return crossFitted;
  return {
    ...crossFitted,
    ...(offered && { offered }),
    ...(differing.length > 0 && { without: Object.fromEntries(differing) }),
  };
}

/**
 * What a chosen strength brings, measured on files that had no part in choosing it (cross-fitting): for each file the
 * choice is made again without it, and the file is measured at that strength. What was counted at each strength is known
 * by item, so this takes no further passes. Pure; explained in docs/science.md.
 */
import type { StrengthChoice, StrengthPoint } from '../../protocol/evaluation.ts';
import { pairedIntervals } from '../../statistics/intervals.ts';
import type { RatioItem } from '../../statistics/statistics.ts';
import { bestPoint, chooseStrength } from './rule.ts';

/** A strength with what was counted there: bits and bytes of the code at held-out cursors, by item. */
export interface CountedPoint {
  point: StrengthPoint;
  learned: readonly RatioItem[];
}

const fileOf = ({ document }: RatioItem, index: number): string | number => document ?? index;

/**
 * For each file, the best point within the limit by all other files; its `learned` is of those. An item without a
 * document counts as a file. Empty if nothing is within the limit. `base`: the base's counts of the same items.
 */
export function bestWithoutEach(
  base: readonly RatioItem[],
  measured: readonly CountedPoint[],
  limit: number,
): Map<string | number, StrengthPoint> {
  const files = base.map(fileOf);
  const found = new Map<string | number, StrengthPoint>();
  for (const file of new Set(files)) {
    const others = (items: readonly RatioItem[]) => items.filter((_, index) => files[index] !== file);
    const points = measured.map(({ point, learned }) => ({
      ...point,
      learned: pairedIntervals(others(base), others(learned)).difference,
    }));
    const best = bestPoint(points, limit);
    if (best) found.set(file, best);
  }
  return found;
}

/**
 * Chooses a strength, with what it brings on files that had no part in it. Only the strength is chosen again for each
 * file, not whether anything is offered: with few files, hardly any choice would stand without one of them.
 */
export function chooseCrossFitted(
  base: readonly RatioItem[],
  measured: readonly CountedPoint[],
  limit: number,
): Pick<StrengthChoice, 'strength' | 'why' | 'next' | 'learned' | 'without'> {
  const points = measured.map(({ point }) => point);
  const choice = chooseStrength(points, limit);
  if (choice.strength === 0) return choice;
  const best = bestWithoutEach(base, measured, limit);
  const at = new Map(measured.map(({ point, learned }) => [point.strength, learned]));
  const learned = pairedIntervals(
    base,
    base.map((item, index) => at.get(best.get(fileOf(item, index))!.strength)![index]!),
  ).difference;
  const differing = [...best].flatMap(([file, { strength }]) =>
    typeof file === 'string' && strength !== choice.strength ? [[file, strength] as const] : [],
  );
  return {
    ...chooseStrength(points, limit, learned),
    learned,
    ...(differing.length > 0 && { without: Object.fromEntries(differing) }),
  };
}

/** The figures of a side, from the counts of its hunks. Pure. */
import { quantile } from '../serving-load.ts';
import { pairedIntervals } from '../../src/statistics/intervals.ts';
import type { Replayed } from './replay.ts';

export interface Figures {
  /** Shares of the characters and lines that were inserted. */
  charactersSaved: number;
  lineExact: number;
  /** Milliseconds from the last key to a suggestion; null if none was shown. */
  firstLineP50: number | null;
  firstLineP95: number | null;
  requestsPerMinute: number;
  shown: number;
  /** Share of the characters shown that were accepted. */
  shownRight: number;
  accepted: number;
  /** Characters saved, less those of the first side on the same hunks: the difference and its 95% interval. */
  moreSaved?: [number, number, number];
}

export function figuresOf(hunks: readonly Replayed[]): Figures {
  const sum = (of: (hunk: Replayed) => number) => hunks.reduce((total, hunk) => total + of(hunk), 0);
  const waits = hunks.flatMap((hunk) => hunk.waits);
  const wait = (share: number) => (waits.length > 0 ? Math.round(quantile(waits, share)) : null);
  const share = (part: number, whole: number) => (whole > 0 ? rounded(part / whole, 4) : 0);
  return {
    charactersSaved: share(
      sum((hunk) => hunk.saved),
      sum((hunk) => hunk.characters),
    ),
    lineExact: share(
      sum((hunk) => hunk.exact),
      sum((hunk) => hunk.lines),
    ),
    firstLineP50: wait(0.5),
    firstLineP95: wait(0.95),
    requestsPerMinute: rounded(
      (60_000 * sum((hunk) => hunk.requests)) /
        Math.max(
          1,
          sum((hunk) => hunk.duration),
        ),
      1,
    ),
    shown: sum((hunk) => hunk.shown),
    shownRight: share(
      sum((hunk) => hunk.saved),
      sum((hunk) => hunk.shownCharacters),
    ),
    accepted: sum((hunk) => hunk.accepted),
  };
}

/** Of `after` compared with `before`: see Figures. */
export function moreSaved(before: readonly Replayed[], after: readonly Replayed[]): [number, number, number] {
  const items = (hunks: readonly Replayed[]) =>
    hunks.map(({ path, saved, characters }) => ({ sum: saved, weight: characters, document: path }));
  const { difference } = pairedIntervals(items(before), items(after), 'share');
  return [rounded(difference.value, 3), rounded(difference.low, 3), rounded(difference.high, 3)];
}

const rounded = (value: number, digits: number) => Number(value.toFixed(digits));

/** The metrics of a side, and differences between sides, from replayed hunks. Pure. */
import { detectableRise } from '../../src/statistics/detectable.ts';
import { pairedIntervals } from '../../src/statistics/intervals.ts';
import type { Interval } from '../../src/statistics/statistics.ts';
import { quantile } from '../quantiles.ts';
import type { Replayed } from './replay.ts';

/** Seconds are per 100 characters of the change. */
export interface Metrics {
  /** Time saved compared with typing everything: that of characters not typed, minus the cost of suggestions. */
  secondsSaved: number;
  typing: number;
  looking: number;
  taking: number;
  correcting: number;
  /** As a share of the characters of the change. */
  charactersSaved: number;
  shown: number;
  right: number;
  looks: number;
  kept: number;
  reversed: number;
  /** Milliseconds from the last key to a suggestion; null if none was shown. */
  firstLineP50: number | null;
  firstLineP95: number | null;
  requestsPerMinute: number;
}

type Count = { [K in keyof Replayed]: Replayed[K] extends number ? K : never }[keyof Replayed];
const sum = (hunks: readonly Replayed[], count: Count) =>
  hunks.reduce((total, hunk) => total + hunk[count], 0);
const rounded = (value: number, digits: number) => Number(value.toFixed(digits));

/** Converts milliseconds per character to seconds per 100 characters. */
const PER = 100 / 1000;
const savedBy = ({ typing, looking, taking, correcting }: Replayed) =>
  PER * (typing - looking - taking - correcting);

export function metricsOf(hunks: readonly Replayed[]): Metrics {
  const characters = Math.max(1, sum(hunks, 'characters'));
  const seconds = (count: Count) => rounded((PER * sum(hunks, count)) / characters, 3);
  const waits = hunks.flatMap((hunk) => hunk.waits);
  const wait = (share: number) => (waits.length > 0 ? Math.round(quantile(waits, share)) : null);
  const minutes = sum(hunks, 'duration') / 60_000;
  return {
    secondsSaved: rounded(hunks.reduce((total, hunk) => total + savedBy(hunk), 0) / characters, 3),
    typing: seconds('typing'),
    looking: seconds('looking'),
    taking: seconds('taking'),
    correcting: seconds('correcting'),
    charactersSaved: rounded(sum(hunks, 'saved') / characters, 4),
    shown: sum(hunks, 'shown'),
    right: sum(hunks, 'right'),
    looks: sum(hunks, 'looks'),
    kept: sum(hunks, 'kept'),
    reversed: rounded(sum(hunks, 'reversed'), 1),
    firstLineP50: wait(0.5),
    firstLineP95: wait(0.95),
    requestsPerMinute: minutes > 0 ? rounded(sum(hunks, 'requests') / minutes, 1) : 0,
  };
}

/**
 * Seconds per 100 characters that `after` saves more than `before`: a paired difference with its interval over files.
 */
export const savesMore = (before: readonly Replayed[], after: readonly Replayed[]): Interval =>
  differenceOf(savedBy, before, after, 3);

/** The same as a share of the characters. */
export const savesMoreCharacters = (before: readonly Replayed[], after: readonly Replayed[]): Interval =>
  differenceOf(({ saved }) => saved, before, after, 4);

function differenceOf(
  of: (hunk: Replayed) => number,
  before: readonly Replayed[],
  after: readonly Replayed[],
  digits: number,
): Interval {
  const items = (hunks: readonly Replayed[]) =>
    hunks.map((hunk) => ({ sum: of(hunk), weight: hunk.characters, document: hunk.path }));
  const { value, low, high } = pairedIntervals(items(before), items(after), 'number').difference;
  return { value: rounded(value, digits), low: rounded(low, digits), high: rounded(high, digits) };
}

/** The difference that should be detectable, as a share of what the base saves. */
const TWENTIETH = 0.05;

export interface Reach {
  /** Smallest difference detectable with this many hunks in 80% of cases, as a share of what the base saves. */
  smallest: number;
  /** Approximate number of hunks needed to detect a twentieth. */
  hunksForATwentieth: number;
}

/** Undefined if the base saves nothing. */
export function reachOf(difference: Interval, base: number, hunks: number): Reach | undefined {
  if (base <= 0) return undefined;
  const smallest = detectableRise(difference) / base;
  return {
    smallest: rounded(smallest, 3),
    hunksForATwentieth: Math.ceil(hunks * (smallest / TWENTIETH) ** 2),
  };
}

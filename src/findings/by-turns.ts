/**
 * A comparison by turns of a result with the untrained model: who answers when, and what the counts say. Pure; chosen by
 * simulation: docs/science.md, test/unit/findings/by-turns.test.ts.
 */
import type { CountsLine, EndedLine, TurnCounts, TurnLine } from '../protocol/by-turns.ts';
import { turnCountsSchema } from '../protocol/by-turns.ts';
import type { Acceptance } from '../protocol/panel.ts';
import { interval, MIN_DOCUMENTS, type Means } from '../statistics/intervals.ts';
import { mix } from '../statistics/random.ts';
import type { Interval } from '../statistics/statistics.ts';
import { joined, percent, t } from '../text/l10n.ts';

/** Longer turns need more suggestions, because what is written changes from hour to hour. */
export const TURN_MS = 20 * 60_000;
/** Until then, what was accepted in a turn may still be checked. */
const SETTLED_MS = 10 * 60_000;
/** Of a suggestion, no more characters count, so that a few long blocks don't decide. */
export const MOST_CHARACTERS = 40;

export type Side = 'result' | 'untrained';

/** A turn of the comparison with this seed. */
export interface Turn {
  run: string;
  seed: number;
  number: number;
  side: Side;
}

/** The number of the turn at a time (ms since 1970). */
export const turnAt = (time: number): number => Math.floor(time / TURN_MS);

const pairOf = (turn: number) => Math.floor(turn / 2);

/** Who answers in a turn. Each pair of turns has both sides, in an order drawn by chance. */
export const sideOf = (seed: number, turn: number): Side =>
  (mix(seed, pairOf(turn)) ^ turn) & 1 ? 'result' : 'untrained';

export interface Comparison {
  seed: number;
  /** When it began (ISO). */
  at: string;
  /** As many have to be shown before there is a verdict. */
  suggestions: number;
  /** The result's; undefined if it was neither given nor measured. */
  strength?: number | undefined;
  counts: CountsLine[];
  ended?: EndedLine | undefined;
}

/** The comparison of a file's lines; undefined if there is none. */
export function comparisonOf(lines: readonly TurnLine[]): Comparison | undefined {
  const begun = lines.find((line) => line.type === 'begun');
  if (!begun) return undefined;
  const own = lines.filter(({ seed }) => seed === begun.seed);
  return {
    ...begun,
    counts: own.filter((line) => line.type === 'counts'),
    ended: own.find((line) => line.type === 'ended'),
  };
}

const NOTHING = turnCountsSchema.parse({});
const NAMES = Object.keys(NOTHING) as (keyof TurnCounts)[];

/** Sums over lines. */
export const totalOf = (counts: readonly TurnCounts[]): TurnCounts =>
  counts.reduce(
    (sum, line) =>
      Object.fromEntries(NAMES.map((name) => [name, sum[name] + line[name]])) as unknown as TurnCounts,
    NOTHING,
  );

export const countsOf = ({ seed, counts }: Comparison, side: Side): CountsLine[] =>
  counts.filter(({ turn }) => sideOf(seed, turn) === side);

/**
 * How much more of what was written, by hand or by accepting, comes from suggestions and was kept with the result, as a
 * share, with its 95% interval over pairs of turns. Undefined if there is too little to tell.
 */
export function gainOf(comparison: Comparison): Interval | undefined {
  const items = (side: Side) =>
    comparison.counts.map(({ turn, keptCharacters, typed, acceptedCharacters }) => {
      const own = sideOf(comparison.seed, turn) === side ? 1 : 0;
      return {
        sum: own * keptCharacters,
        weight: own * (typed + acceptedCharacters),
        document: String(pairOf(turn)),
      };
    });
  const stratum = [items('untrained'), items('result')];
  const ratio = ([means]: Means) => means![1]! / means![0]!;
  const logs = interval([stratum], (means) => Math.log(ratio(means)));
  if (logs) return { value: Math.expm1(logs.value), low: Math.expm1(logs.low), high: Math.expm1(logs.high) };
  // For a result of which nothing is kept.
  return interval([stratum], (means) => ratio(means) - 1);
}

/** A result that brings less is useless. */
const LEAST_GAIN = 0.1;

/** The verdict, once as many suggestions were shown as was announced; undefined before. `now`: in ms since 1970. */
export function concludedBy(
  comparison: Comparison,
  now: number,
): Pick<EndedLine, 'verdict' | 'gain'> | undefined {
  const going = [turnAt(now), turnAt(now - SETTLED_MS)];
  const counts = comparison.counts.filter(({ turn }) => !going.includes(turn));
  const settled = { ...comparison, counts };
  const shown = counts.filter((line) => line.shown > 0);
  const turns = (side: Side) =>
    new Set(countsOf({ ...settled, counts: shown }, side).map(({ turn }) => turn));
  const isEnough = totalOf(shown).shown >= comparison.suggestions;
  // One side that shows nothing may not work.
  if (!isEnough || turns('result').size < MIN_DOCUMENTS || turns('untrained').size < MIN_DOCUMENTS)
    return undefined;
  const gain = gainOf(settled);
  if (!gain) return { verdict: 'unclear' };
  if (gain.low > 0) return { verdict: 'helps', gain };
  return { verdict: gain.high < LEAST_GAIN ? 'useless' : 'unclear', gain };
}

/** As many kept ones show a difference of a fifth in four of five comparisons. */
const KEPT_NEEDED = 1500;
/** What is assumed of a person of whom less was counted. */
const KNOWN_FROM = 200;
const ASSUMED_SHARE = 0.2;
const SHOWN_AN_HOUR = 30;

/** How many suggestions, and about how many hours of writing code, it takes to see a difference of a fifth. */
export function comparisonSize({ shown, accepted, kept, dropped }: Acceptance) {
  const isCounted = shown >= KNOWN_FROM && kept + dropped > 0;
  const share = isCounted ? (accepted / shown) * (kept / (kept + dropped)) : ASSUMED_SHARE;
  // Others are so rare that they say more about the count than about the person.
  const within = Math.min(0.6, Math.max(0.05, share));
  const suggestions = Math.ceil(KEPT_NEEDED / within / 100) * 100;
  return { suggestions, hours: Math.round(suggestions / SHOWN_AN_HOUR / 10) * 10, share, isCounted };
}

/** What a comparison has found, and what follows. */
export function verdictText({ verdict, gain }: EndedLine, name: string, other: string): string {
  const found = gain
    ? gainSentence(gain, name, other)
    : t('Too little was kept to compare {name}.', { name });
  const follows = {
    helps: t('It stays in use.'),
    unclear: t('That is no difference that can be told from chance, so it stays in use.'),
    useless: t('So {other} completes your code from now on.', { other }),
  };
  return joined([found, verdict ? follows[verdict] : '']);
}

/** "Garden keeps 18% more [6, 31] than Qwen2.5-Coder." */
export function gainSentence({ value, low, high }: Interval, name: string, other: string): string {
  const [least, most] = value < 0 ? [-high, -low] : [low, high];
  const values = {
    name,
    other,
    share: percent(Math.abs(value)),
    // Not "-0".
    low: Math.round(100 * least) || 0,
    high: Math.round(100 * most) || 0,
  };
  return value < 0
    ? t('{name} keeps {share} less [{low}, {high}] than {other}.', values)
    : t('{name} keeps {share} more [{low}, {high}] than {other}.', values);
}

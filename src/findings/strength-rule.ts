/**
 * Which strength of a result is offered: of those that forget no more than the limit, the one that most certainly
 * learned, judged by the upper end of its interval. What training began with counts as strength 0, so the offer is never
 * worse than that. Pure; explained in docs/science.md.
 */
import type { OfferedMetric, StrengthChoice, StrengthPoint, Summary } from '../protocol/evaluation.ts';
import { decimal, isTranslated, joined, t, whole, withPoint } from '../text/l10n.ts';
import { formatDifference } from '../text/units.ts';
import { MIN_DOCUMENTS, pairedIntervals } from '../statistics/intervals.ts';
import { UNNOTICEABLE_GAIN } from './guards.ts';
import type { Interval, RatioItem } from '../statistics/statistics.ts';

/** Counts at held-out cursors, by item; the items are the same for each strength. */
export interface CursorCounts {
  /** Bits and bytes of the code. */
  learned: readonly RatioItem[];
  /** Lines that would have been offered exactly, and characters. Absent if there are no cursors. */
  offered?: Readonly<Record<OfferedMetric, readonly RatioItem[]>>;
}

/** All counts at one strength. */
export interface StrengthCounts extends CursorCounts {
  /** Nats and positions of the base's own texts; empty if there are none. */
  kl: readonly RatioItem[];
  /** Nats and tokens of HumanEval's solutions; empty if they could not be downloaded. */
  solutions: readonly RatioItem[];
}

/** A significant rise of the loss of solutions counts as forgetting only above this many nats per token. */
const SOLUTIONS_SLACK = 0.01;

/** A strength's metrics: what it learned since training began, what it forgot against the base. */
export function strengthPoint(strength: number, before: StrengthCounts, at: StrengthCounts): StrengthPoint {
  const { kl, solutions } = at;
  return {
    strength,
    learned: pairedIntervals(before.learned, at.learned).difference,
    files: new Set(before.learned.map(({ document }, at) => document ?? at)).size,
    ...(kl.length && { kl: pairedIntervals(kl, kl).after }),
    ...(solutions.length && { solutions: pairedIntervals(before.solutions, solutions).difference }),
  };
}

/** The first strength of a LoRA that is measured: default rates are chosen for about half of the change. */
export const FIRST_STRENGTH = 0.5;
/**
 * The strength of the adapter in a run's file. Until one is chosen, the first one, as most results forget too much at 1.
 * If nothing was better than before, the result is not offered, and is in the file as it was trained.
 */
export const strengthInFile = (
  planned: number | 'measured',
  { choice, givenStrength }: Pick<Summary, 'choice' | 'givenStrength'>,
): number =>
  givenStrength ?? (choice ? choice.strength || 1 : planned === 'measured' ? FIRST_STRENGTH : planned);
export const MAX_STRENGTHS = 4;
/** Below this strength, hardly anything that was learned remains. */
const MIN_STRENGTH = 0.1;
/** KL is measured on few texts, and falls a little more slowly than expected. */
const KL_SAFETY = 0.95;

/**
 * The next strength to measure after `points`; undefined when enough is known. `isTimeUp`: continue only until a
 * strength within the limit is found. `klAtZero`: of what training began with.
 */
export function nextStrength(
  points: readonly StrengthPoint[],
  limit: number,
  isTimeUp: boolean,
  klAtZero = 0,
): number | undefined {
  if (points.length >= MAX_STRENGTHS) return undefined;
  const within = points.filter((point) => forgotLittle(point, limit));
  if (points.length > 0 && within.length === 0) return lowerStrength(points, limit, klAtZero);
  if (within.length > 0 && isTimeUp) return undefined;
  // If a strength forgets too much, so do all higher ones.
  const tooStrong = points.filter((point) => !forgotLittle(point, limit)).map(({ strength }) => strength);
  const tooStrongFrom = Math.min(
    ...tooStrong,
    ...within.map((point) => limitReachedAt(point, limit, klAtZero)),
  );
  // A quarter learns less than a half that learned something.
  const others = within.every(({ learned }) => learned.value >= 0) ? [1, 0.75, 0.25] : [1, 0.75];
  return [FIRST_STRENGTH, ...others].find(
    (strength) => strength < tooStrongFrom && !points.some((point) => point.strength === strength),
  );
}

/**
 * A strength at which the KL is bound to reach the limit. KL rises at least in proportion to the strength, so it lies
 * above the line through its values at 0 and at this point.
 */
const limitReachedAt = ({ strength, kl }: StrengthPoint, limit: number, klAtZero: number): number =>
  kl && kl.value > klAtZero ? (strength * (limit - klAtZero)) / (kl.value - klAtZero) : Infinity;

/**
 * The strength, below all of these, that is expected to stay just within the limit. From the base, KL grows with the
 * square of the strength; from an adapter, which has a KL itself, at most in proportion.
 */
function lowerStrength(
  points: readonly StrengthPoint[],
  limit: number,
  klAtZero: number,
): number | undefined {
  if (klAtZero >= KL_SAFETY * limit) return undefined;
  const { strength, kl } = points.toSorted((a, b) => a.strength - b.strength)[0]!;
  const left = kl && (KL_SAFETY * limit - klAtZero) / (kl.value - klAtZero);
  const share = kl && kl.value > limit ? (klAtZero > 0 ? left! : Math.sqrt(left!)) : 0.5;
  const next = Math.floor(20 * strength * share) / 20;
  return next >= MIN_STRENGTH ? next : undefined;
}

/**
 * Whether only the limit on forgetting keeps a stronger change from being used. Then longer training, which changes more
 * as well, gains little (docs/experiments.md).
 */
export function isLimitedByForgetting({
  path,
  limit,
  klAtZero,
}: Pick<StrengthChoice, 'path' | 'limit' | 'klAtZero'>): boolean {
  const best = bestPoint(path, limit);
  if (!best || best.learned.value >= 0 || best.strength === 1) return false;
  const stronger = path.filter(({ strength }) => strength > best.strength);
  if (stronger.some((point) => forgotLittle(point, limit))) return false;
  if (stronger.length > 0) return stronger.some(({ learned }) => learned.value < best.learned.value);
  const next = nextStrength(path, limit, false, klAtZero?.value);
  return next === undefined || next < best.strength;
}

/** Whether that bounds what a run offers; not if its strength was set by hand. */
export const isLimited = (summary: Pick<Summary, 'choice' | 'givenStrength'> | undefined): boolean =>
  summary?.choice !== undefined &&
  summary.givenStrength === undefined &&
  isLimitedByForgetting(summary.choice);

export const longerGainsLittle = (): string =>
  t('Longer training would gain little, because the limit on forgetting is reached.');

type Decision = Pick<StrengthChoice, 'strength' | 'why' | 'next'>;

/** The choice with its reasons in the editor's language. They are recomputed, because files are in English. */
export function choiceIn(choice: StrengthChoice): StrengthChoice {
  if (!isTranslated()) return choice;
  const { path, limit, learned: crossFitted, klAtZero } = choice;
  const newChoice = chooseStrength(path, limit, { crossFitted, klAtZero });
  // An earlier version may have made a different choice.
  return newChoice.strength === choice.strength ? { ...choice, ...newChoice } : choice;
}

/**
 * The strength within the limit that most certainly learned. Compares the ends of intervals and not their centres, so
 * that an imprecise measurement does not win by chance. Undefined if none is within the limit.
 */
export const bestPoint = (points: readonly StrengthPoint[], limit: number): StrengthPoint | undefined =>
  points.filter((point) => forgotLittle(point, limit)).toSorted((a, b) => a.learned.high - b.learned.high)[0];

/**
 * Chooses the strength to offer from `points`, in any order; 0 if none is better than what training began with.
 * `crossFitted`: the gain on files that were not used for choosing, which is reported instead of the biased one. If it
 * rules out a noticeable gain, nothing is chosen. `klAtZero`: of what training began with.
 */
export function chooseStrength(
  points: readonly StrengthPoint[],
  limit: number,
  { crossFitted, klAtZero }: { crossFitted?: Interval | undefined; klAtZero?: Interval | undefined } = {},
): Decision {
  const { files = MIN_DOCUMENTS } = points[0]!;
  if (files < MIN_DOCUMENTS)
    return {
      strength: 0,
      why: t('too few files were measured to show whether it is better: {count}', { count: whole(files) }),
      next: t('Choose a folder with more files of code.'),
    };
  const best = bestPoint(points, limit);
  const ruledOut = crossFitted && crossFitted.high >= 0 && crossFitted.low > -UNNOTICEABLE_GAIN;
  if (best && best.learned.high < 0 && !ruledOut)
    return { strength: best.strength, why: reasonFor(best, points, limit, crossFitted) };
  const strongest = points.toSorted((a, b) => b.strength - a.strength)[0]!;
  const lost = ruledOut ? undefined : points.find(({ learned }) => learned.high < 0);
  if (lost)
    return {
      strength: 0,
      why: t(
        'what it learned made it forget too much of what the base knew: {forgot} at strength {strength}',
        { forgot: forgot(lost), strength: withPoint(String(lost.strength)) },
      ),
      next: t('A lower learning rate or replay forgets less.'),
    };
  return {
    strength: 0,
    why: t('it predicts held-out text no better than before, as far as can be measured: {learned}', {
      learned: learned(crossFitted ?? (best ?? strongest).learned),
    }),
    next: !best
      ? t('A lower learning rate or replay forgets less.')
      : isLimitedByForgetting({ path: [...points], limit, klAtZero })
        ? joined([t('More code to learn from may help.'), longerGainsLittle()])
        : t('Longer training, or more code to learn from, may help.'),
  };
}

const forgotLittle = ({ kl, solutions }: StrengthPoint, limit: number): boolean =>
  (!kl || kl.value <= limit) && !(solutions && solutions.low > 0 && solutions.value > SOLUTIONS_SLACK);

function reasonFor(
  best: StrengthPoint,
  points: readonly StrengthPoint[],
  limit: number,
  crossFitted = best.learned,
): string {
  const seemsBetter = points.filter(({ learned }) => learned.value < best.learned.value);
  const values = {
    strength: withPoint(String(best.strength)),
    learned: learned(crossFitted),
    forgot: forgot(best),
  };
  if (seemsBetter.some((point) => forgotLittle(point, limit)))
    return t('at strength {strength} the gain is most certain: {learned}, {forgot}', values);
  const why = t('at strength {strength} it learned most: {learned}, {forgot}', values);
  const stronger = points.filter(({ strength }) => strength > best.strength);
  if (stronger.length === 0) return why;
  return stronger.some((point) => seemsBetter.includes(point))
    ? t('{why}; at higher strengths it forgets more than the limit of {limit}', {
        why,
        limit: withPoint(String(limit)),
      })
    : t('{why}; at higher strengths it learned no more', { why });
}

const learned = ({ value, low, high }: Interval) =>
  t('{change} bits per byte [{low}, {high}] on held-out text', {
    change: formatDifference(value),
    low: formatDifference(low),
    high: formatDifference(high),
  });
const forgot = ({ kl, solutions }: StrengthPoint) =>
  [
    kl ? t('KL from base {kl} nats per token', { kl: decimal(kl.value, 3) }) : '',
    solutions
      ? t("loss of HumanEval's solutions {change}", { change: formatDifference(solutions.value) })
      : '',
  ]
    .filter(Boolean)
    .join(t(', ')) || t('forgetting was not measured');

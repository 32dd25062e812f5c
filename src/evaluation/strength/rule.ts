/**
 * Which strength of a result is offered: the one that learned most on held-out code among those that forgot no more
 * than the limit. The base counts as strength 0, so that nobody gets a worse model. Pure; explained in docs/science.md.
 */
import type { StrengthChoice, StrengthPoint } from '../../protocol/evaluation.ts';
import { decimal, isTranslated, t, withPoint } from '../../protocol/l10n.ts';
import { formatDifference } from '../../protocol/units.ts';
import { pairedIntervals } from '../../statistics/intervals.ts';
import type { Interval, RatioItem } from '../../statistics/statistics.ts';

/** What was counted at one strength, by item; the items are the same at each strength. */
export interface StrengthCounts {
  /** Bits and bytes of the code at held-out cursors. */
  learned: readonly RatioItem[];
  /** Nats and positions of the base's own texts; empty if there are none. */
  kl: readonly RatioItem[];
  /** Nats and tokens of HumanEval's solutions; empty if they could not be downloaded. */
  solutions: readonly RatioItem[];
}

/** A significant rise of the loss of solutions counts as forgetting only above this many nats per token. */
const SOLUTIONS_SLACK = 0.01;
/**
 * With fewer documents, Student's t interval is too wide to show any gain; each cursor then counts as its own document.
 */
const FEW_DOCUMENTS = 4;

/** A strength's figures compared with the base's. */
export function pointOf(strength: number, base: StrengthCounts, at: StrengthCounts): StrengthPoint {
  const apart = new Set(base.learned.map(({ document }) => document)).size < FEW_DOCUMENTS;
  const own = (parts: readonly RatioItem[]) =>
    apart ? parts.map(({ sum, weight }) => ({ sum, weight })) : parts;
  const { kl, solutions } = at;
  return {
    strength,
    learned: pairedIntervals(own(base.learned), own(at.learned)).difference,
    ...(kl.length && { kl: pairedIntervals(kl, kl).after }),
    ...(solutions.length && { solutions: pairedIntervals(base.solutions, solutions).difference }),
  };
}

/** Strengths that are measured first; fewer only where one within the limit is found and the time is over. */
export const LEAST = 2;
/** The most strengths that are measured. */
export const MOST = 4;
/** Below this strength, hardly anything that was learned is left. */
const WEAKEST = 0.1;
/** KL is measured on few texts, and falls a little more slowly than expected. */
const MARGIN = 0.95;

/**
 * The strength to measure after `points`; undefined when enough is known. `late`: the time is over, so it only goes on
 * until one strength within the limit is found.
 */
export function nextStrength(
  points: readonly StrengthPoint[],
  limit: number,
  late: boolean,
): number | undefined {
  if (points.length >= MOST) return undefined;
  const within = points.some((point) => forgotLittle(point, limit));
  if (within && late) return undefined;
  if (!within && points.length >= LEAST) return weaker(points, limit);
  // If a strength forgets too much, so do all higher ones.
  const tooStrong = points.filter((point) => !forgotLittle(point, limit)).map(({ strength }) => strength);
  const below = points.length < LEAST ? Infinity : Math.min(...tooStrong);
  return [1, 0.5, 0.75, 0.25].find(
    (strength) => strength < below && !points.some((point) => point.strength === strength),
  );
}

/**
 * The strength below all of these that is expected to forget just less than the limit: KL grows with the square of the
 * strength.
 */
function weaker(points: readonly StrengthPoint[], limit: number): number | undefined {
  const { strength, kl } = points.toSorted((a, b) => a.strength - b.strength)[0]!;
  const share = kl && kl.value > limit ? Math.sqrt((MARGIN * limit) / kl.value) : 0.5;
  const next = Math.floor(20 * strength * share) / 20;
  return next >= WEAKEST ? next : undefined;
}

type Decision = Pick<StrengthChoice, 'strength' | 'why' | 'next'>;

/** The choice with its reasons in the language of the editor: made again, since files are in English. */
export function choiceIn(choice: StrengthChoice): StrengthChoice {
  if (!isTranslated()) return choice;
  const again = chooseStrength(choice.path, choice.limit);
  // An earlier version may have chosen otherwise.
  return again.strength === choice.strength ? { ...choice, ...again } : choice;
}

/** Chooses the strength to offer from these, in any order; 0 if none is better than the base. */
export function chooseStrength(points: readonly StrengthPoint[], limit: number): Decision {
  const within = points.filter((point) => forgotLittle(point, limit));
  const best = within.toSorted((a, b) => a.learned.value - b.learned.value)[0];
  if (best && best.learned.high < 0) return { strength: best.strength, why: whyThis(best, points, limit) };
  const strongest = points.toSorted((a, b) => b.strength - a.strength)[0]!;
  const lost = points.find(({ learned }) => learned.high < 0);
  if (lost)
    return {
      strength: 0,
      why: t(
        'what it learned of this code made it forget too much of what the base knew: {forgot} at strength {strength}',
        { forgot: forgot(lost), strength: withPoint(String(lost.strength)) },
      ),
      next: t('A lower learning rate or replay forgets less.'),
    };
  return {
    strength: 0,
    why: t('it predicts held-out code no better than the base, as far as can be measured: {learned}', {
      learned: learned((best ?? strongest).learned),
    }),
    next: t('Longer training, or more code to learn from, may help.'),
  };
}

const forgotLittle = ({ kl, solutions }: StrengthPoint, limit: number): boolean =>
  (!kl || kl.value <= limit) && !(solutions && solutions.low > 0 && solutions.value > SOLUTIONS_SLACK);

function whyThis(best: StrengthPoint, points: readonly StrengthPoint[], limit: number): string {
  const stronger = points.filter(({ strength }) => strength > best.strength);
  const costly = stronger.some((point) => point.learned.value < best.learned.value);
  const why = t('at strength {strength} it learned most: {learned}, {forgot}', {
    strength: withPoint(String(best.strength)),
    learned: learned(best.learned),
    forgot: forgot(best),
  });
  if (stronger.length === 0) return why;
  return costly
    ? t('{why}; at higher strengths it forgets more than the limit of {limit}', {
        why,
        limit: withPoint(String(limit)),
      })
    : t('{why}; at higher strengths it learned no more', { why });
}

const learned = ({ value, low, high }: Interval) =>
  t('{change} bits per byte [{low}, {high}] on held-out code', {
    change: formatDifference(value),
    low: formatDifference(low),
    high: formatDifference(high),
  });
const forgot = ({ kl, solutions }: StrengthPoint) =>
  [
    kl ? t('KL from the base {kl} nats per token', { kl: decimal(kl.value, 3) }) : '',
    solutions
      ? t("loss of HumanEval's solutions {change}", { change: formatDifference(solutions.value) })
      : '',
  ]
    .filter(Boolean)
    .join(t(', ')) || t('forgetting was not measured');

/**
 * At which strength a result is offered, if at all. Forgetting is measured first: of the strengths that forget no more
 * than the limit, by the upper end of the KL's interval, the one with the best mean at held-out cursors is chosen. Then
 * there are three outcomes (`decide`). What training began with counts as strength 0, so the offer is never worse than
 * that. Pure; explained in docs/science.md.
 */
import type { StrengthChoice, StrengthPoint, Summary } from '../protocol/evaluation.ts';
import { decimal, isTranslated, t, whole, withPoint } from '../text/l10n.ts';
import { formatDifference } from '../text/units.ts';
import { MIN_DOCUMENTS, pairedIntervals } from '../statistics/intervals.ts';
import type { Interval, RatioItem } from '../statistics/statistics.ts';

/** A significant rise of the loss of solutions counts as forgetting only above this many nats per token. */
const SOLUTIONS_SLACK = 0.01;

/** Counts by item; each is empty if it was not measured. */
export interface StrengthCounts {
  /** Bits and bytes of the code at held-out cursors. */
  learned: readonly RatioItem[];
  /** Nats and tokens of HumanEval's solutions. */
  solutions: readonly RatioItem[];
  /** Nats and positions of the base's own texts. */
  kl: readonly RatioItem[];
}

/** A strength's metrics: what it learned since training began (`before`), what it forgot against the base. */
export function strengthPoint(
  strength: number,
  { before, at }: { before: Omit<StrengthCounts, 'kl'>; at: StrengthCounts },
): StrengthPoint {
  const { learned, kl, solutions } = at;
  return {
    strength,
    ...(learned.length && {
      learned: pairedIntervals(before.learned, learned).difference,
      places: learned.length,
      files: new Set(before.learned.map(({ document }, at) => document ?? at)).size,
    }),
    ...(kl.length && { kl: pairedIntervals(kl, kl).after }),
    ...(solutions.length && { solutions: pairedIntervals(before.solutions, solutions).difference }),
  };
}

/** The first strength of a LoRA that is measured: default rates are chosen for about half of the change. */
const FIRST_STRENGTH = 0.5;
/**
 * The strength of the adapter in a run's file. Until one is chosen, the first one, as most results forget too much at 1.
 * If nothing was better than before, the result is not offered, and is in the file as it was trained.
 */
export const strengthInFile = (
  planned: number | 'measured',
  { choice, givenStrength }: Pick<Summary, 'choice' | 'givenStrength'>,
): number =>
  givenStrength ?? (choice ? choice.strength || 1 : planned === 'measured' ? FIRST_STRENGTH : planned);

/** Strengths whose forgetting is measured, at most. */
const MAX_STRENGTHS = 4;
/** Below this strength, hardly anything that was learned remains. */
const MIN_STRENGTH = 0.1;
/** The KL falls a little more slowly than expected. */
const KL_SAFETY = 0.95;

/** Whether a strength forgot no more than the limit, also by the upper end of the KL's interval. */
export const forgotLittle = (
  { kl, solutions }: Pick<StrengthPoint, 'kl' | 'solutions'>,
  limit: number,
): boolean =>
  (!kl || kl.high <= limit) && !(solutions && solutions.low > 0 && solutions.value > SOLUTIONS_SLACK);

/**
 * The next strength whose forgetting is to be measured after `points`; undefined when enough is known. `klAtZero`: of
 * what training began with.
 */
export function nextStrength(
  points: readonly StrengthPoint[],
  limit: number,
  klAtZero: Pick<Interval, 'high'> = { high: 0 },
): number | undefined {
  if (points.length === 0) return FIRST_STRENGTH;
  if (points.length >= MAX_STRENGTHS) return undefined;
  const within = points.filter((point) => forgotLittle(point, limit));
  if (within.length === 0) return lowerStrength(points, limit, klAtZero.high);
  // If a strength forgets too much, so do all higher ones.
  const tooStrongFrom = Math.min(
    ...points.filter((point) => !forgotLittle(point, limit)).map(({ strength }) => strength),
    ...within.map((point) => limitReachedAt(point, limit, klAtZero.high)),
  );
  const strongest = Math.max(...within.map(({ strength }) => strength));
  return [1, 0.75].find((strength) => strength > strongest && strength < tooStrongFrom);
}

/**
 * A strength at which the KL's upper end is expected to reach the limit. KL rises at least in proportion to the strength,
 * so it lies above the line through 0 and this point.
 */
const limitReachedAt = ({ strength, kl }: StrengthPoint, limit: number, klAtZero: number): number =>
  kl && kl.high > klAtZero ? (strength * (limit - klAtZero)) / (kl.high - klAtZero) : Infinity;

/**
 * The strength, below all of these, that is expected to stay just within the limit, by the upper ends. From the base, KL
 * grows with the square of the strength; from an adapter, which has a KL itself, at most in proportion.
 */
function lowerStrength(
  points: readonly StrengthPoint[],
  limit: number,
  klAtZero: number,
): number | undefined {
  if (klAtZero >= KL_SAFETY * limit) return undefined;
  const { strength, kl } = points.toSorted((a, b) => a.strength - b.strength)[0]!;
  const left = kl && (KL_SAFETY * limit - klAtZero) / (kl.high - klAtZero);
  const share = kl && kl.high > limit ? (klAtZero > 0 ? left! : Math.sqrt(left!)) : 0.5;
  const next = Math.floor(20 * strength * share) / 20;
  return next >= MIN_STRENGTH ? next : undefined;
}

/** The strengths that are compared at cursors: of those within the limit, the two strongest. */
export const candidates = (points: readonly StrengthPoint[], limit: number): StrengthPoint[] =>
  points
    .filter((point) => forgotLittle(point, limit))
    .toSorted((a, b) => b.strength - a.strength)
    .slice(0, 2);

/**
 * Of the strengths within the limit that were measured at the most places, the one that learned most, by the mean.
 * Undefined if none was.
 */
export const bestPoint = (points: readonly StrengthPoint[], limit: number): StrengthPoint | undefined =>
  points
    .filter((point) => point.learned && forgotLittle(point, limit))
    .toSorted((a, b) => b.places! - a.places! || a.learned!.value - b.learned!.value)[0];

/** Whether more places may decide: a gain is seen, but its interval reaches zero. */
export const isOpen = ({ learned, files = 0 }: StrengthPoint): boolean =>
  learned !== undefined && learned.value < 0 && learned.high >= 0 && files >= MIN_DOCUMENTS;

/** Places that may show a gain at all. */
const MIN_PLACES = 8;
/** A gain that would need more than this many times the places is not called one. */
const MOST_NEEDED = 4;

interface Measured {
  path: readonly StrengthPoint[];
  /** Of the KL, in nats per token. */
  limit: number;
  /** The held-out code has no further places. */
  isAll: boolean;
}

type Decision = Pick<StrengthChoice, 'decided' | 'strength' | 'needed'>;

/** Whether the result is offered, and at which strength. `strength` is 0 unless it is better. */
export function decide({ path, limit, isAll }: Measured): Decision {
  const best = bestPoint(path, limit);
  if (!best?.learned) return { decided: 'not better', strength: 0 };
  const { learned, places = 0, files = MIN_DOCUMENTS } = best;
  if (files < MIN_DOCUMENTS || places < MIN_PLACES) {
    const needed = Math.max(MIN_PLACES, Math.ceil((places * MIN_DOCUMENTS) / Math.max(1, files)));
    return { decided: 'too little code', strength: 0, needed };
  }
  if (learned.high < 0) return { decided: 'better', strength: best.strength };
  const needed = Math.ceil(places * ((learned.high - learned.value) / learned.value) ** 2);
  return isAll && learned.value < 0 && needed <= MOST_NEEDED * places
    ? { decided: 'too little code', strength: 0, needed }
    : { decided: 'not better', strength: 0 };
}

/** Why it was decided so, as a clause, and what to try if it is not better. In the reader's language. */
export function reasonsOf({
  decided,
  strength,
  path,
  limit,
  needed,
}: Pick<StrengthChoice, 'decided' | 'strength' | 'path' | 'limit' | 'needed'>): Pick<
  StrengthChoice,
  'why' | 'next'
> {
  const best = bestPoint(path, limit);
  switch (decided) {
    case 'better':
      // Runs of earlier versions may have chosen another one.
      return {
        why: t('at strength {strength} it learned most: {learned}, {forgot}', {
          strength: withPoint(String(strength)),
          ...describe(path.find((point) => point.strength === strength) ?? best!),
        }),
      };
    case 'too little code':
      return {
        why:
          (best?.files ?? MIN_DOCUMENTS) < MIN_DOCUMENTS
            ? t('there is not enough of your code to tell (held-out files: {files}; needed: {needed})', {
                files: whole(best!.files!),
                needed: whole(MIN_DOCUMENTS),
              })
            : t('there is not enough of your code to tell (places: {places}; needed: {needed})', {
                places: whole(best?.places ?? 0),
                needed: whole(needed!),
              }),
        next: t('Choose a folder with more files of code.'),
      };
    case 'not better': {
      if (best?.learned)
        return {
          why:
            best.learned.low > 0
              ? t('it predicts held-out text worse: {learned}', { learned: learned(best.learned) })
              : t('it predicts held-out text no better, as far as can be measured: {learned}', {
                  learned: learned(best.learned),
                }),
          next: t('More code to learn from may help.'),
        };
      const weakest = path.toSorted((a, b) => a.strength - b.strength)[0];
      return {
        why: weakest
          ? t(
              'what it learned made it forget too much of what the base knew: {forgot} at strength {strength}',
              {
                forgot: forgot(weakest),
                strength: withPoint(String(weakest.strength)),
              },
            )
          : t('nothing could be measured'),
        next: t('A lower learning rate or replay forgets less.'),
      };
    }
  }
}

/** The choice with its reasons in the editor's language. They are recomputed, because files are in English. */
export const choiceIn = (choice: StrengthChoice): StrengthChoice =>
  isTranslated() ? { ...choice, ...reasonsOf(choice) } : choice;

const describe = (point: StrengthPoint) => ({
  learned: point.learned ? learned(point.learned) : '',
  forgot: forgot(point),
});

const learned = ({ value, low, high }: Interval) =>
  t('{change} bits per byte [{low}, {high}] on held-out text', {
    change: formatDifference(value),
    low: formatDifference(low),
    high: formatDifference(high),
  });
const forgot = ({ kl, solutions }: StrengthPoint) =>
  [
    kl
      ? t('KL from base {kl} nats per token (at most {high})', {
          kl: decimal(kl.value, 3),
          high: decimal(kl.high, 3),
        })
      : '',
    solutions
      ? t("loss of HumanEval's solutions {change}", { change: formatDifference(solutions.value) })
      : '',
  ]
    .filter(Boolean)
    .join(t(', ')) || t('forgetting was not measured');

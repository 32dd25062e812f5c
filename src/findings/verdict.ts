/**
 * Whether a result is a better model than what training began with, in words: the first thing shown at the end of a
 * run, in the panel and on the command line. Pure; explained in docs/science.md.
 */
import { findComparison, measuredHere, type StrengthPoint, type Summary } from '../protocol/evaluation.ts';
import { joined, t, tKnown, whole } from '../text/l10n.ts';
import { formatDifferenceInterval } from '../text/units.ts';
import { MIN_DOCUMENTS } from '../statistics/intervals.ts';
import type { Interval } from '../statistics/statistics.ts';
import { guardedMetrics, isBetter, isWorse, UNNOTICEABLE_GAIN } from './guards.ts';
import { codeOfAge, lossSince, whyNotOffered } from './offer.ts';
import { showsLearning } from './task-facts.ts';

/** `same`: no better, and a noticeable gain is ruled out. `unknown`: nothing was measured, or too little to tell. */
type VerdictKind = 'better' | 'same' | 'worse' | 'unknown';

export interface Verdict {
  kind: VerdictKind;
  /** A clause without numbers. */
  why: string;
  /** What it is worse than, if not than the model before training. */
  than?: string;
  /** The gain that "better" rests on where no metric of the result shows it. */
  basis?: Basis;
}

/** The gain measured for choosing the strength. */
export interface Basis {
  /** Bits per byte of held-out text, minus those before training. */
  learned: Interval;
  /** How many files contain the cursors; undefined in runs of earlier versions. */
  files: number | undefined;
  /** Whether the strength was chosen by this very figure. */
  isChosenBy: boolean;
}

type VerdictMetrics = Pick<
  Summary,
  'choice' | 'comparisons' | 'givenStrength' | 'stated' | 'served' | 'refused'
>;

/** @param summary undefined if the result was never measured. Metrics stated only by its publisher don't count. */
export function verdictOf(summary: VerdictMetrics | undefined): Verdict {
  if (!summary) return { kind: 'unknown', why: t('it has not been measured yet') };
  if (summary.served?.ok === false)
    return {
      kind: 'worse',
      why: t('the model that would complete your code is not the one that was trained'),
    };
  const comparisons = measuredHere(summary);
  const guardedOnes = guardedMetrics(comparisons);
  const worse = guardedOnes.find(isWorse);
  if (worse)
    return {
      kind: 'worse',
      ...(!showsLearning(worse.guard.task) && { than: t('the base') }),
      why: tKnown(worse.guard.worse),
    };
  const { choice, givenStrength } = summary;
  const lost = lossSince(comparisons);
  if (lost)
    return {
      kind: 'worse',
      than: t('the run that it continues'),
      why: t('{what} is predicted worse', { what: codeOfAge(lost) }),
    };
  const at = givenStrength ?? choice?.strength;
  // The intervals of fewer files show nothing, as when the strength is chosen.
  const path = choice?.path.filter(({ files = MIN_DOCUMENTS }) => files >= MIN_DOCUMENTS) ?? [];
  const used = path.find(({ strength }) => strength === at);
  const refused = whyNotOffered({ ...summary, comparisons }) !== undefined;
  const windows = findComparison(comparisons, 'workspace', 'bits per byte');
  const bits = windows?.difference;
  const unbiased = givenStrength === undefined ? choice?.learned : undefined;
  // The metrics used for choosing the strength are biased, so they count only if nothing else was measured.
  const atCursors = unbiased ?? (bits ? undefined : used?.learned);
  const better = { kind: 'better', why: t('it predicts the files kept out of training better') } as const;
  if (!refused && windows && isBetter(windows)) return better;
  const gain = guardedOnes.find(({ guard, comparison }) => guard.gained && isBetter(comparison));
  if (!refused && atCursors && atCursors.high < 0) {
    const isChosenBy = givenStrength === undefined && atCursors !== choice?.learned;
    return gain ? better : { ...better, basis: { learned: atCursors, files: used?.files, isChosenBy } };
  }
  if (!refused && gain) return { kind: 'better', why: tKnown(gain.guard.gained!) };
  const learned = refused ? (used ?? bestOf(path))?.learned : used?.learned;
  return withoutGain(unbiased ?? (refused && choice ? learned : (bits ?? learned)));
}

const bestOf = (path: readonly StrengthPoint[]): StrengthPoint | undefined =>
  path.toSorted((a, b) => a.learned.value - b.learned.value)[0];

/** The verdict on a result that is not better. `learned`: bits per byte of held-out text minus those before training. */
function withoutGain(learned: Interval | undefined): Verdict {
  if (learned && learned.high < 0)
    return {
      kind: 'worse',
      why: t('it learned your files, but forgot too much of what the base could do'),
    };
  if (learned && learned.low > 0)
    return {
      kind: 'worse',
      why: t('it predicts the files kept out of training worse'),
    };
  if (learned && learned.low > -UNNOTICEABLE_GAIN)
    return {
      kind: 'same',
      why: t('it predicts the files kept out of training no better'),
    };
  return { kind: 'unknown', why: t('too little was measured to see a difference') };
}

/** The figure that "better" rests on, if the table of metrics does not show it; else "". */
export function basisIn({ basis }: Verdict): string {
  if (!basis) return '';
  const difference = formatDifferenceInterval(basis.learned);
  return joined([
    basis.files === undefined
      ? t('This rests on one figure: {difference} bits per byte of held-out text.', { difference })
      : t('This rests on one figure: {difference} bits per byte of held-out text (files: {files}).', {
          difference,
          files: whole(basis.files),
        }),
    basis.isChosenBy ? t('The strength was chosen by it, so it looks a little better than it is.') : '',
  ]);
}

/**
 * "Better than before: it predicts ....". `compared`: the name of what it was compared with, if another model completes
 * the user's code.
 */
export function verdictIn({ kind, why, than }: Verdict, compared?: string): string {
  const before = than ?? compared;
  if (before !== undefined) return verdictOn(before, { kind, why });
  switch (kind) {
    case 'better':
      return t('Better than before: {why}.', { why });
    case 'same':
      return t('No better than before: {why}.', { why });
    case 'worse':
      return t('Worse than before: {why}.', { why });
    case 'unknown':
      return t('It is unclear whether it is better than before: {why}.', { why });
  }
}

function verdictOn(before: string, { kind, why }: Verdict): string {
  switch (kind) {
    case 'better':
      return t('Better than {before} was: {why}.', { before, why });
    case 'same':
      return t('No better than {before} was: {why}.', { before, why });
    case 'worse':
      return t('Worse than {before} was: {why}.', { before, why });
    case 'unknown':
      return t('It is unclear whether it is better than {before} was: {why}.', { before, why });
  }
}

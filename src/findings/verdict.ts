/**
 * Whether a result is a better model than what training began with, in words: the first thing shown at the end of a
 * run, in the panel and on the command line. Pure; explained in docs/science.md.
 */
import { findComparison, measuredHere, type Outcome, type Summary } from '../protocol/evaluation.ts';
import { t, tKnown } from '../text/l10n.ts';
import { guardedMetrics, isBetter, isWorse } from './guards.ts';
import { codeOfAge, lossSince, whyNotOffered } from './offer.ts';
import { choiceIn } from './strength-rule.ts';
import { showsLearning } from './task-facts.ts';

/** The outcomes of a run (protocol/evaluation.ts), or that nothing was measured that could tell. */
type VerdictKind = Outcome | 'not measured';

export interface Verdict {
  kind: VerdictKind;
  /** A clause without numbers. */
  why: string;
  /** What it is worse than, if not than the model before training. */
  than?: string;
}

type VerdictMetrics = Pick<
  Summary,
  'choice' | 'comparisons' | 'givenStrength' | 'stated' | 'served' | 'refused'
>;

/** @param summary undefined if the result was never measured. Metrics stated only by its publisher don't count. */
export function verdictOf(summary: VerdictMetrics | undefined): Verdict {
  if (!summary) return { kind: 'not measured', why: t('it has not been measured yet') };
  if (summary.served?.ok === false)
    return {
      kind: 'not better',
      why: t('the model that would complete your code is not the one that was trained'),
    };
  const comparisons = measuredHere(summary);
  const guarded = guardedMetrics(comparisons);
  const worse = guarded.find(isWorse);
  if (worse)
    return {
      kind: 'not better',
      ...(!showsLearning(worse.guard.task) && { than: t('the base') }),
      why: tKnown(worse.guard.worse),
    };
  const lost = lossSince(comparisons);
  if (lost)
    return {
      kind: 'not better',
      than: t('the run that it continues'),
      why: t('{what} is predicted worse', { what: codeOfAge(lost) }),
    };
  const { choice, givenStrength } = summary;
  if (givenStrength === undefined && choice && choice.decided !== 'better')
    return { kind: choice.decided, why: choiceIn(choice).why };
  const refused = whyNotOffered({ ...summary, comparisons }) !== undefined;
  const atStrength = choice?.path.find(({ strength }) => strength === (givenStrength ?? choice.strength));
  const windows = findComparison(comparisons, 'workspace', 'bits per byte');
  const learned = atStrength?.learned ?? windows?.difference;
  const isGain = (learned && learned.high < 0) || (windows && isBetter(windows));
  if (!refused && isGain)
    return { kind: 'better', why: t('it predicts the files kept out of training better') };
  const gain = guarded.find(({ guard, comparison }) => guard.gained && isBetter(comparison));
  if (!refused && gain) return { kind: 'better', why: tKnown(gain.guard.gained!) };
  if (!learned) return { kind: 'not measured', why: t('too little was measured to see a difference') };
  return { kind: 'not better', why: t('it predicts the files kept out of training no better') };
}

/**
 * "Better than before: it predicts ....". `compared`: the name of what it was compared with, if another model completes
 * the user's code.
 */
export function verdictIn({ kind, why, than }: Verdict, compared?: string): string {
  const before = than ?? compared;
  switch (kind) {
    case 'better':
      return before === undefined
        ? t('Better than before: {why}.', { why })
        : t('Better than {before} was: {why}.', { before, why });
    case 'not better':
      return before === undefined
        ? t('No better than before: {why}.', { why })
        : t('No better than {before} was: {why}.', { before, why });
    case 'too little code':
      return t('Nothing can be said: {why}.', { why });
    case 'not measured':
      return t('Not known to be better: {why}.', { why });
  }
}

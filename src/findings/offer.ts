/**
 * Whether a result is offered for completion, judged by all its metrics: never if it is worse than what training began
 * with, or has lost abilities of the base. Pure.
 */
import { UserError } from '../text/errors.ts';
import type { Comparison, StrengthChoice, Summary } from '../protocol/evaluation.ts';
import { choiceIn } from './strength-rule.ts';
import { decimal, t, tKnown, withPoint } from '../text/l10n.ts';
import type { RunSnapshot } from '../protocol/panel.ts';
import { guardedMetrics, isWorse, MARGIN } from './guards.ts';

/**
 * Whether a result can already be used while it is still being measured: its strength has been chosen, and the served
 * model matches the trained one.
 */
export function isReady({ spec, state, summary }: Pick<RunSnapshot, 'spec' | 'state' | 'summary'>): boolean {
  if (state.status !== 'evaluating' || !summary?.choice || !summary.served) return false;
  // Otherwise the summary belongs to an earlier end of this training.
  return spec.evaluation.keep === 'best' || summary.step === state.step;
}

/** The data that the decision is based on. */
type OfferMetrics = Pick<Summary, 'choice' | 'comparisons' | 'givenStrength' | 'refused'>;

/**
 * Why the result is not offered, as a clause; undefined if it is. A manually set strength is rejected only if it was
 * measured to be worse; a run whose strength was given from the start is always offered.
 */
export function whyNotOffered(result: OfferMetrics): string | undefined {
  const { choice, givenStrength, refused } = result;
  const theirs = refused && givenStrength === undefined ? t('its publisher did not offer it') : undefined;
  return (choice && whyNoBetter(choice, result)) ?? theirs;
}

/** Whether another run can continue this one: an adapter that was trained here on code, and is offered. */
export const isContinuable = ({
  spec,
  state,
  summary,
}: Pick<RunSnapshot, 'spec' | 'state' | 'summary'>): boolean =>
  state.status === 'done' &&
  spec.hyper.method === 'lora' &&
  spec.corpus.mode === 'pretrain' &&
  !spec.imported &&
  (!summary || (summary.served?.ok !== false && !whyNotOffered(summary)));

function whyNoBetter(
  choice: StrengthChoice,
  { comparisons, givenStrength }: OfferMetrics,
): string | undefined {
  if (givenStrength === undefined && choice.strength === 0) return choiceIn(choice).why;
  const worse = guardedMetrics(comparisons).find(isWorse);
  if (worse)
    return t('{what} ({before} -> {after})', {
      what: tKnown(worse.guard.worse),
      before: decimal(worse.comparison.before.value, 3),
      after: decimal(worse.comparison.after.value, 3),
    });
  const lost = lossSince(comparisons);
  if (lost)
    return t(
      '{what} is predicted worse than by the run that it continues ({before} -> {after} bits per byte)',
      {
        what: codeOfAge(lost),
        before: decimal(lost.before.value, 3),
        after: decimal(lost.after.value, 3),
      },
    );
  return givenStrength === undefined ? undefined : worseOnPath(choice, givenStrength);
}

/** How well older and new code are predicted, against the run that this one continues; empty if it continues none. */
export const sinceContinued = (comparisons: readonly Comparison[]): Comparison[] =>
  comparisons.filter(({ task, metric }) => task === 'workspace' && /^(older|new) code /.test(metric));

/** The held-out code lost since the run that this one continues, unless code of the other age gained more. */
export function lossSince(comparisons: readonly Comparison[]): Comparison | undefined {
  const all = sinceContinued(comparisons);
  const change = all.reduce((sum, { difference, after }) => sum + difference.value * after.n, 0);
  return change > 0
    ? all.find(({ significant, difference }) => significant && difference.value > 0)
    : undefined;
}

export const codeOfAge = ({ metric }: Comparison): string =>
  metric.startsWith('older') ? t('older code') : t('new code');

/**
 * Why a strength was measured to be worse when the strength was chosen; undefined if it was not worse or not measured.
 */
function worseOnPath({ path }: StrengthChoice, strength: number): string | undefined {
  const point = path.find((candidate) => candidate.strength === strength);
  const learned = point?.learned;
  if (learned && learned.low > 0)
    return t('held-out text is predicted worse (+{change} bits per byte)', {
      change: decimal(learned.value, 3),
    });
  const solutions = point?.solutions;
  if (solutions && solutions.low > 0 && solutions.value > MARGIN)
    return t("HumanEval's reference solutions are predicted worse (+{change} nats per token)", {
      change: decimal(solutions.value, 3),
    });
  return undefined;
}

/** What to try if the result is not offered. */
export const nextStepWithoutOffer = ({
  choice,
  givenStrength,
  refused,
}: Pick<Summary, 'choice' | 'givenStrength' | 'refused'>): string => {
  if (givenStrength !== undefined) return t('A lower strength changes less of what the model could do.');
  if (refused && !choice) return t('Fetch another version, or train on your own code.');
  return (choice && choiceIn(choice).next) ?? t('A lower learning rate or replay forgets less.');
};

/** The error for a result that is not offered; undefined if it is. */
export function notBetter(name: string, summary: Summary): UserError | undefined {
  const why = whyNotOffered(summary);
  if (why === undefined) return undefined;
  const { givenStrength } = summary;
  const which =
    givenStrength === undefined
      ? name
      : t('{name} at strength {strength}', { name, strength: withPoint(String(givenStrength)) });
  const message = t(
    '{run} completes code no better than before training, so it is not offered for completion: {why}.',
    {
      run: which,
      why,
    },
  );
  return new UserError('not-better', message, nextStepWithoutOffer(summary));
}

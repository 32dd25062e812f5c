/**
 * Describes the result to a programmer: what it completes, what else it learned, and how its other abilities changed.
 * Intervals decide the wording; the metrics are in the tables.
 */
import {
  CHARACTERS,
  completionMetrics,
  CURSORS,
  findComparison,
  isStated,
  measuredHere,
  type Comparison,
  type StrengthPoint,
  type Summary,
} from '../protocol/evaluation.ts';
import { decimal, isTranslated, joined, percent, t, tKnown, withPoint } from '../text/l10n.ts';
import { factsOfTask } from './task-facts.ts';
import { FORGETTING } from './forgetting-metric.ts';
import type { Interval } from '../statistics/statistics.ts';
import { countOrShare, countText } from './counts.ts';
import { guardedMetrics, isSlightlyWorse, isWorse, undetectedLoss, type GuardedMetric } from './guards.ts';
import { codeOfAge, nextStepWithoutOffer, sinceContinued, whyNotOffered } from './offer.ts';
import { bestPoint } from './strength-rule.ts';

/** Two values with as many digits as needed to distinguish them, at most three. */
function pair(a: number, b: number): { before: string; after: string } {
  const two = a.toFixed(2) === b.toFixed(2) ? 3 : 2;
  return { before: decimal(a, two), after: decimal(b, two) };
}

/** The stored English sentence or, in another language, one recomputed from the metrics. */
export function sentenceIn(summary: Summary): string {
  if (!isTranslated()) return summary.sentence;
  return summarise(summary, pendingIn(summary));
}

interface PendingTask {
  name: string;
  title: string;
}

export const pendingIn = ({ pending = [] }: Pick<Summary, 'pending'>): PendingTask[] =>
  pending.map((name) => ({ name, title: factsOfTask(name)?.title ?? name }));

type SummaryMetrics = Pick<
  Summary,
  'comparisons' | 'served' | 'choice' | 'givenStrength' | 'stated' | 'refused'
>;

/** `pending`: tasks that are not measured yet, or only partially. */
export function summarise(summary: SummaryMetrics, pending: readonly PendingTask[] = []): string {
  const { served, givenStrength } = summary;
  const comparisons = measuredHere(summary);
  const why = whyNotOffered({ ...summary, comparisons });
  const parts = [
    givenStrength === undefined
      ? ''
      : t('Strength {strength} was set by hand.', { strength: withPoint(String(givenStrength)) }),
    why ? joined([t('Not offered: {why}.', { why }), nextStepWithoutOffer(summary)]) : '',
    metricsIn(summary),
    served && !served.ok
      ? t('Do not use this result: the model that llama.cpp serves does not match the trained one.')
      : '',
    leftToMeasure(summary, pending),
  ];
  return joined(parts) || t('Nothing was measured.');
}

/** What the metrics show: first those measured here, then those stated by its publisher. */
export function metricsIn(
  summary: Pick<SummaryMetrics, 'comparisons' | 'stated' | 'choice' | 'givenStrength'>,
): string {
  const { choice, givenStrength } = summary;
  const theirs = describeMetrics(summary.comparisons.filter((comparison) => isStated(summary, comparison)));
  const isChosen = givenStrength === undefined && choice !== undefined;
  const best = isChosen ? bestPoint(choice.path, choice.limit) : undefined;
  const measured = measuredHere(summary);
  const more = { atCursors: best?.learned, limit: choice?.limit };
  const ours = describeMetrics(measured, more);
  return joined([
    isChosen && choice.strength === 0 ? ofRefused(measured, best, choice.limit) : ours,
    theirs && t('Its publisher states: {metrics}', { metrics: theirs }),
  ]);
}

/**
 * The refusal is about every strength: the best one was measured at cursors, the whole change otherwise. Its reason says
 * how held-out text is predicted at the cursors.
 */
function ofRefused(measured: readonly Comparison[], best: StrengthPoint | undefined, limit: number): string {
  const isAtBest = ({ task, metric }: Comparison) => task === CURSORS || metric === 'KL from base';
  const cursors = measured.filter(isAtBest);
  const atBest = cursors.length > 0 ? describeMetrics(cursors, { limit }) : '';
  const whole = describeMetrics(measured.filter((comparison) => !isAtBest(comparison)));
  return joined([
    atBest && best
      ? t('At strength {strength}: {metrics}', {
          strength: withPoint(String(best.strength)),
          metrics: atBest,
        })
      : '',
    whole && t('At full strength: {metrics}', { metrics: whole }),
  ]);
}

/** What is not measured yet, or only partially. */
export function leftToMeasure(
  summary: Pick<SummaryMetrics, 'comparisons' | 'stated'>,
  pending: readonly PendingTask[],
): string {
  const comparisons = measuredHere(summary);
  const isBegun = ({ name }: PendingTask) => comparisons.some(({ task }) => task === name);
  const titlesOf = (those: typeof pending) => those.map(({ title }) => tKnown(title)).join(t(', '));
  const begun = titlesOf(pending.filter(isBegun));
  const unknown = titlesOf(pending.filter((task) => !isBegun(task)));
  return joined([
    unknown && t('Not measured yet: {tasks}.', { tasks: unknown }),
    begun && t('Measured in part, because time ran out: {tasks}.', { tasks: begun }),
  ]);
}

interface ExtraMetrics {
  /** Bits per byte at held-out cursors, minus those before training. */
  atCursors?: Interval | undefined;
  /** The KL up to which a result counts as close to the base. */
  limit?: number | undefined;
}

function describeMetrics(
  comparisons: readonly Comparison[],
  { atCursors, limit }: ExtraMetrics = {},
): string {
  const find = (task: string, metric: string) => findComparison(comparisons, task, metric);
  const { lines, characters } = completionMetrics(comparisons);
  return joined([
    completes(lines, characters),
    predicts(find('workspace', 'bits per byte'), atCursors),
    ofAges(sinceContinued(comparisons)),
    generalAbility(
      [
        { name: 'HumanEval', found: find('humaneval', 'pass@1') },
        { name: 'GSM8K', found: find('gsm8k', 'exact match') },
        { name: t('the average of HellaSwag, ARC and WinoGrande'), found: find(FORGETTING, 'average') },
      ],
      [...guardedMetrics(comparisons).map(likelihood), closeness(find('retention', 'KL from base'), limit)],
    ),
  ]);
}

function completes(lines: Comparison | undefined, saved: Comparison | undefined): string {
  const known = [lines, saved].some((comparison) => comparison?.significant);
  const same = [lines, saved].every((comparison) => !comparison || comparison.difference.value === 0);
  const completion = completed(lines, saved);
  if (!completion) return '';
  return known || same
    ? t('{clause}.', { clause: completion })
    : t('{clause}; with so few lines this may be chance.', { clause: completion });
}

function completed(lines: Comparison | undefined, saved: Comparison | undefined): string {
  const first =
    lines &&
    t('Completes {lines} held-out lines exactly ({before} before)', {
      lines: countText(lines.after),
      before: countOrShare(lines.before),
    });
  if (!saved) return first ?? '';
  const shares = { share: percent(saved.after.value), before: percent(saved.before.value) };
  // Correctly predicted characters don't count as typing saved, because the user has to look and accept.
  if (saved.metric === CHARACTERS)
    return first === undefined
      ? t('Predicts {share} of characters ({before} before)', shares)
      : t('{first}, and predicts {share} of characters ({before} before)', { first, ...shares });
  return first === undefined
    ? t('{share} of characters need no typing ({before} before)', shares)
    : t('{first}, and {share} of characters need no typing ({before} before)', { first, ...shares });
}

/** Judged by the windows if they show a difference, else by the cursors. */
function predicts(windows: Comparison | undefined, atCursors: Interval | undefined): string {
  const bits = windows?.significant ? windows.difference : (atCursors ?? windows?.difference);
  if (!bits) return '';
  if (bits.high < 0) return t('Predicts held-out text better than before.');
  return bits.low > 0
    ? t('Predicts held-out text worse than before.')
    : t('Predicts held-out text no better than before, as far as was seen.');
}

/** How well older and new code are predicted, compared with the run that this one continues. */
function ofAges(comparisons: readonly Comparison[]): string {
  const parts = comparisons.map((comparison) => {
    const { before, after, significant, difference } = comparison;
    const values = { what: codeOfAge(comparison), ...pair(before.value, after.value) };
    if (!significant) return t('{what}: no difference seen, {before} -> {after} bits per byte', values);
    return difference.value < 0
      ? t('{what} is predicted better, {before} -> {after} bits per byte', values)
      : t('{what} is predicted worse, {before} -> {after} bits per byte', values);
  });
  return parts.length > 0
    ? t('Since the run that it continues: {metrics}.', { metrics: parts.join(t('; ')) })
    : '';
}

/** The KL from the base, in nats per token, up to which a result counts as close to it. */
const CLOSE_KL = 0.1;

interface Rate {
  name: string;
  found: Comparison | undefined;
}

function generalAbility(rates: readonly Rate[], others: readonly string[]): string {
  const parts = [...rates.map(rate), ...others].filter(Boolean);
  return parts.length > 0 ? t('General ability: {metrics}.', { metrics: parts.join(t('; ')) }) : '';
}

function closeness(kl: Comparison | undefined, limit = CLOSE_KL): string {
  if (!kl) return '';
  return kl.after.value <= limit
    ? t('stays close to the base on other text')
    : t('has moved away from the base on other text (KL {kl}, more than {limit})', {
        kl: decimal(kl.after.value, 2),
        limit: withPoint(String(limit)),
      });
}

function rate({ name, found }: Rate): string {
  if (!found) return '';
  const { before, after, significant, difference } = found;
  const values = { name, after: countText(after), before: countOrShare(before) };
  if (!significant)
    return withUndetectedLoss(t('no difference seen in {name} ({after}, the base {before})', values), found);
  return difference.value < 0
    ? t('worse in {name} ({after}, the base {before})', values)
    : t('better in {name} ({after}, the base {before})', values);
}

/** Adds how large a loss in the share of solved problems may have gone undetected. */
function withUndetectedLoss(clause: string, found: Comparison): string {
  const loss = undetectedLoss(found);
  if (loss === undefined) return clause;
  return loss === Infinity
    ? t('{clause}, where too few are solved to show a loss', { clause })
    : t('{clause}, though a loss of less than {points} points may have gone unnoticed', {
        clause,
        points: Math.ceil(100 * loss),
      });
}

/** Whether a text whose loss is guarded became less likely. */
function likelihood({ guard, comparison }: GuardedMetric): string {
  const { margin, worse, kept, open } = guard;
  if (!kept || !open) return '';
  if (isWorse({ guard, comparison })) return tKnown(worse);
  if (isSlightlyWorse({ guard, comparison }))
    return t('{clause}, but not noticeably', { clause: tKnown(worse) });
  const rise = undetectedLoss(comparison, margin);
  return rise === undefined
    ? tKnown(kept)
    : t('{clause} (a rise of less than {nats} nats per token may have gone unnoticed)', {
        clause: tKnown(open),
        nats: decimal(rise, 2),
      });
}

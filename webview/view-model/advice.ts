/**
 * Advice on what to try next, based only on measurements of these runs; each piece names its metrics. The rules, most
 * urgent first:
 * - diverged, at the end or twice: begin with the rate that training was left with
 * - nothing was learned: if held-out loss rose, fewer steps or a lower rate; if training loss fell, other files; if
 *   nothing moved, a higher rate or more steps; above its beginning at every checkpoint: a lower rate
 * - went too far (held-out loss rose again, or the last checkpoints learned little and forgot more): fewer steps, a
 *   limit
 * - on the same text and base, the other method learned no less and forgot less: that one
 * - forgot without learning: a lower rate, replay
 * - a sweep of the same base and optimiser chose a much higher rate, or diverged at this one; or chose its highest
 * - held-out loss was still falling, and the limit on forgetting leaves room: more steps
 * - an ability was lost without replay: replay, or a lower rate
 * - KL above the limit, and no advice above is about forgetting: a lower strength or rate
 */
import { percent, t, whole, withPoint } from '../../src/text/l10n.ts';
import type { Comparison, Summary } from '../../src/protocol/evaluation.ts';
import { verdictOf } from '../../src/findings/verdict.ts';
import { describeFolders } from '../../src/protocol/folders.ts';
import { belowTheSweep, edgeOfTheSweep, type Advice } from './advice-from-sweeps.ts';
import {
  formatDifference,
  formatInterval,
  formatNumber,
  formatRate,
  isShare,
  stepCount,
  stepName,
} from './format.ts';
import { bestPoint } from '../../src/findings/strength-rule.ts';
import { showsLearning } from '../../src/findings/task-facts.ts';
import { metricLabel, isHeldOutLoss, isKl, isPassAtK } from './labels.ts';
import type { PanelView, RunView } from './panel.ts';
import { longest, lossOf, smooth, type IntervalPoint } from './series.ts';
import { checkpoints, type AxisMetric } from './trade-off.ts';

interface AdviceView {
  advice: Advice[];
  /** The text shown if there is no advice. */
  none: string;
}

const MAX_ADVICE = 3;
const timeCount = (times: number) =>
  times === 1 ? t('1 time') : t('{count} times', { count: whole(times) });
/** Share of all that a run has learned; less may be noise, since few windows are measured. */
const RELEVANT_SHARE = 0.1;
/** Nats per token; below this, the result predicts practically like the base. */
const SMALL_KL = 0.02;

const heldOutLoss: AxisMetric = { task: 'workspace', metric: 'loss', better: 'lower' };
const klFromBase: AxisMetric = { task: 'retention', metric: 'KL from base', better: 'lower' };

type Rule = (run: RunView, view: PanelView) => Advice | undefined;

/** The most urgent rules come first. */
const rules: Rule[] = [
  diverging,
  learnedNothing,
  roseThroughout,
  risingAgain,
  pastItsBest,
  betterMethod,
  forgotWithoutLearning,
  belowTheSweep,
  edgeOfTheSweep,
  stillFalling,
  lostAbility,
  farFromTheBase,
];

/** A noticeable gain in nats per token of held-out code. */
const NOTICEABLE = 0.05;
/** Whether the metrics leave open if the result learned nothing or a noticeable amount. */
function isOpen({ comparisons }: Summary): boolean {
  const learned = learning(comparisons)?.difference;
  return learned !== undefined && learned.low < -NOTICEABLE && learned.high >= 0;
}

/** The rules that need no metrics of the result. */
const trainingRules: Rule[] = [diverging, belowTheSweep, edgeOfTheSweep];

export function advise(view: PanelView): AdviceView {
  const { run, sweeps } = view;
  if (!run) return { advice: [], none: '' };
  if (run.snapshot.spec.imported)
    return {
      advice: [],
      none: t('No advice: this adapter was trained elsewhere, with settings that are not known.'),
    };
  const { summary } = run.snapshot;
  const isUnknown = ['not measured', 'too little code'].includes(verdictOf(summary).kind);
  const unclear = summary && !run.status.live && (isUnknown || isOpen(summary));
  // A summary is empty while its first task is measured.
  const measured =
    Boolean(summary?.comparisons.length || summary?.choice) ||
    run.series.metrics.some(({ points }) => points.length > 1);
  if (!measured && !sweeps.length && !run.series.rollbacks.length)
    return { advice: [], none: t('No advice yet: nothing has been measured.') };
  const advice = (unclear ? trainingRules : rules)
    .flatMap((rule) => rule(run, view) ?? [])
    .slice(0, MAX_ADVICE);
  if (unclear)
    return {
      advice,
      none: t('No advice: too little was measured to tell what would help.'),
    };
  if (run.status.live && isUnknown) return { advice, none: t('No advice before the result is measured.') };
  return { advice, none: t('No advice: the measurements suggest no change.') };
}

/** The trainer halved the rate itself; starting with a lower one loses no steps to rollbacks. */
function diverging({ series: { rollbacks }, snapshot }: RunView): Advice | undefined {
  const last = rollbacks.at(-1);
  const failed = snapshot.state.error?.code === 'diverged';
  if (!last || (rollbacks.length < 2 && !failed)) return undefined;
  const rate = snapshot.spec.hyper.learningRate;
  return {
    text: t('Start with a lower learning rate: {lower} or less instead of {rate}.', {
      lower: formatRate(rate * last.rateScale),
      rate: formatRate(rate),
    }),
    because: failed
      ? t(
          'Training diverged and went back to an earlier checkpoint ({times} in all, last at {at}); it then failed because it diverged again.',
          { times: timeCount(rollbacks.length), at: stepName(last.step) },
        )
      : t(
          'Training diverged and went back to an earlier checkpoint ({times} in all, last at {at}); it ended with {scale} times the learning rate.',
          {
            times: timeCount(rollbacks.length),
            at: stepName(last.step),
            scale: formatNumber(last.rateScale),
          },
        ),
  };
}

/** The result is no better than before training on held-out text. */
function learnedNothing({ snapshot, series }: RunView): Advice | undefined {
  const learned = learning(snapshot.summary?.comparisons);
  if (!learned || learned.difference.high < 0) return undefined;
  const worse = learned.difference.low > 0;
  const trained = fallOfTraining(lossOf(series));
  return {
    text: worse
      ? t(
          'Train for fewer steps or at a lower learning rate: the result predicts held-out text worse than before.',
        )
      : trained > 0
        ? t(
            'Train on more files, or check that the held-out files resemble them: what was learned does not carry over.',
          )
        : t("Use a higher learning rate or more steps: what was learned can't be distinguished from noise."),
    because:
      trained > 0
        ? t('Held-out loss changed by {change} nats/token; training loss fell by {fall}.', {
            change: formatDifference(learned.difference, false),
            fall: formatNumber(trained),
          })
        : t('Held-out loss changed by {change} nats/token; training loss did not fall.', {
            change: formatDifference(learned.difference, false),
          }),
  };
}

/** Held-out loss was above where it began at every checkpoint. */
function roseThroughout(run: RunView): Advice | undefined {
  const curve = heldOutCurve(run.series);
  if (!curve || learnedNothing(run)) return undefined;
  const [base, ...after] = curve;
  if (!after.every(({ y }) => y > base!.y)) return undefined;
  const { learningRate } = run.snapshot.spec.hyper;
  return {
    text: t('Use a learning rate below {rate}: held-out loss was above where it began at every checkpoint.', {
      rate: formatRate(learningRate),
    }),
    because: t('Held-out loss was {before} before the first step and {after} at {at}.', {
      before: interval(base!),
      after: interval(after.at(-1)!),
      at: stepName(after.at(-1)!.x),
    }),
  };
}

/** Held-out loss rises again while training loss still falls. */
function risingAgain({ series }: RunView): Advice | undefined {
  const curve = heldOutCurve(series);
  const fall = curve && fallOf(curve);
  if (!curve || !fall || fall <= 0) return undefined;
  const lowest = curve.reduce((best, point) => (point.y < best.y ? point : best));
  const last = curve.at(-1)!;
  const after = curve.filter(({ x }) => x > lowest.x);
  // At least two later checkpoints must be higher, because one alone may be noise.
  if (after.length < 2 || !after.every(({ y }) => y > lowest.y)) return undefined;
  const rise = last.y - lowest.y;
  const trained = fallOfTraining(lossOf(series).filter(({ x }) => x >= lowest.x));
  if (rise < RELEVANT_SHARE * fall || trained <= 0) return undefined;
  return {
    text: t(
      'Train for about {steps}, or on more files: after that, the model memorises the training files.',
      {
        steps: stepCount(lowest.x),
      },
    ),
    because: t(
      'Held-out loss was lowest at {best}, {lowest}, and is {last} at {at}, while training loss fell by {fall}.',
      {
        best: stepName(lowest.x),
        lowest: interval(lowest),
        last: interval(last),
        at: stepName(last.x),
        fall: formatNumber(trained),
      },
    ),
  };
}

/** The last checkpoints learned little more and forgot more. */
function pastItsBest({ series }: RunView): Advice | undefined {
  const path = checkpoints(series.metrics, heldOutLoss, klFromBase);
  const last = path.at(-1);
  if (path.length < 3 || !last || last.x <= 0) return undefined;
  const sufficient = path.find(({ x }) => x >= (1 - RELEVANT_SHARE) * last.x);
  if (!sufficient || sufficient.high >= last.low || last.y < 1.5 * sufficient.y || last.y < SMALL_KL)
    return undefined;
  return {
    text: t(
      'Stop near {step}, or set --forgetting-limit: after that, the model learned little more but forgot more.',
      { step: stepName(sufficient.step) },
    ),
    because: t(
      'From {from} to {to}, the total fall of held-out loss went from {fallBefore} to {fallAfter} nats/token, KL from base from {klBefore} to {klAfter}.',
      {
        from: stepName(sufficient.step),
        to: whole(last.step),
        fallBefore: formatNumber(sufficient.x),
        fallAfter: formatNumber(last.x),
        klBefore: interval(sufficient),
        klAfter: interval(last),
      },
    ),
  };
}

/** Two methods trained on the same text: advises the one that forgot less and learned no less. */
function betterMethod(run: RunView, { shown, runs, labels }: PanelView): Advice | undefined {
  const mine = measuresOf(run.snapshot.summary?.comparisons);
  if (!mine) return undefined;
  const { spec, corpus } = run.snapshot;
  const candidates = shown.length > 1 ? shown.slice(1).map(({ snapshot }) => snapshot) : runs;
  for (const other of candidates) {
    const theirs = measuresOf(other.summary?.comparisons);
    const sameText = corpus?.digest
      ? corpus.digest === other.corpus?.digest
      : describeFolders(spec) === describeFolders(other.spec) && spec.corpus.data === other.spec.corpus.data;
    const comparable =
      other.spec.base.sha256 === spec.base.sha256 &&
      sameText &&
      other.spec.hyper.method !== spec.hyper.method;
    if (!theirs || !comparable) continue;
    // By the intervals, the other run must have learned no less, and must have forgotten significantly less.
    if (theirs.learned.low > mine.learned.high || theirs.kl.high >= mine.kl.low) continue;
    const [name, own] = [other, run.snapshot].map((text) =>
      text.spec.hyper.method === 'full' ? t('Full fine-tuning') : 'LoRA',
    );
    return {
      text: t('{method} works better on this text: use {run}, rate {rate}.', {
        method: name!,
        run: labels.get(other.spec.id) ?? other.spec.name,
        rate: formatRate(other.spec.hyper.learningRate),
      }),
      because: t(
        'It forgot less and learned no less. {method}: held-out loss {theirs}, KL {theirKl}; {own}: {mine}, {myKl} nats/token.',
        {
          method: name!,
          theirs: formatDifference(theirs.learned, false),
          theirKl: formatInterval(theirs.kl, false),
          own: own!,
          mine: formatDifference(mine.learned, false),
          myKl: formatInterval(mine.kl, false),
        },
      ),
    };
  }
  return undefined;
}

function forgotWithoutLearning({ snapshot }: RunView): Advice | undefined {
  const mine = measuresOf(snapshot.summary?.comparisons);
  if (!mine || mine.learned.high < 0 || mine.kl.low < SMALL_KL) return undefined;
  return {
    text: snapshot.spec.corpus.replay
      ? t('Use a lower learning rate: this run moved away from the base without learning anything.')
      : t(
          'Use a lower learning rate and mix in the base\u2019s own text (--replay base): this run moved away from the base without learning anything.',
        ),
    because: t('Held-out loss {change}, KL from base {kl} nats/token.', {
      change: formatDifference(mine.learned, false),
      kl: formatInterval(mine.kl, false),
    }),
  };
}

function stillFalling({ series, snapshot }: RunView): Advice | undefined {
  const { summary } = snapshot;
  // What bounds the result is then the limit on forgetting.
  if (summary?.choice && !bestPoint(summary.choice.path, summary.choice.limit)) return undefined;
  const curve = heldOutCurve(series);
  const fall = curve && fallOf(curve);
  if (!curve || curve.length < 4 || !fall || fall <= 0 || series.earlyStop || series.best) return undefined;
  const last = curve.at(-1)!;
  const { steps } = snapshot.state;
  if (last.x < steps) return undefined;
  const third = curve.findLast(({ x }) => x <= (2 / 3) * last.x)!;
  const late = third.y - last.y;
  if (late < RELEVANT_SHARE * fall || curve.some(({ y }) => y < last.y)) return undefined;
  return {
    text: t(
      'Train for longer: held-out loss was still falling at the end, so twice the {steps} may learn more.',
      { steps: stepCount(steps) },
    ),
    because: t('It fell from {before} at {from} to {after} at {to}, {share} of the whole fall.', {
      before: interval(third),
      from: stepName(third.x),
      after: interval(last),
      to: stepName(last.x),
      share: percent(late / fall),
    }),
  };
}

/** A benchmark of the base's abilities fell significantly. */
function lostAbility({ snapshot: { summary, spec } }: RunView): Advice | undefined {
  const lost = summary?.comparisons.find(
    ({ task, metric, significant, difference, better }) =>
      !showsLearning(task) &&
      better === 'higher' &&
      significant &&
      difference.value < 0 &&
      (isShare(metric) || isPassAtK(metric)),
  );
  if (!lost || spec.corpus.replay) return undefined;
  return {
    text: t(
      'Mix in text that the model must not forget (--replay base, or a file), or use a lower learning rate.',
    ),
    because: t('{metric} {change}, from {before}.', {
      metric: metricLabel(lost.task, lost.metric),
      change: formatDifference(lost.difference, true),
      before: formatInterval(lost.before, true),
    }),
  };
}

/** The result has also changed on text that it was not trained on. */
function farFromTheBase(run: RunView, view: PanelView): Advice | undefined {
  // These rules already say so, with more detail.
  if ([pastItsBest, betterMethod, forgotWithoutLearning, lostAbility].some((rule) => rule(run, view)))
    return undefined;
  const { summary, spec } = run.snapshot;
  const kl = summary?.comparisons.find(({ metric }) => isKl(metric))?.after;
  const limit = spec.evaluation.strengthLimit;
  if (!kl || kl.low <= limit) return undefined;
  return {
    text:
      spec.hyper.method === 'lora'
        ? t('Use it at a lower strength, or train at a lower learning rate: it has moved far from its base.')
        : t('Train at a lower learning rate: it has moved far from its base.'),
    because: t('KL from base {kl} nats/token; up to {limit} counts as close to the base.', {
      kl: formatInterval(kl, false),
      limit: withPoint(String(limit)),
    }),
  };
}

const learning = (comparisons: readonly Comparison[] | undefined) =>
  comparisons?.find(({ task, metric }) => isHeldOutLoss(task, metric));

function measuresOf(comparisons: readonly Comparison[] | undefined) {
  const learned = learning(comparisons)?.difference;
  const kl = comparisons?.find(({ metric }) => isKl(metric))?.after;
  return learned && kl ? { learned, kl } : undefined;
}

const interval = ({ y, low, high }: IntervalPoint) => formatInterval({ value: y, low, high }, false);
/** Held-out loss over the checkpoints, from before the first step on. */
const heldOutCurve = ({ metrics }: RunView['series']) => {
  const points = longest(metrics, isHeldOutLoss)?.points;
  return points && points.length >= 3 && points[0]!.x === 0 ? points : undefined;
};
const fallOf = (curve: readonly IntervalPoint[]) => curve[0]!.y - Math.min(...curve.map(({ y }) => y));

/** Fall of the training loss between its smoothed ends, in nats per token. */
function fallOfTraining(loss: readonly { x: number; y: number }[]): number {
  if (loss.length < 4) return 0;
  const quarter = Math.max(2, Math.floor(loss.length / 4));
  const mean = (points: typeof loss) => smooth(points, 2 * points.length).at(-1)?.y ?? 0;
  return mean(loss.slice(0, quarter)) - mean(loss.slice(-quarter));
}

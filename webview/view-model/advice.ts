/**
 * Advice on what to try next, based only on measurements of these runs. Each piece of advice names its figures.
 * docs/science.md explains the rules.
 */
import type { Comparison } from '../../src/protocol/evaluation.ts';
import { describeFolders } from '../../src/protocol/folders.ts';
import type { SweepSnapshot } from '../../src/protocol/panel.ts';
import { formatDifference, formatInterval, formatNumber, formatRate, isShare, plural } from './format.ts';
import { figureLabel, showsLearning, isHeldOutLoss, isKl, isPassAtK } from './labels.ts';
import type { PanelView, RunView } from './panel.ts';
import { longest, smooth, type IntervalPoint } from './series.ts';

export interface Advice {
  /** What to try. */
  text: string;
  /** The figures that it is based on. */
  because: string;
}
export interface AdviceView {
  advice: Advice[];
  /** The text shown if there is no advice. */
  none: string;
}

const MOST = 3;
const at = (step: number) => `step ${step.toLocaleString('en')}`;
/** Share of all that a run has learned; less may be noise, since few windows are measured. */
const MATTERS = 0.1;
/** Nats per token; below this, the result predicts practically as the base does. */
const SMALL_KL = 0.02;
/** A rate this many times below the one that a sweep found learns too little. */
const FAR = 3;

type Rule = (run: RunView, view: PanelView) => Advice | undefined;

/** The most urgent rules come first. */
const rules: Rule[] = [
  diverging,
  learnedNothing,
  roseThroughout,
  worseAgain,
  pastItsBest,
  methodOfOthers,
  forgotWithoutLearning,
  belowTheSweep,
  edgeOfTheSweep,
  stillFalling,
  lostAbility,
  farFromTheBase,
];

export function advise(view: PanelView): AdviceView {
  const { run, sweeps } = view;
  if (!run) return { advice: [], none: '' };
  if (run.snapshot.spec.imported)
    return {
      advice: [],
      none: 'No advice: this adapter was trained elsewhere, with settings that are not known.',
    };
  const measured =
    run.snapshot.summary !== undefined || run.series.metrics.some(({ points }) => points.length > 1);
  if (!measured && !sweeps.length && !run.series.rollbacks.length)
    return { advice: [], none: 'No advice yet: nothing has been measured.' };
  const advice = rules.flatMap((rule) => rule(run, view) ?? []).slice(0, MOST);
  return { advice, none: 'No advice: the measurements suggest no change.' };
}

/** The trainer halved the rate itself; starting with a lower one loses no steps to going back. */
function diverging({ series: { rollbacks }, snapshot }: RunView): Advice | undefined {
  const last = rollbacks.at(-1);
  const failed = snapshot.state.error?.code === 'diverged';
  if (!last || (rollbacks.length < 2 && !failed)) return undefined;
  const rate = snapshot.spec.hyper.learningRate;
  return {
    text: `Start with a lower learning rate: ${formatRate(rate * last.rateScale)} or less instead of ${formatRate(rate)}.`,
    because: `Training diverged and went back to an earlier checkpoint ${plural(rollbacks.length, 'time')}, last at ${at(last.step)}; it ${failed ? 'then failed because it diverged again' : `ended with ${formatNumber(last.rateScale)} times the learning rate`}.`,
  };
}

/** The result is no better than the base on held-out text. */
function learnedNothing({ snapshot, series }: RunView): Advice | undefined {
  const learned = learning(snapshot.summary?.comparisons);
  if (!learned || learned.difference.high < 0) return undefined;
  const worse = learned.difference.low > 0;
  const trained = fallOfTraining(series.loss);
  return {
    text: worse
      ? 'Train for fewer steps or at a lower learning rate: the result predicts held-out code worse than the base does.'
      : trained > 0
        ? 'Train on more files, or check that the held-out files resemble them: what was learned does not carry over.'
        : "Use a higher learning rate or more steps: what was learned can't be distinguished from noise.",
    because: `Held-out loss changed by ${formatDifference(learned.difference, false)} nats/token; training loss ${trained > 0 ? `fell by ${formatNumber(trained)}` : 'did not fall'}.`,
  };
}

/** Held-out loss was above the base's at every checkpoint. */
function roseThroughout(run: RunView): Advice | undefined {
  const curve = heldOutCurve(run.series);
  if (!curve || learnedNothing(run)) return undefined;
  const [base, ...after] = curve;
  if (!after.every(({ y }) => y > base!.y)) return undefined;
  const { learningRate } = run.snapshot.spec.hyper;
  return {
    text: `Use a learning rate below ${formatRate(learningRate)}: held-out loss was above the base's at every checkpoint.`,
    because: `Held-out loss was ${interval(base!)} before the first step and ${interval(after.at(-1)!)} at ${at(after.at(-1)!.x)}.`,
  };
}

/** Held-out loss rises again while training loss still falls. */
function worseAgain({ series }: RunView): Advice | undefined {
  const curve = heldOutCurve(series);
  const fall = curve && fallOf(curve);
  if (!curve || !fall || fall <= 0) return undefined;
  const lowest = curve.reduce((best, point) => (point.y < best.y ? point : best));
  const last = curve.at(-1)!;
  const after = curve.filter(({ x }) => x > lowest.x);
  // At least two later checkpoints must be above: one alone may be noise.
  if (after.length < 2 || !after.every(({ y }) => y > lowest.y)) return undefined;
  const rise = last.y - lowest.y;
  const trained = fallOfTraining(series.loss.filter(({ x }) => x >= lowest.x));
  if (rise < MATTERS * fall || trained <= 0) return undefined;
  return {
    text: `Train for about ${plural(lowest.x, 'step')}, or on more files: after that, the model memorises the training files.`,
    because: `Held-out loss was lowest at ${at(lowest.x)}, ${interval(lowest)}, and is ${interval(last)} at ${at(last.x)}, while training loss fell by ${formatNumber(trained)}.`,
  };
}

/** The last checkpoints learned little more and forgot more. */
function pastItsBest({ series }: RunView): Advice | undefined {
  const curve = heldOutCurve(series);
  const kl = longest(series.metrics, (_, metric) => isKl(metric))?.points;
  if (!curve || !kl) return undefined;
  const joined = curve.flatMap((point) => {
    const other = kl.find(({ x }) => x === point.x);
    return other ? [{ x: point.x, learned: curve[0]!.y - point.y, kl: other }] : [];
  });
  const last = joined.at(-1);
  if (joined.length < 3 || !last || last.learned <= 0) return undefined;
  const enough = joined.find(({ learned }) => learned >= (1 - MATTERS) * last.learned);
  if (!enough || enough.kl.high >= last.kl.low || last.kl.y < 1.5 * enough.kl.y || last.kl.y < SMALL_KL)
    return undefined;
  return {
    text: `Stop near ${at(enough.x)}, or set --forgetting-limit: after that, the model learned little more but forgot more.`,
    because: `From ${at(enough.x)} to ${last.x.toLocaleString('en')}, the total fall of held-out loss went from ${formatNumber(enough.learned)} to ${formatNumber(last.learned)} nats/token, KL from base from ${interval(enough.kl)} to ${interval(last.kl)}.`,
  };
}

/** Two methods trained on the same text: advises the one that forgot less and learned no less. */
function methodOfOthers(run: RunView, { shown, runs, labels }: PanelView): Advice | undefined {
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
    // By the intervals, the other must not have learned less, and must certainly have forgotten less.
    if (theirs.learned.low > mine.learned.high || theirs.kl.high >= mine.kl.low) continue;
    const [name, own] = [other, run.snapshot].map((one) =>
      one.spec.hyper.method === 'full' ? 'Full fine-tuning' : 'LoRA',
    );
    return {
      text: `${name} works better on this text: use ${labels.get(other.spec.id)}, rate ${formatRate(other.spec.hyper.learningRate)}.`,
      because: `It forgot less and learned no less. ${name}: held-out loss ${formatDifference(theirs.learned, false)}, KL ${formatInterval(theirs.kl, false)}; ${own}: ${formatDifference(mine.learned, false)}, ${formatInterval(mine.kl, false)} nats/token.`,
    };
  }
  return undefined;
}

function forgotWithoutLearning({ snapshot }: RunView): Advice | undefined {
  const mine = measuresOf(snapshot.summary?.comparisons);
  if (!mine || mine.learned.high < 0 || mine.kl.low < SMALL_KL) return undefined;
  return {
    text: `Use a lower learning rate${snapshot.spec.corpus.replay ? '' : ' and mix in the base\u2019s own text (--replay base)'}: this run moved away from the base without learning anything.`,
    because: `Held-out loss ${formatDifference(mine.learned, false)}, KL from base ${formatInterval(mine.kl, false)} nats/token.`,
  };
}

const sweptOf = ({ snapshot: { spec } }: RunView, sweeps: readonly SweepSnapshot[]) =>
  sweeps
    .filter(({ optimizer }) => optimizer === spec.hyper.optimizer)
    .flatMap(({ methods }) => methods)
    .find(({ method, chosen }) => method === spec.hyper.method && chosen !== undefined);

function belowTheSweep(run: RunView, { sweeps }: PanelView): Advice | undefined {
  const swept = sweptOf(run, sweeps);
  const rate = run.snapshot.spec.hyper.learningRate;
  const chosen = swept?.rates.find(({ learningRate }) => learningRate === swept.chosen);
  if (!swept || !chosen?.change) return undefined;
  const name = swept.method === 'lora' ? 'LoRA' : 'full fine-tuning';
  const because = `Of ${plural(swept.rates.length, 'rate')} tried with ${name}, ${formatRate(chosen.learningRate)} learned as much as the best one and forgot least: held-out loss ${formatDifference(chosen.change, false)}${chosen.kl === undefined ? '' : `, KL ${formatNumber(chosen.kl)}`} nats/token${swept.divergesFrom === undefined ? '' : `; it diverged from ${formatRate(swept.divergesFrom)} on`}.`;
  if (rate * FAR <= chosen.learningRate * 1.01)
    return {
      text: `Try a higher learning rate: ${formatRate(chosen.learningRate)} instead of ${formatRate(rate)}.`,
      because,
    };
  if (swept.divergesFrom !== undefined && rate >= swept.divergesFrom)
    return {
      text: `Try a lower learning rate: ${formatRate(chosen.learningRate)} instead of ${formatRate(rate)}.`,
      because,
    };
  return undefined;
}

/** The highest rate tried was the best and did not diverge: a better one may lie above. */
function edgeOfTheSweep(run: RunView, { sweeps }: PanelView): Advice | undefined {
  const swept = sweptOf(run, sweeps);
  const highest = swept?.rates.at(-1);
  if (
    !swept ||
    swept.rates.length < 2 ||
    swept.divergesFrom !== undefined ||
    highest?.learningRate !== swept.chosen
  )
    return undefined;
  return {
    text: `Try higher learning rates in a sweep: the best one may lie above ${formatRate(highest!.learningRate)}.`,
    because: `It was the highest of ${swept.rates.length} rates tried, and still stable${highest?.change ? `: held-out loss ${formatDifference(highest.change, false)} nats/token` : ''}.`,
  };
}

function stillFalling({ series, snapshot }: RunView): Advice | undefined {
  const curve = heldOutCurve(series);
  const fall = curve && fallOf(curve);
  if (!curve || curve.length < 4 || !fall || fall <= 0 || series.earlyStop || series.best) return undefined;
  const last = curve.at(-1)!;
  const { steps } = snapshot.state;
  if (last.x < steps) return undefined;
  const third = curve.findLast(({ x }) => x <= (2 / 3) * last.x)!;
  const late = third.y - last.y;
  if (late < MATTERS * fall || curve.some(({ y }) => y < last.y)) return undefined;
  return {
    text: `Train for longer: held-out loss was still falling at the end, so twice the ${plural(steps, 'step')} may learn more.`,
    because: `It fell from ${interval(third)} at ${at(third.x)} to ${interval(last)} at ${at(last.x)}, ${Math.round((100 * late) / fall)}% of the whole fall.`,
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
    text: 'Mix in text that the model must not forget (--replay base, or a file), or use a lower learning rate.',
    because: `${figureLabel(lost.task, lost.metric)} ${formatDifference(lost.difference, true)}, from ${formatInterval(lost.before, true)}.`,
  };
}

/** The result has also changed on text that it was not trained on. */
function farFromTheBase(run: RunView, view: PanelView): Advice | undefined {
  // These rules already say so, with more detail.
  if ([pastItsBest, methodOfOthers, forgotWithoutLearning, lostAbility].some((rule) => rule(run, view)))
    return undefined;
  const { summary, spec } = run.snapshot;
  const kl = summary?.comparisons.find(({ metric }) => isKl(metric))?.after;
  const limit = spec.evaluation.strengthLimit;
  if (!kl || kl.low <= limit) return undefined;
  return {
    text: `${spec.hyper.method === 'lora' ? 'Use it at a lower strength, or train' : 'Train'} at a lower learning rate: it has moved far from its base.`,
    because: `KL from base ${formatInterval(kl, false)} nats/token; up to ${limit} counts as close to the base.`,
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
/** Held-out loss over the checkpoints, base first. */
const heldOutCurve = ({ metrics }: RunView['series']) => {
  const points = longest(metrics, isHeldOutLoss)?.points;
  return points && points.length >= 3 ? points : undefined;
};
const fallOf = (curve: readonly IntervalPoint[]) => curve[0]!.y - Math.min(...curve.map(({ y }) => y));

/** Fall of the training loss between its smoothed ends, in nats per token. */
function fallOfTraining(loss: readonly { x: number; y: number }[]): number {
  if (loss.length < 4) return 0;
  const quarter = Math.max(2, Math.floor(loss.length / 4));
  const mean = (points: typeof loss) => smooth(points, 2 * points.length).at(-1)?.y ?? 0;
  return mean(loss.slice(0, quarter)) - mean(loss.slice(-quarter));
}

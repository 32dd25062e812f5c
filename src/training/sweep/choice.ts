/**
 * Which rates a sweep tries, and which one it chooses: of those that learned as much as the best one, the one that
 * forgets least. Pure functions of the settings and the finished trials, so a resumed sweep continues as if it had not
 * been stopped. docs/science.md explains the rule.
 */
import type { BaseShape } from '../../base-models/registry.ts';
import { pairedIntervals } from '../../statistics/intervals.ts';
import type { Interval, RatioItem } from '../../statistics/statistics.ts';
import type { Hyper } from '../../protocol/run.ts';
import type { BaseLine, SweepLine, SweepSpec, SweptMethod, Trial } from '../../protocol/sweep.ts';
import { defaultLearningRate } from '../default-rate.ts';
import { msg, type Text } from '../../text/message.ts';

/** Number of half-decades in the default grid on each side of the default rate. */
const HALF_DECADES = 2;
/** The most half-decades that a grid may be extended by at each end. */
const MAX_EXTENSIONS = 4;

/** Half-decades: 1e-4, 3e-4, 1e-3, ... `index` 0 is 1, 1 is 3, 2 is 10. */
const halfDecade = (index: number) => Number(`${index % 2 ? 3 : 1}e${Math.floor(index / 2)}`);
const indexOf = (rate: number) => Math.round(2 * Math.log10(rate));
/** The half-decade `steps` above `rate`. */
export const halfDecadesAbove = (rate: number, steps: number) => halfDecade(indexOf(rate) + steps);

/** A rate and `steps` half-decades on both sides of it, ascending. */
const around = (middle: number, steps: number): number[] =>
  Array.from({ length: 2 * steps + 1 }, (_, i) =>
    i === steps ? middle : halfDecadesAbove(middle, i - steps),
  );

/**
 * Half-decades around the default rate, ascending: 3e-5 to 3e-3 for LoRA with LionW, a tenth of that for full
 * fine-tuning.
 */
export function defaultGrid(
  method: Hyper['method'],
  optimizer: Hyper['optimizer'],
  base: BaseShape,
): number[] {
  return around(defaultLearningRate(method, optimizer, base), HALF_DECADES);
}

/** The rate to try next, in ascending order; undefined when the method is finished. */
export function nextRate(
  { rates }: SweptMethod,
  extend: boolean,
  trials: readonly Trial[],
): number | undefined {
  const tried = new Set(trials.map(({ learningRate }) => learningRate));
  const untried = rates.filter((rate) => !tried.has(rate));
  if (!extend) return untried[0];
  // Rates above one that diverges need not be tried.
  const limit = divergesFrom(trials) ?? Infinity;
  const inside = untried.find((rate) => rate < limit);
  if (inside !== undefined) return inside;
  const step = limit === Infinity ? 1 : -1;
  const end = limit === Infinity ? rates.at(-1)! : rates[0]!;
  // If a rate below the lowest diverging one was tried, the grid already covers that point.
  if (step < 0 && trials.some(({ learningRate }) => learningRate < limit)) return undefined;
  for (let i = 1; i <= MAX_EXTENSIONS; i += 1) {
    const rate = halfDecadesAbove(end, i * step);
    if (!tried.has(rate)) return rate;
  }
  return undefined;
}

/** The trials of a method, or of all, in the order in which they ended. */
export const listTrials = (lines: readonly SweepLine[], method?: Hyper['method']): Trial[] =>
  lines.filter(
    (line): line is Trial => line.type === 'trial' && (method === undefined || line.method === method),
  );

/** The lowest rate that diverged. */
function divergesFrom(trials: readonly Trial[]): number | undefined {
  const rates = trials.filter(({ diverged }) => diverged).map(({ learningRate }) => learningRate);
  return rates.length ? Math.min(...rates) : undefined;
}

/**
 * A rate that learned less than the best one by no more than this share is as good, even if the difference is
 * significant.
 */
const SMALL_SHARE = 0.1;
/**
 * A rate that learned less by more than this share is not as good, even if the difference is not significant: with few
 * files, noise would let any rate pass.
 */
const LARGE_SHARE = 0.5;

export interface RateResult {
  learningRate: number;
  /**
   * `stable`: it learned as much as the best trial, as far as measurable. `worse`: it finished, but learned less (see
   * `hasLearnedLess`).
   */
  verdict: 'stable' | 'worse' | 'diverged';
  diverged?: Trial['diverged'];
  /** Held-out loss in nats per token with its 95% interval over windows; undefined if the trial was cut short. */
  heldOut?: Interval;
  /** Its paired difference from the base's. */
  change?: Interval;
  kl?: number;
  losses: number[];
}

export interface MethodResult {
  method: Hyper['method'];
  /** Held-out loss of the base; undefined until it is measured. */
  base?: Interval;
  /** The base's loss on the tokens of each step. */
  baseLosses: number[];
  /** Ascending by rate. */
  rates: RateResult[];
  /** The stable rate that forgets least; undefined if everything diverges. */
  chosen?: number;
  /** The rate with the lowest held-out loss. */
  best?: number;
  /** The lowest rate that diverged; undefined if none did. */
  divergesFrom?: number;
  finished: boolean;
}

/** The result of the trials of a method. A rate above one that diverges is never chosen. */
export function concludeMethod(
  spec: SweepSpec,
  swept: SweptMethod,
  lines: readonly SweepLine[],
): MethodResult {
  const { method } = swept;
  const base = lines.find((line): line is BaseLine => line.type === 'base' && line.method === method);
  const trials = listTrials(lines, method).sort((a, b) => a.learningRate - b.learningRate);
  return {
    method,
    ...(base && { base: compare(base, base.heldOut, base.heldOut).after }),
    baseLosses: base?.losses ?? [],
    ...concludeTrials(trials, base),
    finished: nextRate(swept, spec.extend, trials) === undefined,
  };
}

/** The result of trials on the same text, ascending by rate. */
export function concludeTrials(
  trials: readonly Trial[],
  base: BaseLine | undefined,
): Pick<MethodResult, 'rates' | 'chosen' | 'best' | 'divergesFrom'> {
  const limit = divergesFrom(trials);
  const below = ({ learningRate }: { learningRate: number }) => learningRate < (limit ?? Infinity);
  const completed = trials.filter((trial) => trial.heldOut && !trial.diverged && below(trial));
  const best = base && completed.toSorted((a, b) => mean(a, base) - mean(b, base))[0];
  const rates = trials.map((trial) => rateResult(trial, base, best));
  const chosen = chooseTrialRate(rates.filter(below));
  return {
    rates,
    ...(chosen !== undefined && { chosen }),
    ...(best && { best: best.learningRate }),
    ...(limit !== undefined && { divergesFrom: limit }),
  };
}

/**
 * Of the rates that learned as much as the best one, the one that moved the model least: the one with the lowest KL, or
 * the lowest rate if KL was not measured for all. Undefined if none is stable.
 */
export function chooseTrialRate(
  rates: readonly Pick<RateResult, 'learningRate' | 'verdict' | 'kl'>[],
): number | undefined {
  const stable = rates.filter(({ verdict }) => verdict === 'stable');
  const measured = stable.every(({ kl }) => kl !== undefined);
  const [first] = stable.toSorted(
    (a, b) => (measured ? a.kl! - b.kl! : 0) || a.learningRate - b.learningRate,
  );
  return first?.learningRate;
}

/**
 * Whether a rate learned less than the best one. `difference`: the paired difference of their held-out losses;
 * `learned`: what the best one learned, in nats per token.
 */
function hasLearnedLess(difference: Interval, learned: number): boolean {
  if (difference.value <= SMALL_SHARE * learned) return false;
  // If the best one learned nothing, a share of it means nothing.
  return difference.low > 0 || (learned > 0 && difference.value > LARGE_SHARE * learned);
}

export function concludeSweep(spec: SweepSpec, lines: readonly SweepLine[]): MethodResult[] {
  return spec.methods.map((swept) => concludeMethod(spec, swept, lines));
}

/** The result of a trial, compared with the best one. */
function rateResult(trial: Trial, base: BaseLine | undefined, best: Trial | undefined): RateResult {
  const { learningRate, losses, kl, diverged, heldOut } = trial;
  const common = { learningRate, losses, ...(kl !== undefined && { kl }) };
  const measured = base && heldOut ? compare(base, base.heldOut, heldOut) : undefined;
  const summary = measured && { heldOut: measured.after, change: measured.difference };
  if (diverged) return { ...common, ...summary, verdict: 'diverged', diverged };
  const difference =
    base && heldOut && best?.heldOut ? compare(base, best.heldOut, heldOut).difference : undefined;
  const learned = base && best ? mean(base, base) - mean(best, base) : 0;
  return {
    ...common,
    ...summary,
    verdict: difference && hasLearnedLess(difference, learned) ? 'worse' : 'stable',
  };
}

/** Sums and weights of held-out windows, from the mean loss of each. */
export const windowParts = (
  { windowTokens, windowDocuments }: BaseLine,
  means: readonly number[],
): RatioItem[] =>
  means.map((value, i) => ({
    sum: value * windowTokens[i]!,
    weight: windowTokens[i]!,
    document: windowDocuments?.[i],
  }));

const mean = ({ heldOut }: Pick<Trial, 'heldOut'>, { windowTokens }: BaseLine) =>
  heldOut!.reduce((sum, value, i) => sum + value * windowTokens[i]!, 0) /
  windowTokens.reduce((sum, count) => sum + count, 0);

/** Compares two measurements on the same windows, given as the mean loss of each. */
const compare = (base: BaseLine, before: readonly number[], after: readonly number[]) =>
  pairedIntervals(windowParts(base, before), windowParts(base, after));

/** Why a finished trial still counts as diverged: its held-out loss is above the base's. Undefined if it is not. */
export function endedAboveBase(base: BaseLine, heldOut: readonly number[]): Text | undefined {
  if (!heldOut.every(Number.isFinite)) return msg`the held-out loss is no longer a number`;
  const { difference } = compare(base, base.heldOut, heldOut);
  return difference.low > 0
    ? msg`its held-out loss ended ${difference.value.toFixed(2)} nats above the base's`
    : undefined;
}

/** Steps over which a trial's loss is compared with the base's. */
const WINDOW = 8;
/** Nats. A model that is this much worse than the base on its own training text has diverged. */
const MARGIN = 0.5;

/**
 * Why a trial can be stopped, from its losses so far and the base's on the same tokens. Pairing them removes the effect
 * of easy and hard batches.
 */
export function divergenceReason(losses: readonly number[], baseLosses: readonly number[]): Text | undefined {
  if (losses.length < WINDOW) return undefined;
  const from = losses.length - WINDOW;
  const rise = losses.slice(from).reduce((sum, loss, i) => sum + loss - baseLosses[from + i]!, 0) / WINDOW;
  return rise > MARGIN
    ? msg`over ${WINDOW} steps the training loss was ${rise.toFixed(1)} nats above the base's on the same tokens`
    : undefined;
}

/**
 * Which rates a sweep tries and which one it chooses: of those that learned as much as the best one, the one that
 * forgets least. Pure functions of what was asked and of the finished trials, so a sweep that was stopped goes on as if
 * it had not been. The rule is explained in docs/science.md.
 */
import type { BaseShape } from '../../base-models/registry.ts';
import { pairedIntervals } from '../../statistics/intervals.ts';
import type { Interval, RatioItem } from '../../statistics/statistics.ts';
import type { Hyper } from '../../protocol/run.ts';
import type { BaseLine, SweepLine, SweepSpec, SweptMethod, Trial } from '../../protocol/sweep.ts';
import { defaultLearningRate } from '../learning-rate/defaults.ts';

/** Half-decades that the default grid has on each side of the default rate. */
const HALF_DECADES = 2;
/** Half-decades that a grid may be extended by at each end. */
const MOST_EXTENSIONS = 4;

/** Half-decades: 1e-4, 3e-4, 1e-3, ... `index` 0 is 1, 1 is 3, 2 is 10. */
const halfDecade = (index: number) => Number(`${index % 2 ? 3 : 1}e${Math.floor(index / 2)}`);
const indexOf = (rate: number) => Math.round(2 * Math.log10(rate));
/** The half-decade `steps` above `rate`. */
const beyond = (rate: number, steps: number) => halfDecade(indexOf(rate) + steps);

/** Half-decades on both sides of a rate, ascending. */
const around = (middle: number, steps: number): number[] =>
  Array.from({ length: 2 * steps + 1 }, (_, i) => (i === steps ? middle : beyond(middle, i - steps)));

/** What a run tries before it begins: a third of a rate, that rate, and three times that. */
export const trialRates = (middle: number): number[] => around(middle, 1);

/** Half-decades around the default rate, ascending: LoRA with LionW 3e-5 to 3e-3, full fine-tuning a tenth of it. */
export function defaultGrid(
  method: Hyper['method'],
  optimizer: Hyper['optimizer'],
  base: BaseShape,
): number[] {
  return around(defaultLearningRate(method, optimizer, base), HALF_DECADES);
}

/** The rate to try next, or undefined when the method is finished. Rates go upwards. */
export function nextRate(
  { rates }: SweptMethod,
  extend: boolean,
  trials: readonly Trial[],
): number | undefined {
  const tried = new Set(trials.map(({ learningRate }) => learningRate));
  const untried = rates.filter((rate) => !tried.has(rate));
  if (!extend) return untried[0];
  // What lies above a rate that diverges tells nothing more.
  const limit = divergesFrom(trials) ?? Infinity;
  const inside = untried.find((rate) => rate < limit);
  if (inside !== undefined) return inside;
  const step = limit === Infinity ? 1 : -1;
  const end = limit === Infinity ? rates.at(-1)! : rates[0]!;
  // Some rate is below the lowest that diverges: it lies inside.
  if (step < 0 && trials.some(({ learningRate }) => learningRate < limit)) return undefined;
  for (let i = 1; i <= MOST_EXTENSIONS; i += 1) {
    const rate = beyond(end, i * step);
    if (!tried.has(rate)) return rate;
  }
  return undefined;
}

/** The lowest rate that diverged. */
function divergesFrom(trials: readonly Trial[]): number | undefined {
  const rates = trials.filter(({ diverged }) => diverged).map(({ learningRate }) => learningRate);
  return rates.length ? Math.min(...rates) : undefined;
}

/** Of what the best trial learned: a rate that lost no more than this is as good, however sure the loss is. */
const LITTLE = 0.1;
/** A rate that lost more than this is not as good, however large the noise: of few files it would let any rate pass. */
const MUCH = 0.5;

export interface RateResult {
  learningRate: number;
  /**
   * `stable`: it learned as much as the best trial, as far as that can be told. `worse`: it came to its end, but learned
   * less: see `learnedLess`.
   */
  verdict: 'stable' | 'worse' | 'diverged';
  diverged?: { step: number; why: string };
  /** Held-out loss in nats per token with its 95% interval over windows; none where the trial was cut short. */
  heldOut?: Interval;
  /** Its paired difference from the base's. */
  change?: Interval;
  kl?: number;
  losses: number[];
}

export interface MethodResult {
  method: Hyper['method'];
  /** Held-out loss of the base; undefined while nothing was measured. */
  base?: Interval;
  /** The base's loss on the tokens of each step. */
  baseLosses: number[];
  /** Ascending by rate. */
  rates: RateResult[];
  /** Of the stable rates the one that forgets least; undefined where everything diverges. */
  chosen?: number;
  /** The rate of the lowest held-out loss. */
  best?: number;
  /** The lowest rate that diverged; undefined where that point was not reached. */
  divergesFrom?: number;
  finished: boolean;
}

/** What the trials of a method say. A rate above one that diverges is not chosen, whatever became of it. */
export function concludeMethod(
  spec: SweepSpec,
  swept: SweptMethod,
  lines: readonly SweepLine[],
): MethodResult {
  const { method } = swept;
  const base = lines.find((line): line is BaseLine => line.type === 'base' && line.method === method);
  const trials = lines
    .filter((line): line is Trial => line.type === 'trial' && line.method === method)
    .sort((a, b) => a.learningRate - b.learningRate);
  return {
    method,
    ...(base && { base: compare(base, base.heldOut, base.heldOut).after }),
    baseLosses: base?.losses ?? [],
    ...concludeTrials(trials, base),
    finished: nextRate(swept, spec.extend, trials) === undefined,
  };
}

/** What trials on the same text say, ascending by rate. */
export function concludeTrials(
  trials: readonly Trial[],
  base: BaseLine | undefined,
): Pick<MethodResult, 'rates' | 'chosen' | 'best' | 'divergesFrom'> {
  const limit = divergesFrom(trials);
  const below = ({ learningRate }: { learningRate: number }) => learningRate < (limit ?? Infinity);
  const ended = trials.filter((trial) => trial.heldOut && !trial.diverged && below(trial));
  const best = base && ended.toSorted((a, b) => mean(a, base) - mean(b, base))[0];
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
 * Of the rates that learned as much as the best one, the one that moved the model least: by its KL, and where that was
 * not measured of each, the lowest. Undefined where none is stable.
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
 * As concludeTrials chooses, of the trials whose KL is `most` nats per token at most; where none is, the one that forgot
 * least. `limited`: without that limit it would be another one.
 */
export function chooseWithin(
  trials: readonly Trial[],
  base: BaseLine,
  most: number,
): { chosen?: number; limited: boolean } {
  const { chosen: free } = concludeTrials(trials, base);
  const within = trials.filter(({ kl, diverged }) => diverged || kl === undefined || kl <= most);
  const { chosen = leastKl(trials) } = concludeTrials(within, base);
  return { ...(chosen !== undefined && { chosen }), limited: chosen !== free };
}

function leastKl(trials: readonly Trial[]): number | undefined {
  const [least] = trials
    .filter(({ diverged }) => !diverged)
    .toSorted((a, b) => (a.kl ?? Infinity) - (b.kl ?? Infinity) || a.learningRate - b.learningRate);
  return least?.learningRate;
}

/**
 * Whether a rate lost something by the side of the best one: `behind` is the paired difference of their held-out
 * losses, `learned` what the best one learned, in nats per token.
 */
function learnedLess(behind: Interval, learned: number): boolean {
  if (behind.value <= LITTLE * learned) return false;
  // Where nothing was learned, there is nothing to lose a part of.
  return behind.low > 0 || (learned > 0 && behind.value > MUCH * learned);
}

export function concludeSweep(spec: SweepSpec, lines: readonly SweepLine[]): MethodResult[] {
  return spec.methods.map((swept) => concludeMethod(spec, swept, lines));
}

/** What a trial says beside the best one. */
function rateResult(trial: Trial, base: BaseLine | undefined, best: Trial | undefined): RateResult {
  const { learningRate, losses, kl, diverged, heldOut } = trial;
  const common = { learningRate, losses, ...(kl !== undefined && { kl }) };
  const measured = base && heldOut ? compare(base, base.heldOut, heldOut) : undefined;
  const figures = measured && { heldOut: measured.after, change: measured.difference };
  if (diverged) return { ...common, ...figures, verdict: 'diverged', diverged };
  const behind =
    base && heldOut && best?.heldOut ? compare(base, best.heldOut, heldOut).difference : undefined;
  const learned = base && best ? mean(base, base) - mean(best, base) : 0;
  return { ...common, ...figures, verdict: behind && learnedLess(behind, learned) ? 'worse' : 'stable' };
}

/** Of held-out windows, given as means of each. */
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

/** Two measurements on the same windows, given as means of each. */
const compare = (base: BaseLine, before: readonly number[], after: readonly number[]) =>
  pairedIntervals(windowParts(base, before), windowParts(base, after));

/** Why a trial that came to its end still counts as diverged: it knows less than before it began. */
export function endedAboveBase(base: BaseLine, heldOut: readonly number[]): string | undefined {
  if (!heldOut.every(Number.isFinite)) return 'the held-out loss is no longer a number';
  const { difference } = compare(base, base.heldOut, heldOut);
  return difference.low > 0
    ? `its held-out loss ended ${difference.value.toFixed(2)} nats above the base's`
    : undefined;
}

/** Steps over which a trial's loss is compared with the base's. */
const WINDOW = 8;
/** Nats. A model that is so much worse than the base on the text that it trains on has left the road. */
const MARGIN = 0.5;

/**
 * Why a trial need not go on, from its losses so far and the base's on the same tokens: paired, so that neither easy
 * nor hard batches count.
 */
export function leftTheRoad(losses: readonly number[], baseLosses: readonly number[]): string | undefined {
  if (losses.length < WINDOW) return undefined;
  const from = losses.length - WINDOW;
  const rise = losses.slice(from).reduce((sum, loss, i) => sum + loss - baseLosses[from + i]!, 0) / WINDOW;
  return rise > MARGIN
    ? `over ${WINDOW} steps the training loss was ${rise.toFixed(1)} nats above the base's on the same tokens`
    : undefined;
}

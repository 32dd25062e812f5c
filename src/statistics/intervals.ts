/**
 * 95% intervals of metrics. The observations are documents, because windows or cursors of one file are correlated. Each
 * document is left out in turn (the jackknife). The degrees of freedom of Student's t account for documents of unequal
 * size. These methods were chosen by simulation: docs/science.md, test/unit/statistics/coverage.test.ts.
 */
import { uniform } from './random.ts';
import { proportionInterval } from './proportion.ts';
import { MISSED, percentile, wilson, Z, type Interval, type RatioItem } from './statistics.ts';
import { normalTail, studentQuantile } from './student.ts';

/** Number of bootstrap resamples for discontinuous statistics, where a jackknife does not work. */
const RESAMPLES = 4000;
const SEED = 20240905;

/** Each model's items, in the same order for all models. */
export type Stratum = readonly (readonly RatioItem[])[];
/** Ratios of totals, by stratum and model. */
export type Means = readonly (readonly number[])[];

/** Totals of one document: each model's sum and weight. */
interface DocumentTotals {
  sums: number[];
  weights: number[];
}

/** A stratum's documents, except those of weight 0. If there is only one, each item counts as a document. */
function documentsOf(stratum: Stratum): DocumentTotals[] {
  const keys = (stratum[0] ?? []).map(({ document }, item) => document ?? item);
  const single = new Set(keys).size < 2;
  const found = new Map<string | number, DocumentTotals>();
  for (const [item, key] of keys.entries()) {
    const own = single ? item : key;
    let totals = found.get(own);
    if (!totals) {
      totals = { sums: stratum.map(() => 0), weights: stratum.map(() => 0) };
      found.set(own, totals);
    }
    for (let model = 0; model < stratum.length; model += 1) {
      const { sum, weight } = stratum[model]![item]!;
      totals.sums[model]! += sum;
      totals.weights[model]! += weight;
    }
  }
  return [...found.values()].filter(({ weights }) => weights.some((weight) => weight > 0));
}

interface Estimate {
  value: number;
  variance: number;
  degrees: number;
}

/**
 * A statistic with its jackknife variance: the sum of squared changes when one document is left out (clustered HC3;
 * MacKinnon, Nielsen & Webb 2023). Undefined if the statistic is undefined for all documents or for all but one, or if
 * a stratum has fewer than two documents.
 */
function jackknife(
  strata: readonly (readonly DocumentTotals[])[],
  statistic: (means: Means) => number,
): Estimate | undefined {
  const totals = strata.map(totalOf);
  const means = totals.map(meansOf);
  const value = statistic(means);
  if (!Number.isFinite(value)) return undefined;
  let variance = 0;
  // Welch and Satterthwaite, over strata.
  let spread = 0;
  for (const [index, documents] of strata.entries()) {
    if (documents.length < 2) return undefined;
    const total = totals[index]!;
    let own = 0;
    for (const { sums, weights } of documents) {
      for (let model = 0; model < sums.length; model += 1)
        means[index]![model] =
          (total.sums[model]! - sums[model]!) / (total.weights[model]! - weights[model]!);
      own += (statistic(means) - value) ** 2;
    }
    means[index] = meansOf(total);
    variance += own;
    spread += own ** 2 / degreesOf(documents, total);
  }
  if (!Number.isFinite(variance)) return undefined;
  return { value, variance, degrees: spread > 0 ? variance ** 2 / spread : Infinity };
}

function totalOf(documents: readonly DocumentTotals[]): DocumentTotals {
  const [sums, weights] = [documents[0]?.sums.map(() => 0) ?? [], documents[0]?.weights.map(() => 0) ?? []];
  for (const document of documents)
    for (let model = 0; model < sums.length; model += 1) {
      sums[model]! += document.sums[model]!;
      weights[model]! += document.weights[model]!;
    }
  return { sums, weights };
}

const meansOf = ({ sums, weights }: DocumentTotals): number[] =>
  sums.map((sum, model) => sum / weights[model]!);

/**
 * Degrees of freedom of that variance (Bell & McCaffrey 2002): n - 1 for n documents of equal weight, fewer otherwise.
 * If the tokens' errors are independent, the documents' residuals have the covariance diag(h) - h h', where h are their
 * shares of the total weight.
 */
function degreesOf(documents: readonly DocumentTotals[], { weights: all }: DocumentTotals): number {
  let [trace, squares, fourths] = [0, 0, 0];
  for (const { weights } of documents) {
    const share = weights.reduce((sum, weight, model) => sum + weight / all[model]!, 0) / all.length;
    const odds = share / (1 - share);
    trace += odds;
    squares += odds ** 2;
    fourths += odds ** 4;
  }
  return trace ** 2 / (squares + squares ** 2 - fourths);
}

/** Half the width of the estimate's interval. */
const reach = ({ variance, degrees }: Estimate): number =>
  variance > 0 ? studentQuantile(degrees) * Math.sqrt(variance) : 0;

/**
 * The interval of a smooth statistic. Undefined if the statistic is undefined for all documents or for all but one, or
 * if a stratum has fewer than two documents.
 */
export function interval(
  strata: readonly Stratum[],
  statistic: (means: Means) => number,
): Interval | undefined {
  const found = jackknife(strata.map(documentsOf), statistic);
  if (!found) return undefined;
  const { value } = found;
  return { value, low: value - reach(found), high: value + reach(found) };
}

/**
 * The interval of a discontinuous statistic, such as the position of a minimum, by a bootstrap over documents. The
 * percentiles are widened as much as t is wider than the normal distribution (Hesterberg 2015, "expanded percentiles").
 * Undefined as for `interval`, and if the statistic is undefined for more resamples than the tails hold.
 */
export function resampledInterval(
  stratum: Stratum,
  statistic: (means: readonly number[]) => number,
): Interval | undefined {
  const documents = documentsOf(stratum);
  const n = documents.length;
  const value = n > 0 ? statistic(meansOf(totalOf(documents))) : NaN;
  if (n < 2 || !Number.isFinite(value)) return undefined;
  const random = uniform(SEED);
  const drawn: number[] = [];
  for (let i = 0; i < RESAMPLES; i += 1) {
    const sample = documents.map(() => documents[Math.floor(random() * n)]!);
    const value = statistic(meansOf(totalOf(sample)));
    if (Number.isFinite(value)) drawn.push(value);
  }
  if (drawn.length < (1 - MISSED / 2) * RESAMPLES) return undefined;
  const tail = normalTail(Math.sqrt(n / (n - 1)) * studentQuantile(n - 1));
  const sorted = Float64Array.from(drawn).sort();
  return { value, low: percentile(sorted, tail), high: percentile(sorted, 1 - tail) };
}

/** The same items in the same order. */
export interface Pair {
  before: readonly RatioItem[];
  after: readonly RatioItem[];
}
type Intervals = Record<'before' | 'after' | 'difference', Interval>;

/**
 * The kind of a metric: right or wrong answers; a share; a non-negative amount, such as a loss or a time; or any
 * number.
 */
export type MetricKind = 'answers' | 'share' | 'amount' | 'number';

/**
 * With fewer documents, an interval shows nothing. Treating their correlated items as independent found spurious gains in
 * 10 to 29% of simulated runs, and an interval over so few documents is too wide.
 */
export const MIN_DOCUMENTS = 4;

/** Ratios of totals of `before` and `after`, and the paired difference after - before. */
export const pairedIntervals = (
  before: readonly RatioItem[],
  after: readonly RatioItem[],
  kind: MetricKind = 'amount',
): Intervals => stratifiedIntervals([{ before, after }], kind);

/**
 * Intervals of the mean over strata, such as tasks. A single item has no spread: its interval is its value. Throws an
 * Error if the lists of a pair are empty or differ in length.
 */
export function stratifiedIntervals(pairs: readonly Pair[], kind: MetricKind): Intervals {
  for (const { before, after } of pairs) {
    if (before.length !== after.length)
      throw new Error(`pairs differ: ${before.length} and ${after.length} items`);
    if (before.length === 0) throw new Error('no items');
  }
  const strata = pairs.map(({ before, after }) => documentsOf([before, after]));
  const mean = (of: (means: readonly number[]) => number) => (all: Means) =>
    all.reduce((sum, means) => sum + of(means), 0) / all.length;
  const [first, last] = [mean(([before]) => before!), mean(([, after]) => after!)];
  const change = mean(([before, after]) => after! - before!);
  if (kind === 'answers' && pairs.length === 1) return answers(pairs[0]!, strata[0]!);
  const level = (of: (means: Means) => number) => levelOf(strata, of, kind);
  const [before, after] = [level(first), level(last)];
  // If the metric is zero for the base by definition, the difference is the metric itself.
  const rise = kind === 'amount' && pairs.every((pair) => pair.before.every(({ sum }) => sum === 0));
  return { before, after, difference: rise ? after : differenceOf(strata, change, kind) };
}

type Strata = readonly (readonly DocumentTotals[])[];

/** A smaller variance is just rounding error. */
const NOTHING = 1e-24;
const countOf = (strata: Strata) => strata.reduce((sum, documents) => sum + documents.length, 0);
const alone = (value: number): Interval => ({ value, low: value, high: value });
const around = (value: number, margin: number): Interval => ({
  value,
  low: value - margin,
  high: value + margin,
});
const within = ({ value, low, high }: Interval, min: number, max: number): Interval => ({
  value,
  low: Math.max(low, min),
  high: Math.min(high, max),
});

function levelOf(strata: Strata, statistic: (means: Means) => number, kind: MetricKind): Interval {
  const found = jackknife(strata, statistic);
  if (!found) return alone(statistic(strata.map((documents) => meansOf(totalOf(documents)))));
  const { value } = found;
  if (kind === 'number') return around(value, reach(found));
  if (kind !== 'amount') return share(found, countOf(strata));
  // Amounts are skewed, so the interval is computed on a logarithmic scale.
  const logs = jackknife(strata, (means) => Math.log(statistic(means)));
  // With this much uncertainty, the logarithmic interval would be absurdly wide.
  if (!logs || reach(logs) > 1) return within(around(value, reach(found)), 0, Infinity);
  const factor = Math.exp(reach(logs));
  return { value, low: value / factor, high: value * factor };
}

function differenceOf(strata: Strata, statistic: (means: Means) => number, kind: MetricKind): Interval {
  const found = jackknife(strata, statistic);
  if (!found) return alone(statistic(strata.map((documents) => meansOf(totalOf(documents)))));
  const { value, variance } = found;
  if (kind === 'amount' || kind === 'number') return around(value, reach(found));
  // No document shows a difference, but unseen ones might: use the upper bound of 0 among n.
  if (variance < NOTHING && value === 0) return around(0, wilson(0, countOf(strata)).high);
  return within(around(value, reach(found)), -1, 1);
}

/**
 * The interval of a share is that of a proportion with the effective sample size: the number of answers that would have
 * the same variance (Korn & Graubard 1998), or the number of documents if all agree. The variance is rescaled to the
 * normal distribution, which a proportion's interval assumes.
 */
function share(found: Estimate, documents: number): Interval {
  const { value, variance } = found;
  const spread = (reach(found) / Z) ** 2;
  const count = variance < NOTHING ? documents : (value * (1 - value)) / spread;
  return { value, ...wilson(value * count, count) };
}

/**
 * Proportions get Wilson's interval, their difference Agresti and Min's (2005), which adds half an answer to each of
 * the four cells. If answers within a document are correlated, their number is divided by Kish's design effect: the
 * ratio of the variance over documents to that over answers.
 */
function answers(pair: Pair, documents: readonly DocumentTotals[]): Intervals {
  const n = pair.after.length;
  const effective = (values: readonly number[], of: (means: readonly number[]) => number) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / n;
    const plain = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1) ** 2;
    if (plain < NOTHING || n < 2) return { mean, count: documents.length };
    const clustered = jackknife([documents], ([means]) => of(means!))?.variance ?? plain;
    return { mean, count: n / Math.max(1, clustered / plain) };
  };
  const proportion = (side: keyof Pair, index: number): Interval => {
    const { mean, count } = effective(
      pair[side].map(({ sum }) => sum),
      (means) => means[index]!,
    );
    return { value: mean, ...proportionInterval(mean * count, count) };
  };
  const changes = pair.after.map(({ sum }, item) => sum - pair.before[item]!.sum);
  const { mean, count } = effective(changes, ([before, after]) => after! - before!);
  const share = (sign: number) =>
    ((changes.filter((change) => change === sign).length / n) * count + 0.5) / (count + 1);
  const [up, down] = [share(1), share(-1)];
  const margin = Z * Math.sqrt((up + down - (up - down) ** 2) / (count + 1));
  return {
    before: proportion('before', 0),
    after: proportion('after', 1),
    difference: within({ value: mean, low: up - down - margin, high: up - down + margin }, -1, 1),
  };
}

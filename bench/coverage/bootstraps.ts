/**
 * Intervals to compare the product's with: documents are drawn with replacement, within each stratum. Efron &
 * Tibshirani, An Introduction to the Bootstrap (1993): percentile (chapter 13), BCa (14.3) and bootstrap-t (12.5). All
 * are in the figure's own unit.
 */
import { documentsOf, type Pair } from '../../src/statistics/intervals.ts';
import { MISSED, percentile, Z } from '../../src/statistics/statistics.ts';
import type { Method } from './measure.ts';
import type { Random, Setting } from './draws.ts';

const RESAMPLES = 1000;

/** A stratum's documents. Each: the sums of base and result, then their weights. */
type Stratum = readonly (readonly [number, number, number, number])[];

/** The setting's figure, a mean over strata, with its standard error by the delta method. */
function estimate({ of }: Setting, strata: readonly Stratum[]): { value: number; error: number } {
  let [value, variance] = [0, 0];
  for (const documents of strata) {
    let [first, last, firstWeight, lastWeight] = [0, 0, 0, 0];
    for (const [a, b, c, d] of documents) {
      first += a;
      last += b;
      firstWeight += c;
      lastWeight += d;
    }
    const [before, after] = [first / firstWeight, last / lastWeight];
    let squares = 0;
    for (const [a, b, c, d] of documents) {
      const moved = (b - after * d) / lastWeight;
      squares += (of === 'after' ? moved : moved - (a - before * c) / firstWeight) ** 2;
    }
    value += of === 'after' ? after : after - before;
    variance += (squares * documents.length) / (documents.length - 1);
  }
  return { value: value / strata.length, error: Math.sqrt(variance) / strata.length };
}

interface Drawn {
  strata: readonly Stratum[];
  value: number;
  error: number;
  /** The figure of each resample, ascending. */
  values: Float64Array;
  /** How far each resample's figure is from `value`, in its own standard errors, ascending. */
  offs: Float64Array;
}

/** All methods use the same resamples. */
let last: { pairs: readonly Pair[]; drawn: Drawn } | undefined;
function draw(pairs: readonly Pair[], setting: Setting, random: Random): Drawn {
  if (last?.pairs !== pairs) last = { pairs, drawn: drawAnew(pairs, setting, random) };
  return last.drawn;
}

function drawAnew(pairs: readonly Pair[], setting: Setting, random: Random): Drawn {
  const strata = pairs.map(({ before, after }) =>
    documentsOf([before, after]).map(({ sums, weights }): Stratum[number] => [
      sums[0]!,
      sums[1]!,
      weights[0]!,
      weights[1]!,
    ]),
  );
  const whole = estimate(setting, strata);
  const values = new Float64Array(RESAMPLES);
  const offs: number[] = [];
  for (let i = 0; i < RESAMPLES; i += 1) {
    const one = estimate(
      setting,
      strata.map((documents) => documents.map(() => documents[Math.floor(random() * documents.length)]!)),
    );
    values[i] = one.value;
    const off = (scaled(setting, one.value) - scaled(setting, whole.value)) / errorOf(setting, one);
    // A resample of one document alone has no error to divide by.
    if (Number.isFinite(off)) offs.push(off);
  }
  return { ...whole, strata, values: values.sort(), offs: Float64Array.from(offs).sort() };
}

/** Errors of an amount's level are factors, as in the product; only bootstrap-t depends on the scale. */
const onLogarithms = ({ kind, of }: Setting) => kind === 'amount' && of === 'after';
const scaled = (setting: Setting, value: number) => (onLogarithms(setting) ? Math.log(value) : value);
const errorOf = (setting: Setting, { value, error }: { value: number; error: number }) =>
  onLogarithms(setting) ? error / value : error;

export const percentileBootstrap: Method = (pairs, setting, random) => {
  const { values } = draw(pairs, setting, random);
  return { low: percentile(values, MISSED / 2), high: percentile(values, 1 - MISSED / 2) };
};

export const bca: Method = (pairs, setting, random) => {
  const { strata, value, values } = draw(pairs, setting, random);
  // If the figure is discrete, many draws equal the value: half of them count as below.
  const below = values.filter((one) => one < value).length + values.filter((one) => one === value).length / 2;
  const bias = normalQuantile(Math.min(Math.max(below, 0.5), RESAMPLES - 0.5) / RESAMPLES);
  const skew = acceleration(strata, setting);
  const tail = (z: number) => normalShare(bias + (bias + z) / (1 - skew * (bias + z)));
  return { low: percentile(values, tail(-Z)), high: percentile(values, tail(Z)) };
};

/** Sum of cubes / (6 (sum of squares)^1.5) of the changes when each document is left out in turn (the jackknife). */
function acceleration(strata: readonly Stratum[], setting: Setting): number {
  let [squares, cubes] = [0, 0];
  for (const [index, documents] of strata.entries()) {
    const without = documents.map(
      (_, left) =>
        estimate(
          setting,
          strata.map((all, i) => (i === index ? all.filter((_, at) => at !== left) : all)),
        ).value,
    );
    const mean = without.reduce((sum, one) => sum + one, 0) / without.length;
    for (const one of without) {
      squares += (mean - one) ** 2;
      cubes += (mean - one) ** 3;
    }
  }
  return squares > 0 ? cubes / (6 * squares ** 1.5) : 0;
}

export const bootstrapT: Method = (pairs, setting, random) => {
  const drawn = draw(pairs, setting, random);
  const { value, offs } = drawn;
  if (offs.length === 0) return { low: value, high: value };
  const at = (share: number) => scaled(setting, value) - percentile(offs, share) * errorOf(setting, drawn);
  const [low, high] = [at(1 - MISSED / 2), at(MISSED / 2)];
  return onLogarithms(setting) ? { low: Math.exp(low), high: Math.exp(high) } : { low, high };
};

/** Share of a standard normal distribution below x, accurate to 1e-7 (Abramowitz & Stegun 26.2.17). */
function normalShare(x: number): number {
  if (x > 0) return 1 - normalShare(-x);
  const t = 1 / (1 - 0.2316419 * x);
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return density(x) * series;
}
const density = (x: number) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** The inverse of normalShare, by Newton's method from 0, with steps of 1 at most so that it converges. */
function normalQuantile(share: number): number {
  let x = 0;
  for (let i = 0; i < 50; i += 1) {
    const step = (share - normalShare(x)) / density(x);
    x += Math.max(-1, Math.min(1, step));
    if (Math.abs(step) < 1e-7) break;
  }
  return x;
}

/** Random numbers, files, windows and cursors for the simulations. */
import { allocate } from '../../src/evaluation/cursors/held-out.ts';
import type { MetricKind, Pair } from '../../src/statistics/intervals.ts';

export type Random = () => number;

export interface Setting {
  /** The metric's name in the table. */
  name: string;
  kind: MetricKind;
  /** One draw, with a pair per stratum; strata are tasks. */
  draw(random: Random): Pair[];
  /** The true values of the distribution. */
  truth: { after: number; difference: number };
  /** Which of them the interval is for. */
  of: keyof Setting['truth'];
}

export const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
/** Log-normal with mean 1 and the coefficient of variation `variation`. */
export function factor(random: Random, variation: number): number {
  const deviation = Math.sqrt(Math.log1p(variation ** 2));
  return Math.exp(deviation * normal(random) - deviation ** 2 / 2);
}
export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

const WINDOW = 512;
/** Tokens per file: log-normal. */
const FILE = { median: 1200, deviation: 1.1 };

/** For each of `count` windows, evenly spaced in a stream of files: how many tokens of each file it contains. */
export function windows(random: Random, files: number, count: number): { file: number; tokens: number }[][] {
  const ends: number[] = [];
  for (let file = 0; file < files; file += 1)
    ends.push((ends.at(-1) ?? 0) + Math.ceil(FILE.median * Math.exp(FILE.deviation * normal(random))));
  const there = Math.max(1, Math.floor(ends.at(-1)! / WINDOW));
  const taken = Math.min(there, count);
  return times(taken, (index) => {
    const begin = Math.floor(((index + 0.5) * there) / taken) * WINDOW;
    const end = Math.min(begin + WINDOW, ends.at(-1)!);
    const found: { file: number; tokens: number }[] = [];
    let file = ends.findIndex((last) => last > begin);
    for (let from = begin; from < end; from = ends[file++]!)
      found.push({ file, tokens: Math.min(end, ends[file]!) - from });
    return found;
  });
}

/** The file (of `files` files of different sizes) of each cursor; `counts` are the numbers of cursors of each kind. */
export const places = (random: Random, files: number, ...counts: number[]): number[] =>
  placesIn(fileSizes(random, files), ...counts);

/** Possible places in each of `files` files. */
export const fileSizes = (random: Random, files: number): number[] =>
  times(files, () => Math.ceil(40 * Math.exp(0.8 * normal(random))));

/** The file of each cursor, for files of these sizes. */
export function placesIn(sizes: readonly number[], ...counts: number[]): number[] {
  const earlier = new Uint32Array(sizes.length);
  return counts.flatMap((count) =>
    [...allocate(sizes, count, earlier)].flatMap((taken, file) => {
      earlier[file]! += taken;
      return times(taken, () => file);
    }),
  );
}

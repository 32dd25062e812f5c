/** How well cheap metrics rank results by the harm done. Pure. */
import { markdownTable } from '../markdown.ts';

export interface HarmPoint {
  name: string;
  strength: number;
  /** Losses against the base: larger is worse. */
  harm: Readonly<Record<string, number>>;
  /** What a run can measure quickly: larger is expected to be worse. */
  cheap: Readonly<Record<string, number>>;
}

export function rankTable(points: readonly HarmPoint[]): string {
  const [{ harm, cheap } = { harm: {}, cheap: {} }] = points;
  const [harms, metrics] = [Object.keys(harm), Object.keys(cheap)];
  const value = (number: number) => number.toFixed(3);
  return [
    ...markdownTable(
      ['result', 'strength', ...harms, ...metrics],
      points.map((point) => [
        point.name,
        String(point.strength),
        ...harms.map((name) => value(point.harm[name]!)),
        ...metrics.map((name) => value(point.cheap[name]!)),
      ]),
    ),
    '',
    ...markdownTable(
      ['rank correlation with', ...harms],
      metrics.map((metric) => [
        metric,
        ...harms.map((name) =>
          value(spearman(points.map((point) => [point.cheap[metric]!, point.harm[name]!]))),
        ),
      ]),
    ),
  ].join('\n');
}

/** Spearman's rank correlation; ties get their mean rank; pairs with NaN are left out. */
export function spearman(pairs: readonly (readonly [number, number])[]): number {
  const known = pairs.filter((pair) => pair.every(Number.isFinite));
  const [xs, ys] = [0, 1].map((at) => ranks(known.map((pair) => pair[at]!)));
  const mean = (known.length - 1) / 2;
  const product = (as: readonly number[], bs: readonly number[]) =>
    as.reduce((total, a, at) => total + (a - mean) * (bs[at]! - mean), 0);
  return product(xs!, ys!) / Math.sqrt(product(xs!, xs!) * product(ys!, ys!));
}

const ranks = (values: readonly number[]): number[] =>
  values.map((value) => {
    const less = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return less + (equal - 1) / 2;
  });

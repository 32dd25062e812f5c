/**
 * The bias of the reported gain from choosing the strength by the same measurement: on the cursors used for choosing,
 * and on other cursors of the same files.
 */
import { chooseCrossFitted, type CountedPoint } from '../../src/evaluation/strength/cross-fit.ts';
import { strengthPoint } from '../../src/findings/strength-rule.ts';
import { uniform } from '../../src/statistics/random.ts';
import { ratio, type RatioItem } from '../../src/statistics/statistics.ts';
import { heldOutFiles, type Cursors, type Result } from './cursors.ts';

const STRENGTHS = [0.25, 0.5, 0.75, 1];
const COUNTS = { chosenBy: 24, others: 24 };
const LIMIT = 0.1;
const SEED = 20261126;

/** Results by their gain at the best strength, in bits per byte; every strength is within the limit. */
export const gains: Record<string, Pick<Result, 'rise' | 'fall'>> = {
  none: { rise: 0, fall: 0 },
  weak: { rise: 0.06, fall: 0.04 },
  middling: { rise: 0.16, fall: 0.1 },
  strong: { rise: 0.4, fall: 0.25 },
};
/** Variation of gains: the largest observed, and that between the files of click. */
export const variations = {
  large: { file: 0.8, cursor: 1.2, noise: 0.06 },
  small: { file: 0.4, cursor: 0.7, noise: 0.06 },
};

/** Ways of reporting the gain: at the strength chosen with all files; each file at the strength chosen without it. */
const ways = ['chosen', 'crossFitted'] as const;
type Gains = Record<(typeof ways)[number], number>;

export interface Bias {
  /** Share of draws in which a strength is offered, and in which the cross-fitted interval also lies below zero. */
  offered: number;
  seen: number;
  /** The true gain at the chosen strength, in bits per byte: the mean over draws in which one is offered. */
  truth: number;
  /** The reported gain, on the cursors used for choosing and on other ones. */
  chosenBy: Gains;
  others: Gains;
}

export function biasOfChoice(result: Result, files: number, draws: number): Bias {
  const random = uniform(SEED);
  const none = (): Gains => ({ chosen: 0, crossFitted: 0 });
  const sums = { truth: 0, chosenBy: none(), others: none() };
  let [offered, seen] = [0, 0];
  for (let draw = 0; draw < draws; draw += 1) {
    const cursors = heldOutFiles(random, files, result);
    const own = cursors(COUNTS.chosenBy);
    const others = cursors(COUNTS.others);
    const base = { learned: own.base, kl: [], solutions: [] };
    const measured = STRENGTHS.map((strength): CountedPoint => {
      const learned = own.at(strength);
      return { point: strengthPoint(strength, base, { ...base, learned }), learned };
    });
    const { strength, learned, without = {} } = chooseCrossFitted({ learned: own.base }, measured, LIMIT);
    if (strength === 0) continue;
    offered += 1;
    seen += Number(learned!.high < 0);
    sums.truth += result.rise * strength - result.fall * strength ** 2;
    const strengths: Record<keyof Gains, (file: string) => number> = {
      chosen: () => strength,
      crossFitted: (file) => without[file] ?? strength,
    };
    for (const way of ways) {
      sums.chosenBy[way] += gainOf(own, strengths[way]);
      sums.others[way] += gainOf(others, strengths[way]);
    }
  }
  const mean = (sum: number) => sum / offered;
  const means = (of: Gains): Gains => ({
    chosen: mean(of.chosen),
    crossFitted: mean(of.crossFitted),
  });
  return {
    offered: offered / draws,
    seen: seen / draws,
    truth: mean(sums.truth),
    chosenBy: means(sums.chosenBy),
    others: means(sums.others),
  };
}

/** Bits per byte gained if each file is measured at its own strength. */
function gainOf({ base, at }: Cursors, strengthOf: (file: string) => number): number {
  const counts = new Map<number, readonly RatioItem[]>();
  const after = base.map(({ document }, index) => {
    const strength = strengthOf(document!);
    if (!counts.has(strength)) counts.set(strength, at(strength));
    return counts.get(strength)![index]!;
  });
  return ratio(base) - ratio(after);
}

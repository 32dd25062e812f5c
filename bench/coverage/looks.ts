/**
 * How often a result is offered if its first measurement that leaves a gain open is followed by one at more cursors of
 * the same files, as in src/evaluation/strength/measured.ts. Only the first strength is within the limit on forgetting.
 */
import { chooseCrossFitted } from '../../src/evaluation/strength/cross-fit.ts';
import { FIRST_STRENGTH, strengthPoint } from '../../src/findings/strength-rule.ts';
import { uniform } from '../../src/statistics/random.ts';
import { heldOutFiles, type Cursors, type Result } from './cursors.ts';

const LIMIT = 0.1;
const SEED = 20261201;

/** Cursors of the first and of the second look: of a default run on two cores, and where there is time for all. */
export const looks = [
  { first: 18, second: 20 },
  { first: 24, second: 48 },
];

/** Shares of draws in which the result is offered: after the first look alone, and with the second. */
export interface Offers {
  first: number;
  both: number;
  /** The true gain in bits per byte, and the mean of what is reported where it is offered. */
  truth: number;
  reported: number;
}

export function offersByLooks(
  result: Result,
  { files, first, second }: { files: number; first: number; second: number },
  draws: number,
): Offers {
  const random = uniform(SEED);
  const sums = { first: 0, both: 0, reported: 0 };
  for (let draw = 0; draw < draws; draw += 1) {
    const cursors = heldOutFiles(random, files, result);
    const [one, two] = [cursors(first), cursors(second)];
    const looked = look([one]);
    sums.first += Number(looked.strength > 0);
    const isOpen = looked.strength === 0 && looked.point.learned.value < 0;
    const { strength, learned } = isOpen ? look([one, two]) : looked;
    if (strength === 0) continue;
    sums.both += 1;
    sums.reported -= learned!.value;
  }
  return {
    first: sums.first / draws,
    both: sums.both / draws,
    truth: result.rise * FIRST_STRENGTH - result.fall * FIRST_STRENGTH ** 2,
    reported: sums.reported / sums.both,
  };
}

function look(all: readonly Cursors[]) {
  const base = { learned: all.flatMap((cursors) => cursors.base), kl: [], solutions: [] };
  const learned = all.flatMap((cursors) => cursors.at(FIRST_STRENGTH));
  const point = strengthPoint(FIRST_STRENGTH, base, { ...base, learned });
  return { point, ...chooseCrossFitted(base, [{ point, learned }], LIMIT) };
}

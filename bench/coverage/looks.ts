/**
 * How often a result is offered if cursors that leave it open whether it is better are followed by further ones of the
 * same files, as in src/evaluation/strength/measured.ts. Strengths above the first forget too much.
 */
import { chooseCrossFitted } from '../../src/evaluation/strength/cross-fit.ts';
import { bestPoint, FIRST_STRENGTH, strengthPoint } from '../../src/findings/strength-rule.ts';
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
  /** The true gain at the first strength in bits per byte, and the mean of what is reported where one is offered. */
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
    sums.first += Number(looked.choice.strength > 0);
    const { learned: seen, strength: at } = looked.best;
    const isOpen = looked.choice.strength === 0 && seen.value < 0;
    const { strength, learned } = isOpen ? chooseAt([one, two], [at]).choice : looked.choice;
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

/** A quarter is measured where a half seems to have learned nothing. */
function look(cursors: readonly Cursors[]) {
  const first = chooseAt(cursors, [FIRST_STRENGTH]);
  return first.best.learned.value < 0 ? first : chooseAt(cursors, [FIRST_STRENGTH, 0.25]);
}

function chooseAt(all: readonly Cursors[], strengths: readonly number[]) {
  const base = { learned: all.flatMap((cursors) => cursors.base), kl: [], solutions: [] };
  const measured = strengths.map((strength) => {
    const learned = all.flatMap((cursors) => cursors.at(strength));
    return { point: strengthPoint(strength, base, { ...base, learned }), learned };
  });
  const points = measured.map(({ point }) => point);
  return { best: bestPoint(points, LIMIT)!, choice: chooseCrossFitted(base, measured, LIMIT) };
}

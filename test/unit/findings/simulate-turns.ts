/** Comparisons by turns of made-up persons, drawn like what the benchmarks of typing measured. */
import { sideOf, type Comparison } from '../../../src/findings/by-turns.ts';
import { turnCountsSchema } from '../../../src/protocol/by-turns.ts';
import { mix, uniform } from '../../../src/statistics/random.ts';

/** Turns in an hour. */
const TURNS = 3;
/** What somebody works on, and how much, stays similar from turn to turn: .7 from hour to hour. */
const SAME = 0.7 ** (1 / TURNS);

/**
 * Per hour 1,360 characters of new text and 30 suggestions, of which a fifth is accepted and kept, with 20 characters each
 * (logarithms with a deviation of .8), at most 40 of them counted. All differs from turn to turn. `gain`: how much more
 * of the result's is kept.
 */
export function simulateTurns({
  gain,
  suggestions,
  seed: number,
}: Record<'gain' | 'suggestions' | 'seed', number>): Comparison {
  const seed = mix(6, number);
  const next = uniform(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  /** With mean 1. */
  const factor = (deviation: number, by = normal()) => Math.exp(deviation * by - deviation ** 2 / 2);
  const move = (state: number) => SAME * state + Math.sqrt(1 - SAME ** 2) * normal();
  const counts: Comparison['counts'] = [];
  let [task, load, shown] = [normal(), normal(), 0];
  for (let turn = mix(seed) % 2000; shown < suggestions; turn += turn % 12 === 11 ? 61 : 1) {
    [task, load] = [move(task), move(load)];
    const written = (1360 / TURNS) * factor(0.7, load) * factor(0.3);
    const here = poisson((written / 1360) * 30 * factor(0.2), next);
    const share =
      (1 / (1 + Math.exp(Math.log(4) - 0.5 * task))) * (sideOf(seed, turn) === 'result' ? 1 + gain : 1);
    let keptCharacters = 0;
    for (let i = 0; i < here; i += 1) if (next() < share) keptCharacters += Math.min(40, 20 * factor(0.8));
    const line = turnCountsSchema.parse({ shown: here, typed: Math.round(written) });
    counts.push({ type: 'counts', seed, turn, ...line, keptCharacters });
    shown += here;
  }
  return { seed, at: '2026-12-01T10:00:00.000Z', suggestions, counts };
}

function poisson(mean: number, next: () => number): number {
  let [count, chance, rest] = [0, Math.exp(-mean), next()];
  for (; rest > chance && count < 1000; chance *= mean / count) {
    rest -= chance;
    count += 1;
  }
  return count;
}

/**
 * The bias of the reported gain from choosing the learning rate on the same held-out files. Assumes the worst case: a
 * file's random gain in a short trial at some rate recurs in the whole run.
 */
import type { BaseLine, Trial } from '../../src/protocol/sweep.ts';
import { uniform } from '../../src/statistics/random.ts';
import { concludeTrials } from '../../src/training/sweep/choice.ts';
import { factor, normal, times, windows, type Random } from './draws.ts';

const RATES = [1e-5, 3e-5, 1e-4];
/** KL of each rate's trial: rising, so that of two with equal learning the lower rate is chosen. */
const KLS = [0.001, 0.01, 0.1];
const WINDOWS = { trial: 8, report: 16 };
/** Random gain of a file or window, in nats per token. */
const NOISE = 0.02;
const SEED = 20261126;

/** The gain of each rate relative to the largest. */
export const shapes: Record<string, number[]> = {
  rising: [0.4, 0.75, 1],
  peaked: [0.7, 1, 0.85],
  flat: [1, 1, 1],
};

/** The true gain at the chosen rate and the reported one: means over draws, in nats per token. */
export function biasOfRate(
  { gain, shape, files, varying }: { gain: number; shape: readonly number[]; files: number; varying: number },
  draws: number,
): { truth: number; reported: number } {
  const random = uniform(SEED);
  let [truth, reported] = [0, 0];
  for (let draw = 0; draw < draws; draw += 1) {
    const effects = times(files, () =>
      RATES.map(() => ({ factor: factor(random, varying), noise: NOISE * normal(random) })),
    );
    const gainAt = (file: number, rate: number) => {
      const { factor: own, noise } = effects[file]![rate]!;
      return gain * shape[rate]! * own * factor(random, 0.4) + noise + NOISE * normal(random);
    };
    const tried = filesOf(random, files, WINDOWS.trial);
    const before = tried.map(() => factor(random, 0.3));
    const base: BaseLine = {
      type: 'base',
      time: '',
      method: 'lora',
      backend: '',
      losses: [],
      heldOut: before,
      windowTokens: tried.map(() => 511),
      windowDocuments: tried.map(String),
    };
    const trials = RATES.map((learningRate, rate): Trial => {
      const heldOut = tried.map((file, index) => before[index]! - gainAt(file, rate));
      const common = { type: 'trial' as const, time: '', method: 'lora' as const, losses: [], seconds: 0 };
      return { ...common, learningRate, kl: KLS[rate]!, heldOut };
    });
    const rate = RATES.indexOf(concludeTrials(trials, base).chosen!);
    const measured = filesOf(random, files, WINDOWS.report);
    truth += gain * shape[rate]!;
    reported += measured.reduce((sum, file) => sum + gainAt(file, rate), 0) / measured.length;
  }
  return { truth: truth / draws, reported: reported / draws };
}

/** The file that each window mostly belongs to. */
const filesOf = (random: Random, files: number, count: number): number[] =>
  windows(random, files, count).map((runs) => runs.reduce((a, b) => (b.tokens > a.tokens ? b : a)).file);

/**
 * How far the gain that is reported is from the true one, since the learning rate was chosen on the same held-out files.
 * The worst case: what a file gains by chance in a short trial at a rate, it gains in the whole run, too.
 */
import type { BaseLine, Trial } from '../../src/protocol/sweep.ts';
import { uniform } from '../../src/statistics/random.ts';
import { chooseWithin } from '../../src/training/sweep/choice.ts';
import { factor, normal, times, windows, type Random } from './draws.ts';

const RATES = [1e-5, 3e-5, 1e-4];
/** Of each rate's trial: rising, so that of two that learned alike the lower one is chosen. */
const KLS = [0.001, 0.01, 0.1];
const WINDOWS = { trial: 8, report: 16 };
/** Nats per token that a file, or a window, gains by chance. */
const NOISE = 0.02;
const SEED = 20261126;

/** What each rate gains, as a share of the most. */
export const shapes: Record<string, number[]> = {
  rising: [0.4, 0.75, 1],
  peaked: [0.7, 1, 0.85],
  flat: [1, 1, 1],
};

/** Means over draws, in nats per token: the true gain at the chosen rate, and the reported one. */
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
    const rate = RATES.indexOf(chooseWithin(trials, base, Infinity).chosen!);
    const measured = filesOf(random, files, WINDOWS.report);
    truth += gain * shape[rate]!;
    reported += measured.reduce((sum, file) => sum + gainAt(file, rate), 0) / measured.length;
  }
  return { truth: truth / draws, reported: reported / draws };
}

/** The file that most of each window is of. */
const filesOf = (random: Random, files: number, count: number): number[] =>
  windows(random, files, count).map((runs) => runs.reduce((a, b) => (b.tokens > a.tokens ? b : a)).file);

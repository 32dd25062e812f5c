/** The text by which the trials of a run's learning rate are compared. */
import type { Corpus, Sequence } from '../../corpus/index.ts';
import type { Hyper, RunSpec } from '../../protocol/run.ts';
import { MIN_DOCUMENTS } from '../../statistics/intervals.ts';

/** The same number as for comparing checkpoints. */
export const MAX_WINDOWS = 8;

export interface TrialWindows {
  windows: Sequence[];
  /** Too few training files are left, so the trials are compared on the files that report the run's gain. */
  heldOut: boolean;
}

/**
 * Windows of training files that trials of `hyper.steps` do not read, because the held-out files, which measure the
 * gain of the chosen rate, should not be used to choose it. Falls back to held-out windows if those come from fewer
 * files than intervals need.
 */
export function trialWindows(
  corpus: Pick<Corpus, 'unreadSequences' | 'heldOutSequences'>,
  { sequenceLength, seed, steps, batch, accumulate }: Hyper,
  { heldOutWindows }: RunSpec['evaluation'],
): TrialWindows {
  const read = steps * batch * accumulate;
  const unread = corpus.unreadSequences(sequenceLength, MAX_WINDOWS, { read, seed });
  if (new Set(unread.map(({ document }) => document)).size >= MIN_DOCUMENTS)
    return { windows: unread, heldOut: false };
  const count = Math.min(MAX_WINDOWS, heldOutWindows);
  return { windows: corpus.heldOutSequences(sequenceLength, count), heldOut: true };
}

/** How much of what was committed after a run its result would have saved, and the model before it: commit by commit. */
import type { CommitsSoFar } from '../protocol/evaluation.ts';
import { MIN_DOCUMENTS, pairedIntervals } from '../statistics/intervals.ts';
import { withDocument } from './metrics/compare.ts';
import type { ItemScore } from './task.ts';
import { SAVED } from './tasks/workspace-cursors.ts';
import type { CommitItem } from './tasks/commits.ts';

/** For each commit from the fourth on, of all up to it, oldest first. `scores`: before and after. */
export function commitsSoFar(
  items: readonly CommitItem[],
  [before, after]: readonly (readonly ItemScore[])[],
): CommitsSoFar[] {
  const partsOf = (scores: readonly ItemScore[], count: number) =>
    scores
      .slice(0, count)
      .flatMap(({ parts }, index) => withDocument(parts[SAVED], items[index]!.document) ?? []);
  const ends = items.flatMap(({ commit }, index) => (items[index + 1]?.commit === commit ? [] : [index + 1]));
  // Fewer show nothing.
  return ends.slice(MIN_DOCUMENTS - 1).map((count, index) => {
    const { commit, at } = items[count - 1]!;
    const {
      before: was,
      after: is,
      difference,
    } = pairedIntervals(partsOf(before!, count), partsOf(after!, count), 'share');
    return {
      commit,
      at,
      commits: MIN_DOCUMENTS + index,
      cursors: count,
      before: was.value,
      after: is.value,
      difference,
    };
  });
}

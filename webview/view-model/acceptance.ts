/** How often the user accepted and kept each adapter's completions: the final test of whether a fine-tune helped. */
import { wilson } from '../../src/statistics/statistics.ts';
import { formatInterval } from './format.ts';
import type { PanelView } from './panel.ts';

/** Rows of: adapter, shown, accepted, characters of both, kept; most shown first. Deleted runs are left out. */
export function acceptanceRows({ acceptance, labels }: PanelView): string[][] {
  return Object.entries(acceptance)
    .filter(([run, { shown, accepted }]) => labels.has(run) && shown + accepted > 0)
    .sort(([, a], [, b]) => b.shown - a.shown)
    .map(([run, { shown, accepted, shownCharacters, acceptedCharacters, kept, dropped }]) => [
      labels.get(run)!,
      String(shown),
      // Counts of an earlier version can have more accepted than shown, if Tab was pressed at once.
      share(accepted, Math.max(shown, accepted)),
      shownCharacters ? `${acceptedCharacters} of ${shownCharacters}` : '\u2013',
      share(kept, kept + dropped),
    ]);
}

const share = (some: number, all: number) =>
  all === 0
    ? '\u2013'
    : `${some} of ${all}: ${formatInterval({ value: some / all, ...wilson(some, all) }, true)}`;

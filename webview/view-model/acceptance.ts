/** What the person made of each adapter's completions: the last word on whether a fine-tune helped. */
import { wilson } from '../../src/statistics/statistics.ts';
import { formatInterval } from './format.ts';
import type { PanelView } from './panel.ts';

/** Adapter, shown, accepted, characters of both, still there later; most shown first. Those of runs that are no more are left out. */
export function acceptanceRows({ acceptance, labels }: PanelView): string[][] {
  return Object.entries(acceptance)
    .filter(([run, { shown, accepted }]) => labels.has(run) && shown + accepted > 0)
    .sort(([, a], [, b]) => b.shown - a.shown)
    .map(([run, { shown, accepted, shownCharacters, acceptedCharacters, kept, dropped }]) => [
      labels.get(run)!,
      String(shown),
      // Counts of an earlier version have more accepted than shown where Tab came at once.
      share(accepted, Math.max(shown, accepted)),
      shownCharacters ? `${acceptedCharacters} of ${shownCharacters}` : '\u2013',
      share(kept, kept + dropped),
    ]);
}

const share = (some: number, all: number) =>
  all === 0
    ? '\u2013'
    : `${some} of ${all}: ${formatInterval({ value: some / all, ...wilson(some, all) }, true)}`;

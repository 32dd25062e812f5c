/** How often the user accepted and kept each model's completions: the final test of whether a fine-tune helped. */
import { findKnownBase } from '../../src/base-models/registry.ts';
import { baseOfId } from '../../src/protocol/panel.ts';
import { wilson } from '../../src/statistics/statistics.ts';
import { formatInterval } from './format.ts';
import type { PanelView } from './panel.ts';

/** Rows of: model, shown, accepted, characters of both, kept; most shown first. Deleted runs are left out. */
export function acceptanceRows({ acceptance, labels }: PanelView): string[][] {
  return Object.entries(acceptance)
    .flatMap(([id, counts]) => {
      const base = baseOfId(id);
      const label = base
        ? `${findKnownBase(base)?.name ?? base}, not fine-tuned (in all folders)`
        : labels.get(id);
      return label && counts.shown + counts.accepted > 0 ? [{ label, ...counts }] : [];
    })
    .sort((a, b) => b.shown - a.shown)
    .map(({ label, shown, accepted, shownCharacters, acceptedCharacters, kept, dropped }) => [
      label,
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

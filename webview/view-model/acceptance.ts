/** How often the user accepted and kept each model's completions: the final test of whether a fine-tune helped. */
import { t, whole } from '../../src/text/l10n.ts';
import { findKnownBase } from '../../src/base-models/registry.ts';
import { baseOfId, serverOfId } from '../../src/protocol/panel.ts';
import { wilson } from '../../src/statistics/statistics.ts';
import { formatInterval } from './format.ts';
import type { PanelView } from './panel.ts';

/** Rows of: model, shown, accepted, characters of both, kept; most shown first. Deleted runs are omitted. */
export function acceptanceRows({ acceptance, labels }: PanelView): string[][] {
  return Object.entries(acceptance)
    .flatMap(([id, counts]) => {
      const base = baseOfId(id);
      const server = serverOfId(id);
      const label = server
        ? t('{model}, on a remote server (in all folders)', { model: server })
        : base
          ? t('{base}, not fine-tuned (in all folders)', { base: findKnownBase(base)?.name ?? base })
          : labels.get(id);
      return label && counts.shown + counts.accepted > 0 ? [{ label, ...counts }] : [];
    })
    .sort((a, b) => b.shown - a.shown)
    .map(({ label, shown, accepted, shownCharacters, acceptedCharacters, kept, dropped }) => [
      label,
      whole(shown),
      // Counts of earlier versions can have more accepted than shown, if Tab was pressed immediately.
      share(accepted, Math.max(shown, accepted)),
      shownCharacters ? ofAll(acceptedCharacters, shownCharacters) : '\u2013',
      share(kept, kept + dropped),
    ]);
}

const ofAll = (done: number, total: number) =>
  t('{done} of {total}', { done: whole(done), total: whole(total) });

const share = (some: number, all: number) =>
  all === 0
    ? '\u2013'
    : `${ofAll(some, all)}: ${formatInterval({ value: some / all, ...wilson(some, all) }, true)}`;

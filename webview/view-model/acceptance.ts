/** What the person made of each adapter's completions: the last word on whether a fine-tune helped. */
import { wilson } from '../../src/evaluation/statistics.ts';
import { formatInterval } from './format.ts';
import type { PanelView } from './panel.ts';

/** Adapter, shown, accepted, still there later; most shown first. Those of runs that are no more are left out. */
export function acceptanceRows({ acceptance, labels }: PanelView): string[][] {
  return Object.entries(acceptance)
    .filter(([run, { shown, accepted }]) => labels.has(run) && shown + accepted > 0)
    .sort(([, a], [, b]) => b.shown - a.shown)
    .map(([run, { shown, accepted, kept, dropped }]) => [
      labels.get(run)!,
      String(shown),
      // Typed through within half a second, one may be accepted that never counted as shown.
      share(accepted, Math.max(shown, accepted)),
      share(kept, kept + dropped),
    ]);
}

const share = (some: number, all: number) =>
  all === 0
    ? '\u2013'
    : `${some} of ${all}: ${formatInterval({ value: some / all, ...wilson(some, all) }, true)}`;

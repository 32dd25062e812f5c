/** What the panel is told: everything at first, then only what changed. Pure: who sends it, and when, is elsewhere. */
import { isDeepStrictEqual } from 'node:util';
import type { RunChange, RunSnapshot } from '../../protocol/panel.ts';

export class PanelFeed {
  private sent: Map<string, RunSnapshot> | undefined;

  /** The panel knows nothing (any more). */
  forget(): void {
    this.sent = undefined;
  }

  /** Everything when the panel knows nothing, else the runs that changed and the ids of those that are gone. */
  next(
    runs: readonly RunSnapshot[],
  ): { type: 'runs'; runs: RunSnapshot[] } | { type: 'changes'; runs: RunChange[]; gone: string[] } {
    const before = this.sent;
    this.sent = new Map(runs.map((run) => [run.spec.id, run]));
    if (!before) return { type: 'runs', runs: [...runs] };
    return {
      type: 'changes',
      runs: runs.flatMap((run) => changeOf(before.get(run.spec.id), run) ?? []),
      gone: [...before.keys()].filter((id) => !this.sent!.has(id)),
    };
  }
}

/** Undefined where there is nothing new. Events are only ever appended, unless the file is another one. */
function changeOf(before: RunSnapshot | undefined, now: RunSnapshot): RunChange | undefined {
  if (before === now) return undefined;
  const from = before ? knownEvents(before, now) : 0;
  const { events: old = [], ...restBefore } = before ?? {};
  const { events, ...rest } = now;
  if (from === events.length && old.length === from && isDeepStrictEqual(restBefore, rest)) return undefined;
  return { ...now, events: events.slice(from), from };
}

/** How many of the events are those that were sent; none where the last one of them is not where it was. */
function knownEvents({ events: before }: RunSnapshot, { events: now }: RunSnapshot): number {
  const count = before.length;
  if (count > now.length) return 0;
  const same = (at: number) => before[at] === now[at] || isDeepStrictEqual(before[at], now[at]);
  return count === 0 || (same(0) && same(count - 1)) ? count : 0;
}

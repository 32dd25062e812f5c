/** Decides what is sent to the panel: everything at first, then only changes. Pure: does not send anything. */
import { isDeepStrictEqual } from 'node:util';
import type { RunChange, RunSnapshot } from '../../protocol/panel.ts';

export class PanelFeed {
  private sent: Map<string, RunSnapshot> | undefined;

  /** The panel has lost its data: the next message has to contain everything. */
  forget(): void {
    this.sent = undefined;
  }

  /** Everything in the first message, then the runs that changed and the ids of those that are gone. */
  nextMessage(
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

/** Undefined if nothing has changed. Events are only appended, unless the file was replaced. */
function changeOf(before: RunSnapshot | undefined, now: RunSnapshot): RunChange | undefined {
  if (before === now) return undefined;
  const from = before ? countKnownEvents(before, now) : 0;
  const { events: old = [], ...oldRest } = before ?? {};
  const { events, ...rest } = now;
  if (from === events.length && old.length === from && isDeepStrictEqual(oldRest, rest)) return undefined;
  return { ...now, events: events.slice(from), from };
}

/** How many of the events were already sent; 0 if the file was replaced, so that they no longer match. */
function countKnownEvents({ events: before }: RunSnapshot, { events: now }: RunSnapshot): number {
  const count = before.length;
  if (count > now.length) return 0;
  const same = (at: number) => before[at] === now[at] || isDeepStrictEqual(before[at], now[at]);
  return count === 0 || (same(0) && same(count - 1)) ? count : 0;
}

/** All that the panel shows of the selected run. Sections and charts read this and nothing else. */
import type { RunSnapshot, ToPanel } from '../../src/protocol/panel.ts';
import { readSeries, type RunSeries } from './series.ts';
import { readStatus, type StatusView } from './status.ts';

export interface RunView {
  snapshot: RunSnapshot;
  series: RunSeries;
  status: StatusView;
}
export interface PanelView {
  /** Newest first. */
  runs: RunSnapshot[];
  run?: RunView;
  /** Id of the run that completes code now. */
  inUse?: string;
  /** Whether buttons that act on a run can do anything (not in a report). */
  canAct: boolean;
}

export function readPanel(
  message: ToPanel,
  selected: string | undefined,
  now: number,
  canAct: boolean,
): PanelView {
  const runs = [...message.runs].sort((a, b) => b.spec.createdAt.localeCompare(a.spec.createdAt));
  const snapshot = runs.find(({ spec }) => spec.id === selected) ?? runs[0];
  const run = snapshot && {
    snapshot,
    series: readSeries(snapshot.events),
    status: readStatus(snapshot, now),
  };
  return { runs, run, inUse: message.inUse, canAct };
}

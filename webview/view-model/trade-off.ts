/** Learning against forgetting: one point for each evaluated run on the same base. */
import type { Summary } from '../../src/protocol/evaluation.ts';
import type { RunSnapshot } from '../../src/protocol/panel.ts';
import { isHeldOut, isHeldOutLoss, isKl } from './labels.ts';
import { methodName } from './status.ts';

export interface TradeOffPoint {
  run: string;
  label: string;
  /** Fall of held-out loss: right is more learned. */
  x: number;
  xLow: number;
  xHigh: number;
  /** KL from the base: up is more forgotten. */
  y: number;
  low: number;
  high: number;
  selected: boolean;
}
export interface TradeOffView {
  points: TradeOffPoint[];
  xUnit: string;
  yUnit: string;
  /** Set when runs on different folders are shown together. */
  warning?: string;
}

const learned = ({ comparisons }: Summary) =>
  comparisons.find(({ task, metric }) => isHeldOutLoss(task, metric)) ??
  comparisons.find(({ task, better }) => isHeldOut(task) && better === 'lower');
const forgot = ({ comparisons }: Summary) => comparisons.find(({ metric }) => isKl(metric));

export function tradeOff(selected: RunSnapshot, runs: readonly RunSnapshot[]): TradeOffView {
  const view: TradeOffView = { points: [], xUnit: '', yUnit: '' };
  const folders = new Set<string>();
  const mine = selected.summary && learned(selected.summary);
  for (const { spec, summary } of runs) {
    const learning = summary && learned(summary);
    const forgetting = summary && forgot(summary);
    if (!learning || !forgetting || spec.base.sha256 !== selected.spec.base.sha256) continue;
    if (mine && learning.metric !== mine.metric) continue;
    folders.add(`${spec.folder}\n${spec.corpus.data ?? ''}`);
    view.xUnit = learning.unit;
    view.yUnit = forgetting.unit;
    view.points.push({
      run: spec.id,
      label: `${spec.name}, ${methodName(spec)}`,
      // 0 - value, so that a difference of zero is not shown as minus zero.
      x: 0 - learning.difference.value,
      xLow: 0 - learning.difference.high,
      xHigh: 0 - learning.difference.low,
      y: forgetting.after.value,
      low: forgetting.after.low,
      high: forgetting.after.high,
      selected: spec.id === selected.spec.id,
    });
  }
  if (folders.size > 1)
    view.warning =
      'These runs were trained on different folders or data sets: their held-out texts differ, so compare with care.';
  return view;
}

/** The paper's measure of forgetting: mean accuracy on HellaSwag, ARC-Challenge and WinoGrande. */
import { averagedMetrics, FORGETTING } from '../../findings/forgetting-metric.ts';
import type { Counts } from './compare.ts';
import { msg } from '../../text/message.ts';

/** Undefined unless all three were measured. */
export function forgettingAverage(counts: readonly Counts[]): Counts | undefined {
  const found = averagedMetrics.flatMap(
    ({ task, metric }) =>
      counts.find(({ measured }) => measured.task === task && measured.metric === metric) ?? [],
  );
  if (found.length < averagedMetrics.length) return undefined;
  const names = averagedMetrics.map(({ task, metric }) => `${task} ${metric}`).join(', ');
  const models = found[0]!.models.map((_, model) => found.flatMap((count) => count.models[model]!));
  const sizes = models[0]!.map((parts) => parts.length).join(' + ');
  return {
    measured: {
      task: FORGETTING,
      metric: 'average',
      unit: '',
      better: 'higher',
      setting: msg`mean of ${names}; ${sizes} questions`,
    },
    models,
  };
}

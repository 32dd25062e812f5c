/** Evaluates a model without a run: a base, or any other GGUF file. */
import type { ResolvedBase } from '../base-models/resolve.ts';
import type { Metric } from '../protocol/evaluation.ts';
import { metricOf } from './metrics/compare.ts';
import { Evaluation, toCancelled, type EvaluateOptions } from './measure.ts';
import { Resources } from './resources.ts';
import { chooseTasks, contextTokens, tasks as allTasks } from './tasks/index.ts';

/**
 * Default for `tasks`: all that need no run and are not `onlyByName`. Errors: bad-argument, cancelled, those of the
 * model and of the tasks.
 */
export async function evaluateModel(base: ResolvedBase, options: EvaluateOptions = {}): Promise<Metric[]> {
  const chosen = options.tasks
    ? chooseTasks(options.tasks)
    : allTasks.filter((task) => !task.needsRun && !task.onlyByName);
  const resources = new Resources({ base, backend: 'auto' }, contextTokens(chosen));
  const evaluation = new Evaluation(chosen, options, resources);
  const metrics: Metric[] = [];
  try {
    for await (const { counts } of evaluation.measure([resources.base]))
      for (const count of counts.filter(({ measured }) => !measured.relative)) {
        const metric = metricOf(count);
        metrics.push(metric);
        evaluation.emit({ type: 'result', step: 0, result: metric, better: count.measured.better });
      }
    return metrics;
  } catch (error) {
    throw toCancelled(error, options.signal);
  } finally {
    await resources.dispose();
  }
}

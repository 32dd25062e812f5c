/**
 * Compares a run that continues another with that run's result: what it still knows of older code, and what it learned
 * of new code.
 */
import type { Comparison, Summary } from '../protocol/evaluation.ts';
import { compare, countsOf } from './metrics/compare.ts';
import type { Measurement } from './measure.ts';
import type { Resources } from './resources.ts';
import { scoreItems } from './scoring/score-items.ts';
import type { ScoreContext } from './task.ts';
import { ageMeasures } from './tasks/workspace.ts';
import { textOf } from '../text/message.ts';

type Measured = NonNullable<Measurement['of']>;

/**
 * Metrics of a measured task by the age of the code. Before: the adapter that training started with; after: the result.
 * Undefined if the run continues no other, or the task has no such metrics.
 */
export async function compareWithEarlier(
  { task, items, scores: [, after] }: Measured,
  comparisons: readonly Comparison[],
  { resources, ...context }: ScoreContext & { resources: Pick<Resources, 'earlier'> },
): Promise<Summary['earlier']> {
  const measures = ageMeasures.flatMap((measure) => {
    const known = comparisons.find(({ metric }) => metric === measure.metric);
    return known ? [{ ...measure, task: task.name, setting: textOf(known.after, 'setting') }] : [];
  });
  const earlier = measures.length > 0 ? await resources.earlier() : undefined;
  if (!earlier) return undefined;
  const own = [...items.keys()].filter((at) => measures.some(({ metric }) => after![at]!.parts[metric]));
  const chosen = own.map((at) => items[at]!);
  const before = await scoreItems(task, chosen, earlier, { ...context, onScore: () => undefined });
  const scores = [before, own.map((at) => after![at]!)];
  return { run: earlier.name, comparisons: countsOf(measures, scores, chosen).map(compare) };
}

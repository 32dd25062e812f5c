/**
 * evaluation/summary.json: metrics are added as soon as they are known, so that only the current task is lost if the
 * evaluator ends. `pending` lists the tasks that are still to be measured.
 */
import {
  isStated,
  measuredHere,
  summarySchema,
  type Comparison,
  type Summary,
  CURSORS,
} from '../../protocol/evaluation.ts';
import { readText } from '../../platform/files/regular-file.ts';
import { taskFacts } from '../../findings/task-facts.ts';
import { evaluationSummaryPath, writeJson } from '../../runs/files.ts';
import { averagedTasks, FORGETTING } from '../../findings/forgetting-metric.ts';
import { summarise } from '../../findings/summary-sentence.ts';
import type { Task } from '../task.ts';
import { tasks } from '../tasks/index.ts';

/** New findings to add. */
export interface Findings {
  /** Tasks about to be measured. */
  planned?: readonly string[];
  served?: Summary['served'];
  choice?: Summary['choice'];
  /**
   * A finished task with its metrics; without any if it can't be measured. `cut`: some of its items are left for
   * later.
   */
  measured?: { task: string; comparisons: readonly Comparison[]; cut?: boolean | undefined };
  places?: Summary['places'];
  commits?: Summary['commits'];
  calibration?: Summary['calibration'];
}

/** Pure. Adds findings; metrics of other tasks are kept. */
export function addFindings(summary: Summary, { planned = [], measured, ...found }: Findings): Summary {
  const stale = measured?.comparisons.length ? [measured.task] : [];
  // A task in the average has new metrics.
  if (stale.some((task) => averagedTasks.includes(task))) stale.push(FORGETTING);
  const decision = chosenAt({ ...summary, ...found });
  const isOf = (one: Comparison, all: readonly Comparison[]) =>
    all.some(({ task, metric }) => task === one.task && metric === one.metric);
  // A task that was measured itself has metrics besides those of the decision, which it replaces.
  const itself = [...stale, ...summary.comparisons.flatMap((one) => (isOf(one, decision) ? [] : one.task))];
  const chosen = decision.filter(({ task }) => task === CURSORS || !itself.includes(task));
  const comparisons = [
    ...chosen,
    ...summary.comparisons.filter(
      (comparison) =>
        (comparison.task !== CURSORS || isStated(summary, comparison)) &&
        !stale.includes(comparison.task) &&
        !isOf(comparison, chosen),
    ),
    ...(measured?.comparisons ?? []),
  ].sort((a, b) => order(a) - order(b));
  const stated = summary.stated?.filter(
    (task) => !stale.includes(task) && comparisons.some((comparison) => comparison.task === task),
  );
  const known = new Set(measuredHere({ comparisons, stated }).map(({ task }) => task));
  const pendingNames = new Set([...(summary.pending ?? []), ...planned.filter((task) => !known.has(task))]);
  if (measured?.cut) pendingNames.add(measured.task);
  else if (measured) pendingNames.delete(measured.task);
  const pending = tasks.filter(({ name }) => pendingNames.has(name));
  const after: Summary = { ...summary, ...found, comparisons };
  delete after.pending;
  delete after.stated;
  if (stated?.length) after.stated = stated;
  if (pending.length) after.pending = pending.map(({ name }) => name);
  return { ...after, sentence: summarise(after, pending) };
}

/**
 * The planned tasks that are still to be measured: measuring the others again, perhaps on fewer items, would replace
 * what is known. An average needs all of its tasks.
 */
export function tasksLeft(planned: readonly Task[], summary: Summary | undefined): Task[] {
  const known = new Set(measuredHere(summary).map(({ task }) => task));
  const isLeft = ({ name }: Task) => !known.has(name) || summary!.pending?.includes(name) === true;
  const isAveraged = ({ name }: Task) => averagedTasks.includes(name);
  const again = planned.some((task) => isAveraged(task) && isLeft(task));
  return planned.filter((task) => isLeft(task) || (again && isAveraged(task)));
}

/** Metrics at cursors from choosing the strength, unless another strength was set by hand. */
const chosenAt = ({ choice, givenStrength }: Summary): Comparison[] =>
  givenStrength === undefined ? (choice?.atCursors ?? []) : [];

/**
 * Pure. The summary of an adapter that was fetched: metrics stated by its publisher, for tasks that this version knows.
 * `refused`: it was not offered there.
 */
export function statedSummary(step: number, comparisons: readonly Comparison[], refused = false): Summary {
  const known = comparisons.filter(({ task }) => isTask(task));
  const stated = [...new Set(known.map(({ task }) => task))];
  return addFindings({ step, sentence: '', comparisons: known, stated, ...(refused && { refused }) }, {});
}

/** Whether this version knows the task. */
export const isTask = (name: string): boolean =>
  Object.hasOwn(taskFacts, name) || name === FORGETTING || name === CURSORS;

/** Pure. The summary after the result's file has changed: all metrics are dropped and have to be measured again. */
export function withoutMetrics(
  { step, choice, refused, comparisons, pending = [] }: Summary,
  planned: readonly string[],
): Summary {
  const byName = new Set(tasks.filter(({ onlyByName }) => onlyByName).map(({ name }) => name));
  const known = [...planned, ...pending, ...comparisons.map(({ task }) => task)];
  const names = known.filter((task) => !byName.has(task));
  return addFindings(
    { step, sentence: '', comparisons: [], ...(choice && { choice }), ...(refused && { refused }) },
    { planned: [...new Set(names)] },
  );
}

/** Pure. `givenStrength`: the strength set by hand, or undefined. */
export function withStrength(summary: Summary, givenStrength: number | undefined): Summary {
  const after: Summary = { ...summary };
  delete after.givenStrength;
  if (givenStrength !== undefined) after.givenStrength = givenStrength;
  return addFindings(after, {});
}

/** The average follows the tasks that it is of; any other task comes last. */
const shownOrder = [
  CURSORS,
  ...Object.keys(taskFacts).flatMap((task) => (task === averagedTasks.at(-1) ? [task, FORGETTING] : [task])),
];
const order = ({ task }: Comparison) => shownOrder.indexOf(task) + 1 || shownOrder.length + 1;

/** Adds findings to the summary of the result of this step; a summary of another step is dropped. Writes by rename. */
export async function addToSummary(dir: string, step: number, found: Findings): Promise<Summary> {
  const path = evaluationSummaryPath(dir);
  const earlier = (await readSummary(dir, step)) ?? { step, sentence: '', comparisons: [] };
  const summary = summarySchema.parse(addFindings(earlier, found));
  await writeJson(path, summary);
  return summary;
}

/** The summary of the result of this step; undefined if there is none. */
export async function readSummary(dir: string, step: number): Promise<Summary | undefined> {
  const written = await readText(evaluationSummaryPath(dir))
    .then((text) => summarySchema.parse(JSON.parse(text)))
    .catch(() => undefined);
  return written?.step === step ? written : undefined;
}

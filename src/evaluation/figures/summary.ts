/**
 * evaluation/summary.json: each thing is added as soon as it is known, so that whatever ends the evaluator, only the
 * task under way is lost; what is still to be measured stands in it as `pending`.
 */
import { summarySchema, type Comparison, type Summary } from '../../protocol/evaluation.ts';
import { readText } from '../../protocol/regular-file.ts';
import { evaluationSummaryPath, writeJson } from '../../runs/files.ts';
import { averagedTasks, FORGETTING } from '../../training/checkpoints/forgetting-figure.ts';
import { summarise } from './summary-sentence.ts';
import { tasks } from '../tasks/index.ts';

/** What has become known. */
export interface Found {
  /** Tasks that are to be measured from now on. */
  planned?: readonly string[];
  served?: Summary['served'];
  choice?: Summary['choice'];
  /** A task that is over, with its figures; none where it could not be measured. `cut`: some of it is left for later. */
  measured?: { task: string; comparisons: readonly Comparison[]; cut?: boolean | undefined };
  example?: Summary['example'];
  earlier?: Summary['earlier'];
}

/** Pure. Figures of other tasks stay. */
export function withFound(summary: Summary, { planned = [], measured, ...found }: Found): Summary {
  const stale = measured?.comparisons.length ? [measured.task] : [];
  // Of one of its tasks there are new figures.
  if (stale.some((task) => averagedTasks.includes(task))) stale.push(FORGETTING);
  const comparisons = [
    ...summary.comparisons.filter(({ task }) => !stale.includes(task)),
    ...(measured?.comparisons ?? []),
  ].sort((a, b) => order(a) - order(b));
  const known = new Set(comparisons.map(({ task }) => task));
  const waiting = new Set([...(summary.pending ?? []), ...planned.filter((task) => !known.has(task))]);
  if (measured?.cut) waiting.add(measured.task);
  else if (measured) waiting.delete(measured.task);
  const pending = tasks.filter(({ name }) => waiting.has(name));
  const after: Summary = { ...summary, ...found, comparisons };
  delete after.pending;
  if (pending.length) after.pending = pending.map(({ name }) => name);
  return { ...after, sentence: summarise(after, pending) };
}

/** Pure. What is left where the result's file becomes another: all of it is to be measured again. */
export function withoutFigures(
  { step, choice, comparisons, pending = [] }: Summary,
  planned: readonly string[],
): Summary {
  const names = [...planned, ...pending, ...comparisons.map(({ task }) => task)];
  return withFound(
    { step, sentence: '', comparisons: [], ...(choice && { choice }) },
    { planned: [...new Set(names)] },
  );
}

/** Pure. `givenStrength`: set by hand, or undefined. */
export function withStrength(summary: Summary, givenStrength: number | undefined): Summary {
  const after: Summary = { ...summary };
  delete after.givenStrength;
  if (givenStrength !== undefined) after.givenStrength = givenStrength;
  return withFound(after, {});
}

/** What was learned, then what it cost; any other task after them. */
const shownOrder = ['workspace', 'humaneval', 'gsm8k', ...averagedTasks, FORGETTING, 'retention'];
const order = ({ task }: Comparison) => shownOrder.indexOf(task) + 1 || shownOrder.length + 1;

/** Adds to what is known of the result of this step; what was measured of another is dropped. By rename. */
export async function addToSummary(dir: string, step: number, found: Found): Promise<Summary> {
  const path = evaluationSummaryPath(dir);
  const earlier = (await readSummary(dir, step)) ?? { step, sentence: '', comparisons: [] };
  const summary = summarySchema.parse(withFound(earlier, found));
  await writeJson(path, summary);
  return summary;
}

/** Of the result of this step; undefined where nothing is known of it. */
export async function readSummary(dir: string, step: number): Promise<Summary | undefined> {
  const written = await readText(evaluationSummaryPath(dir))
    .then((text) => summarySchema.parse(JSON.parse(text)))
    .catch(() => undefined);
  return written?.step === step ? written : undefined;
}

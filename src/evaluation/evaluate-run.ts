/** Evaluates a finished run and its base: strength, served check and tasks; writes evaluation/. */
import { measuredHere, type Comparison, type Metric, type Summary } from '../protocol/evaluation.ts';
import type { RunSpec } from '../protocol/run.ts';
import { writeByRename } from '../platform/files/write-file.ts';
import {
  costPlace,
  knownCosts,
  rememberCost,
  type Cost,
  type CostPlace,
} from '../training/measured-costs.ts';
import { endMeasured, readRun, readSpec, stepOfResult } from '../runs/index.ts';
import { commitsSoFar } from './commits-so-far.ts';
import { compare, metricOf } from './metrics/compare.ts';
import { itemsPath } from './metrics/item-rows.ts';
import { removeLeftovers } from './temporary-files.ts';
import { Evaluation, toCancelled, type EvaluateOptions, type Measurement } from './measure.ts';
import { servedPart, strengthPart, untunedPart } from './progress.ts';
import { lazyCorpus, Resources, runSubject } from './resources.ts';
import { checkServed } from './served-check.ts';
import { scoreItems } from './scoring/score-items.ts';
import { measureAtCursors } from './strength/at-cursors.ts';
import { resultStrength } from './strength/choose.ts';
import { strengthTask, type StrengthItem } from './strength/task.ts';
import { addToSummary, readSummary, tasksLeft } from './metrics/summary.ts';
import {
  isStrengthMeasured,
  MIN_SECONDS,
  measuringSeconds,
  partTimes,
  TimeTable,
  type PartTime,
  trainingSeconds,
  trainingSpeed,
} from './time.ts';
import { chooseTasks, contextTokens, plannedTasks } from './tasks/index.ts';
import { commitsTask, type CommitItem } from './tasks/commits.ts';
import { retentionTask } from './tasks/retention.ts';
import { fitCalibration } from './tasks/workspace-cursors.ts';
import type { ItemScore, Task } from './task.ts';
import { withMeasuringLock } from './measuring-lock.ts';
import { awakeMs } from '../platform/machine/awake.ts';
import { textOf } from '../text/message.ts';

/**
 * Measures base and result on the same items and returns the summary. evaluation/summary.json is written first after
 * the served check, and again after each task together with evaluation/<task>.<step>.jsonl (each by rename). Metrics
 * of other tasks at the same step are kept; without `tasks`, `limit` and `setting`, only what is left is measured. If
 * a task of the plan fails, that is a warning, and it stays to be measured unless it never can be; if `tasks` names it,
 * an error. Errors: run-not-found, run-newer, run-damaged, run-not-finished, run-locked (measured already, or its
 * strength is being set), bad-argument, diverged, cancelled, and those of the tasks.
 */
export async function evaluateRun(dir: string, options: EvaluateOptions = {}): Promise<Summary> {
  const spec = await readSpec(dir);
  const summary = await withMeasuringLock(dir, () => measureRun(dir, spec, options));
  await endMeasured(dir);
  return summary;
}

async function measureRun(dir: string, spec: RunSpec, options: EvaluateOptions): Promise<Summary> {
  const run = await readRun(dir);
  const step = stepOfResult(run);
  const known = await readSummary(dir, step);
  const chosen = tasksToMeasure(spec, known, options);
  const { signal, timed = false } = options;
  const place = costPlace(spec, run.events);
  // With another number of items, the cost says nothing about a run's own evaluation.
  const isPlannedSize = options.limit === undefined && options.setting !== 'paper';
  const onCost = async (part: string, cost: Cost) => {
    if (isPlannedSize) await rememberCost(place, part, cost);
  };
  const { parts, seconds, trained } = await planTimes(run, chosen, place);
  const table = new TimeTable(parts, timed ? awakeMs() + 1000 * seconds : Infinity);
  const resources = new Resources(runSubject(dir, spec), contextTokens(chosen));
  const evaluation = new Evaluation(chosen, { ...options, onCost }, resources, parts);
  const { progress } = evaluation;
  progress.deadline = table.end;
  const corpus = lazyCorpus(dir);
  await removeLeftovers(dir);
  try {
    // A task that runs only when named is not left to be measured later.
    const planned = chosen.filter(({ onlyByName }) => !onlyByName).map(({ name }) => name);
    if (isStrengthMeasured(spec)) await addToSummary(dir, step, { planned });
    const until = (progress.until = table.until(strengthPart.name));
    const cursors = await resultStrength(dir, spec, step, {
      evaluation,
      corpus,
      trained,
      until,
      signal,
      onCost: (cost) => onCost(strengthPart.name, cost),
    });
    const models = { before: resources.base, after: await resources.result() };
    progress.until = table.until(servedPart.name);
    const servedStart = awakeMs();
    const served = await checkServed(dir, spec, { resources, progress, signal });
    await onCost(servedPart.name, { seconds: (awakeMs() - servedStart) / 1000, items: 1 });
    // From here on the verdict is known.
    let summary = await addToSummary(dir, step, { planned, served });
    for (const comparison of summary.choice?.atCursors ?? []) evaluation.emitComparison(step, comparison);
    const atCursors =
      cursors && (await measureThird(cursors, summary, { resources, table, progress, signal }));
    if (atCursors) summary = await addToSummary(dir, step, { choice: { ...summary.choice!, atCursors } });
    else progress.leaveOut(untunedPart.name);
    // What nobody will use is not measured further, unless somebody asks.
    const isRefused = timed && summary.choice?.strength === 0 && summary.givenStrength === undefined;
    const kept = plannedTasks(spec).filter((task) => !options.tasks && !chosen.includes(task));
    for (const comparison of measuredHere(known))
      if (kept.some(({ name }) => name === comparison.task)) evaluation.emitComparison(step, comparison);
    const compared = [models.before, models.after];
    const measured = isRefused
      ? []
      : evaluation.measure(compared, { spec, corpus }, timed ? table : undefined);
    for await (const { task, counts, cut, of, third = [] } of measured) {
      if (of) await writeRows(dir, step, of);
      const comparisons = withThird(counts.map(compare), third.map(metricOf));
      const calibration = of?.task.name === 'workspace' ? fitCalibration(of.scores.at(-1)!) : undefined;
      summary = await addToSummary(dir, step, {
        measured: { task, comparisons, cut },
        ...(calibration && { calibration }),
        ...(of?.task === commitsTask && { commits: commitsSoFar(of.items as CommitItem[], of.scores) }),
      });
      for (const comparison of comparisons) evaluation.emitComparison(step, comparison);
    }
    evaluation.emit({ type: 'summary', summary });
    return summary;
  } catch (error) {
    throw toCancelled(error, signal);
  } finally {
    await resources.dispose();
  }
}

function tasksToMeasure(
  spec: RunSpec,
  known: Summary | undefined,
  { tasks, limit, setting, data = {} }: EvaluateOptions,
): Task[] {
  if (tasks) return chooseTasks(tasks);
  // Choosing the strength measures the KL on the same texts.
  const planned = plannedTasks(spec).filter((task) => task !== retentionTask || !isStrengthMeasured(spec));
  if (limit !== undefined || setting !== undefined) return planned;
  const left = tasksLeft(planned, known);
  return planned.filter((task) => left.includes(task) || Object.hasOwn(data, task.name));
}

/**
 * The base itself at cursors, where the result was compared with another model: at as many as there is time for. Returns
 * the comparisons with this third column; undefined if the base is what it was compared with.
 */
async function measureThird(
  cursors: readonly StrengthItem[],
  { choice }: Summary,
  {
    resources,
    table,
    progress,
    signal,
  }: {
    resources: Resources;
    table: TimeTable;
    progress: Evaluation['progress'];
    signal: AbortSignal | undefined;
  },
): Promise<Comparison[] | undefined> {
  const { base } = resources;
  if ((await resources.before()) === base || !choice?.atCursors) return undefined;
  const until = (progress.until = table.until(untunedPart.name));
  const items: StrengthItem[] = [];
  const scores: ItemScore[] = [];
  const sandbox = () => resources.sandbox();
  for (const item of cursors) {
    if (items.length > 0 && awakeMs() > until) break;
    scores.push(
      ...(await scoreItems(strengthTask, [item], base, { sandbox, signal, onScore: () => undefined })),
    );
    items.push(item);
    progress.report(untunedPart.name, items.length, cursors.length);
  }
  return withThird(choice.atCursors, measureAtCursors(items, scores, textOf(choice, 'setting')));
}

const withThird = (comparisons: readonly Comparison[], metrics: readonly Metric[]): Comparison[] =>
  comparisons.map((comparison) => {
    const third = metrics.find(({ metric }) => metric === comparison.metric);
    return { ...comparison, ...(third && { third }) };
  });

type MeasuredTask = NonNullable<Measurement['of']>;

/**
 * Expected times of the parts, and how long the plan lets measuring take. Whole models take turns in memory, so they are
 * always measured completely.
 */
async function planTimes(
  { spec, events }: Awaited<ReturnType<typeof readRun>>,
  chosen: readonly Task[],
  place: CostPlace,
): Promise<{ parts: PartTime[]; seconds: number; trained: number }> {
  const trained = trainingSeconds(events, spec.hyper);
  const speeds = { known: await knownCosts(place), speed: trainingSpeed(events) };
  const parts = partTimes(spec, chosen, speeds);
  const { share } = spec.evaluation;
  const { method } = spec.hyper;
  // As announced after the first steps, and from the speed of this very run.
  const planned = measuringSeconds(parts, { share, method }, trained);
  // If everything was expected to take less, a busy machine may still use its share of the training time.
  const seconds = Math.max(planned, (share ?? 0) * trained, MIN_SECONDS);
  return { parts, trained, seconds: share === undefined || method === 'full' ? Infinity : seconds };
}

/** Writes a row for each item, with each model's answer and the counts that metrics are computed from (item-rows.ts). */
export async function writeRows(
  dir: string,
  step: number,
  { task, items, scores }: MeasuredTask,
): Promise<void> {
  const [before, after] = scores as [ItemScore[], ItemScore[]];
  const rows = items.map(({ id, digest, document, rowFields }, i) => ({
    item: id,
    digest,
    document,
    ...rowFields,
    before: before[i]!.detail ?? before[i]!.parts,
    after: after[i]!.detail ?? after[i]!.parts,
    parts: { before: before[i]!.parts, after: after[i]!.parts },
  }));
  await writeByRename(
    itemsPath(dir, task.name, step),
    rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
  );
}

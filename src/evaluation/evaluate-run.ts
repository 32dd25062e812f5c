/** Evaluates a finished run and its base: strength, served check and tasks; writes evaluation/. */
import { join } from 'node:path';
import { openCorpus, type Corpus } from '../corpus/index.ts';
import type { Summary } from '../protocol/evaluation.ts';
import type { RunSpec } from '../protocol/run.ts';
import { writeByRename } from '../protocol/write-file.ts';
import { readRun, readSpec, stepOfResult } from '../runs/index.ts';
import { againstEarlier } from './figures/against-earlier.ts';
import { compare } from './figures/compare.ts';
import { placesIn } from './places.ts';
import { itemsPath } from './figures/item-rows.ts';
import { removeLeftovers } from './temporary-files.ts';
import { Evaluation, stopped, type EvaluateOptions, type Measurement } from './measure.ts';
import { runParts } from './progress.ts';
import { Resources, subjectOf } from './resources.ts';
import { checkServed } from './served-check.ts';
import { isStrengthMeasured, resultStrength } from './strength/choose.ts';
import { strengthTask } from './strength/task.ts';
import { addToSummary } from './figures/summary.ts';
import { measuringSeconds, trainingSeconds } from './time.ts';
import { chooseTasks, contextTokens, plannedTasks } from './tasks/index.ts';
import { calibrationOf } from './tasks/workspace-cursors.ts';
import type { ItemScore } from './task.ts';
import { whileMeasuring } from './under-measurement.ts';

/**
 * Measures base and result on the same items and returns the summary. evaluation/summary.json is written first after
 * the served check, and again after each task together with evaluation/<task>.<step>.jsonl (each by rename). It keeps
 * figures that other tasks had at the same step. If a task of the plan can't be run, that is a warning; if `tasks`
 * names it, an error. Errors: run-not-found, run-newer, run-damaged, run-not-finished, run-locked (its strength is
 * being set), bad-argument, cancelled, and those of the tasks.
 */
export async function evaluateRun(dir: string, options: EvaluateOptions = {}): Promise<Summary> {
  const spec = await readSpec(dir);
  return whileMeasuring(dir, () => measureRun(dir, spec, options));
}

async function measureRun(dir: string, spec: RunSpec, options: EvaluateOptions): Promise<Summary> {
  const run = await readRun(dir);
  const step = stepOfResult(run);
  const chosen = options.tasks ? chooseTasks(options.tasks) : plannedTasks(spec);
  const { signal, timed = false } = options;
  const began = performance.now();
  const resources = new Resources(subjectOf(dir, spec), contextTokens(chosen));
  const parts = isStrengthMeasured(spec) ? [strengthTask, ...runParts] : runParts;
  const evaluation = new Evaluation(chosen, options, resources, parts);
  const { progress } = evaluation;
  let opened: Promise<Corpus> | undefined;
  const corpus = () => (opened ??= openCorpus(join(dir, 'corpus')));
  await removeLeftovers(dir);
  try {
    const trained = trainingSeconds(run.events, spec.hyper);
    const most = { share: spec.evaluation.share, method: spec.hyper.method };
    const end = timed ? began + 1000 * measuringSeconds(most, trained) : Infinity;
    progress.deadline = end;
    const planned = chosen.map(({ name }) => name);
    if (isStrengthMeasured(spec)) await addToSummary(dir, step, { planned });
    await resultStrength(dir, spec, step, { evaluation, corpus, trained, signal });
    const models = { before: resources.base, after: await resources.result() };
    const served = await checkServed(dir, spec, { resources, progress, signal });
    let summary = await addToSummary(dir, step, { planned, served });
    const measured = evaluation.measure([models.before, models.after], { spec, corpus }, end);
    for await (const { task, counts, cut, of } of measured) {
      if (of) await writeRows(dir, step, of);
      const comparisons = counts.map(compare);
      const completed = of?.task.name === 'workspace' ? of : undefined;
      const calibration = completed && calibrationOf(completed.scores.at(-1)!);
      const places = completed && placesIn(completed.items, completed.scores);
      const scoring = { resources, sandbox: () => resources.sandbox(), signal };
      const earlier = of && (await againstEarlier(of, comparisons, scoring));
      summary = await addToSummary(dir, step, {
        measured: { task, comparisons, cut },
        ...(earlier && { earlier }),
        ...(calibration && { calibration }),
        ...(places && { places }),
      });
      for (const comparison of comparisons) {
        evaluation.emit({ type: 'result', step: 0, result: comparison.before });
        evaluation.emit({ type: 'result', step, result: comparison.after, change: comparison.difference });
      }
    }
    evaluation.emit({ type: 'summary', summary });
    return summary;
  } catch (error) {
    throw stopped(error, signal);
  } finally {
    await resources.dispose();
  }
}

/** Writes a row for each item, with each model's answer and the counts that figures are made of (item-rows.ts). */
export async function writeRows(
  dir: string,
  step: number,
  { task, items, scores }: NonNullable<Measurement['of']>,
): Promise<void> {
  const [before, after] = scores as [ItemScore[], ItemScore[]];
  const rows = items.map(({ id, digest, document, shown }, i) => ({
    item: id,
    digest,
    document,
    ...shown,
    before: before[i]!.detail ?? before[i]!.parts,
    after: after[i]!.detail ?? after[i]!.parts,
    parts: { before: before[i]!.parts, after: after[i]!.parts },
  }));
  await writeByRename(
    itemsPath(dir, task.name, step),
    rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
  );
}

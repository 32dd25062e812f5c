/** Evaluates a checkpoint of a run, which may still be training, or only its base (step 0). */
import { rm } from 'node:fs/promises';
import { sha256Of } from '../platform/files/checksum.ts';
import { UserError } from '../text/errors.ts';
import type { Comparison, Summary } from '../protocol/evaluation.ts';
import type { RunSpec } from '../protocol/run.ts';
import { readSpec } from '../runs/index.ts';
import { listCheckpoints } from '../training/checkpoints/store.ts';
import { exportCheckpoint } from '../training/export-result.ts';
import { compare, metricOf } from './metrics/compare.ts';
import { readSummary } from './metrics/summary.ts';
import { writeRows } from './evaluate-run.ts';
import { removeLeftovers, temporaryFile } from './temporary-files.ts';
import { Evaluation, toCancelled, type EvaluateOptions } from './measure.ts';
import { withMeasuringMark } from './measuring-lock.ts';
import { lazyCorpus, Resources, artefactPaths, baseSubject, type Subject } from './resources.ts';
import { summarise } from '../findings/summary-sentence.ts';
import { chooseTasks, contextTokens, isMeasuredAtCheckpoints, tasks as allTasks } from './tasks/index.ts';
import type { Task } from './task.ts';

/**
 * Measures base and checkpoint on the same items, emits the metrics, and writes evaluation/<task>.<step>.jsonl, except
 * where these are the result's. With step 0, measures only the base. Default for `tasks`: those the run measures at
 * checkpoints, else its planned ones. Errors: run-not-found, run-newer, run-damaged, run-locked (its result is being
 * changed), bad-argument (lists the checkpoints), cancelled, those of the tasks.
 */
export async function evaluateCheckpoint(
  dir: string,
  step: number,
  options: EvaluateOptions = {},
): Promise<Summary> {
  const spec = await readSpec(dir);
  const chosen = options.tasks ? chooseTasks(options.tasks) : checkpointTasks(spec);
  return withMeasuringMark(dir, async () => {
    await removeLeftovers(dir);
    const file = step === 0 ? undefined : temporaryFile(dir, step);
    try {
      const subject = await loadSubject(file, dir, spec, step);
      return await measure(dir, spec, { step, subject, chosen, options });
    } catch (error) {
      throw toCancelled(error, options.signal);
    } finally {
      if (file) await rm(file, { force: true });
    }
  });
}

const checkpointTasks = (spec: RunSpec): readonly Task[] => {
  const atCheckpoints = allTasks.filter((task) => isMeasuredAtCheckpoints(task, spec));
  return atCheckpoints.length ? atCheckpoints : allTasks.filter((task) => task.planned?.(spec));
};

interface MeasureRequest {
  step: number;
  subject: Subject;
  chosen: readonly Task[];
  options: EvaluateOptions;
}

async function measure(
  dir: string,
  spec: RunSpec,
  { step, subject, chosen, options }: MeasureRequest,
): Promise<Summary> {
  const resources = new Resources(subject, contextTokens(chosen));
  const evaluation = new Evaluation(chosen, options, resources);
  const corpus = lazyCorpus(dir);
  const comparisons: Comparison[] = [];
  try {
    const result = subject.result && (await resources.result());
    const models = [resources.base, ...(result ? [result] : [])];
    for await (const { counts, of } of evaluation.measure(models, { spec, corpus })) {
      // The rows of a measured result stay: it may have another strength and more items.
      if (of && result && !(await readSummary(dir, step))) await writeRows(dir, step, of);
      for (const count of counts) {
        if (!result) {
          const { better } = count.measured;
          evaluation.emit({ type: 'result', step: 0, result: metricOf(count), better });
          continue;
        }
        const comparison = compare(count);
        comparisons.push(comparison);
        evaluation.emitComparison(step, comparison);
      }
    }
    const summary = { step, comparisons, sentence: summarise({ comparisons }) };
    evaluation.emit({ type: 'summary', summary });
    return summary;
  } finally {
    await resources.dispose();
  }
}

/** The model at `step`. Its weights are written to `file`, which the caller removes after measuring. */
async function loadSubject(
  file: string | undefined,
  dir: string,
  spec: RunSpec,
  step: number,
): Promise<Subject> {
  const { id, hyper } = spec;
  if (!file) return baseSubject(dir, spec);
  const steps = await listCheckpoints(dir);
  if (!steps.includes(step)) throw noCheckpoint(id, step, steps);
  try {
    await exportCheckpoint(file, dir, spec, step);
  } catch (error) {
    // A run in training may have removed the checkpoint in the meantime.
    const remaining = await listCheckpoints(dir);
    throw remaining.includes(step) ? error : noCheckpoint(id, step, remaining);
  }
  return {
    ...baseSubject(dir, spec),
    result: { id: `${id}, step ${step}`, sha256: await sha256Of(file), ...artefactPaths(file, hyper) },
  };
}

function noCheckpoint(id: string, step: number, steps: readonly number[]): UserError {
  return new UserError(
    'bad-argument',
    steps.length ? `Run ${id} has no checkpoint of step ${step}.` : `Run ${id} has no checkpoints.`,
    steps.length
      ? `It has checkpoints of ${steps.length > 1 ? 'steps' : 'step'} ${steps.join(', ')}; step 0 is the base.`
      : 'It writes the first one when training starts; to evaluate a finished run, leave out --checkpoint.',
  );
}

/**
 * Checks that the served model matches the trained one: as part of each evaluation of a run, and alone before a result
 * is served.
 */
import { checkTokens } from '../export/check-text.ts';
import { compareDistributions, type Served } from '../runs/verify.ts';
import type { Summary } from '../protocol/evaluation.ts';
import type { RunSpec } from '../protocol/run.ts';
import { readSpec, resultStep } from '../runs/index.ts';
import { diverged } from './diverged.ts';
import { toCancelled, type EvaluateOptions } from './measure.ts';
import { EvaluationProgress, servedPart } from './progress.ts';
import { Resources, runSubject } from './resources.ts';
import { writeStrength } from './strength/choose.ts';
import { addToSummary, readSummary } from './metrics/summary.ts';
import { plannedTasks } from './tasks/index.ts';
import { withMeasuringMark } from './measuring-lock.ts';

/**
 * Runs only this check and writes its verdict into evaluation/summary.json. Errors: run-not-found, run-newer,
 * run-damaged, run-not-finished, run-locked (its strength is being set), diverged, cancelled.
 */
export async function checkRun(
  dir: string,
  { onEvent, signal }: Pick<EvaluateOptions, 'onEvent' | 'signal'> = {},
): Promise<Summary> {
  const spec = await readSpec(dir);
  return withMeasuringMark(dir, () => check(dir, spec, { onEvent, signal }));
}

async function check(
  dir: string,
  spec: RunSpec,
  { onEvent, signal }: Pick<EvaluateOptions, 'onEvent' | 'signal'>,
): Promise<Summary> {
  const step = await resultStep(dir);
  const resources = new Resources(runSubject(dir, spec));
  const progress = new EvaluationProgress([servedPart], (message) => onEvent?.(message));
  try {
    await writeStrength(dir, spec, (await readSummary(dir, step)) ?? {});
    const served = await checkServed(dir, spec, { resources, progress, signal });
    const planned = plannedTasks(spec).map(({ name }) => name);
    const summary = await addToSummary(dir, step, { planned, served });
    onEvent?.({ type: 'summary', summary });
    return summary;
  } catch (error) {
    throw toCancelled(error, signal);
  } finally {
    await resources.dispose();
  }
}

interface CheckContext {
  resources: Resources;
  progress: EvaluationProgress;
  signal: AbortSignal | undefined;
}

/** Runs the same held-out tokens through llama.cpp and through the trainer's model. Errors: diverged. */
export async function checkServed(
  dir: string,
  { base }: RunSpec,
  { resources, progress, signal }: CheckContext,
): Promise<Served> {
  progress.report(servedPart.name, 0, 1);
  const distributions = await resources.distributions(await checkTokens(dir, base.path), signal);
  progress.report(servedPart.name, 1, 1);
  const verdict = compareDistributions(
    distributions.result.trained,
    distributions.result.served,
    distributions.base,
  );
  if (Number.isFinite(verdict.meanKl)) return verdict;
  throw diverged();
}

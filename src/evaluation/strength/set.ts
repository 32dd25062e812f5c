/**
 * The strength of a result, by hand: it goes into the adapter's file, and what was measured at another one is dropped
 * from the summary. The cache of scores keeps it by file, so going back costs no measuring.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readAdapterStrength, setAdapterStrength } from '../../weights/strength.ts';
import { UserError } from '../../protocol/errors.ts';
import type { StrengthChoice, Summary } from '../../protocol/evaluation.ts';
import { artefactName, type RunSpec } from '../../protocol/run.ts';
import { evaluationSummaryPath, writeJson } from '../../runs/files.ts';
import { readSpec, resultStep } from '../../runs/index.ts';
import { itemsPath } from '../figures/item-rows.ts';
import { readSummary, withoutFigures, withStrength } from '../figures/summary.ts';
import { plannedTasks, taskNames } from '../tasks/index.ts';
import { withoutEvaluator } from '../under-measurement.ts';

/** Below, hardly anything of what was learned is left; 0 is the base itself. */
export const LEAST_STRENGTH = 0.05;

export interface StrengthReport {
  /** What the change in the run's file is multiplied by. */
  strength: number;
  /** What it is without a hand: as it was chosen after training, or as the run was asked. */
  chosen: number;
  /** Set by hand. */
  given?: number;
  /** What was measured, where a strength was to be chosen. */
  choice?: StrengthChoice;
}

/** Errors: run-not-found, run-newer, run-damaged, run-not-finished, bad-argument (a full fine-tune), adapter-damaged. */
export async function reportStrength(dir: string): Promise<StrengthReport> {
  const spec = await readAdapted(dir);
  const { choice, givenStrength } = (await readSummary(dir, await resultStep(dir))) ?? {};
  return {
    strength: await readAdapterStrength(join(dir, artefactName(spec)), spec.hyper),
    chosen: chosenStrength(spec, choice),
    ...(givenStrength !== undefined && { given: givenStrength }),
    ...(choice && { choice }),
  };
}

/**
 * Gives the result this strength, or the one that was chosen. Errors: those of reportStrength, bad-argument (out of
 * range), run-locked (in training, or being measured), disk-full.
 */
export async function setStrength(dir: string, wanted: number | 'chosen'): Promise<StrengthReport> {
  const spec = await readAdapted(dir);
  if (wanted !== 'chosen' && !(wanted >= LEAST_STRENGTH && wanted <= 1))
    throw new UserError(
      'bad-argument',
      `A strength is from ${LEAST_STRENGTH} to 1, not ${wanted}.`,
      '1 is the result as it was trained; or say "chosen".',
    );
  await withoutEvaluator(dir, () => change(dir, spec, wanted));
  return reportStrength(dir);
}

async function change(dir: string, spec: RunSpec, wanted: number | 'chosen'): Promise<void> {
  const step = await resultStep(dir);
  const path = join(dir, artefactName(spec));
  const before = (await readSummary(dir, step)) ?? { step, sentence: '', comparisons: [] };
  const chosen = chosenStrength(spec, before.choice);
  const strength = wanted === 'chosen' ? chosen : wanted;
  const given = wanted === 'chosen' || isChosen(strength, spec, before.choice) ? undefined : strength;
  const inFile = await readAdapterStrength(path, spec.hyper);
  const isSame = inFile === strength && (before.givenStrength ?? chosen) === strength;
  if (isSame && before.givenStrength === given) return;
  const planned = plannedTasks(spec).map(({ name }) => name);
  const kept = isSame ? before : withoutFigures(before, planned);
  const write = (by: number | undefined) => writeJson(evaluationSummaryPath(dir), withStrength(kept, by));
  await mkdir(dirname(evaluationSummaryPath(dir)), { recursive: true });
  if (!isSame) {
    // It is said before it is so: what a killed command left undone, the next evaluator does (keepStrength).
    await write(strength);
    for (const task of taskNames) await rm(itemsPath(dir, task, step), { force: true });
    await setAdapterStrength(path, spec.hyper, strength);
  }
  await write(given);
}

/** The base is no strength of a result, and one that is still to be chosen is not known. */
const isChosen = (strength: number, { evaluation }: RunSpec, choice: Summary['choice']) =>
  strength === (choice ? choice.strength : evaluation.strength);

/** Where nothing was better than the base, the file is as it was trained. */
function chosenStrength({ evaluation }: RunSpec, choice: Summary['choice']): number {
  if (choice) return choice.strength || 1;
  return evaluation.strength === 'measured' ? 1 : evaluation.strength;
}

async function readAdapted(dir: string): Promise<RunSpec> {
  const spec = await readSpec(dir);
  if (spec.hyper.method === 'full')
    throw new UserError(
      'bad-argument',
      `Run ${spec.id} trained all weights: its change is in every one of them, so it has one strength only.`,
      'Train with --method lora to have a choice.',
    );
  if (existsSync(join(dir, artefactName(spec)))) return spec;
  throw new UserError(
    'run-not-finished',
    `Run ${spec.id} has no result yet.`,
    `Let it finish, or go on with {resume ${spec.id}}.`,
  );
}

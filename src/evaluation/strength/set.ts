/**
 * Sets the strength of a result by hand: writes it into the adapter's file and drops metrics of another strength from
 * the summary. The cache keeps scores by file, so nothing is measured again after going back.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readAdapterStrength, setAdapterStrength } from '../../weights/strength.ts';
import { msg, UserError } from '../../text/errors.ts';
import type { StrengthChoice, Summary } from '../../protocol/evaluation.ts';
import { strengthInFile } from '../../findings/strength-rule.ts';
import { artefactName, type RunSpec } from '../../protocol/run.ts';
import { evaluationSummaryPath, writeJson } from '../../runs/files.ts';
import { readSpec, resultStep } from '../../runs/index.ts';
import { itemsPath } from '../metrics/item-rows.ts';
import { readSummary, withoutMetrics, withStrength } from '../metrics/summary.ts';
import { isStrengthMeasured } from '../time.ts';
import { plannedTasks, taskNames } from '../tasks/index.ts';
import { withResultLock } from '../measuring-lock.ts';

/** Below this, hardly anything of the training is left; 0 is the base itself. */
export const MIN_STRENGTH = 0.05;

export interface StrengthReport {
  /** The strength in the run's file. */
  strength: number;
  /** The default strength: chosen after training, the first one until then, or specified when the run was started. */
  chosen: number;
  /** The strength set by hand. */
  given?: number;
  /** One is still to be chosen by measuring. */
  open?: true;
  /** The measurements, if a strength was to be chosen. */
  choice?: StrengthChoice;
}

/** Errors: run-not-found, run-newer, run-damaged, run-not-finished, bad-argument (full fine-tune), adapter-damaged. */
export async function reportStrength(dir: string): Promise<StrengthReport> {
  const spec = await readLoraSpec(dir);
  const { choice, givenStrength } = (await readSummary(dir, await resultStep(dir))) ?? {};
  return {
    strength: await readAdapterStrength(dir, spec),
    chosen: chosenStrength(spec, choice),
    ...(givenStrength !== undefined && { given: givenStrength }),
    ...(choice ? { choice } : isStrengthMeasured(spec) && { open: true as const }),
  };
}

/**
 * Sets this strength, or the chosen one. Errors: those of reportStrength, bad-argument (out of range), run-locked (in
 * training, or being measured), disk-full.
 */
export async function setStrength(dir: string, wanted: number | 'chosen'): Promise<StrengthReport> {
  const spec = await readLoraSpec(dir);
  if (wanted !== 'chosen' && !(wanted >= MIN_STRENGTH && wanted <= 1))
    throw new UserError(
      'bad-argument',
      msg`The strength must be from ${MIN_STRENGTH} to 1, not ${wanted}.`,
      msg`Give 1 for the result as it was trained, or "chosen" for the strength chosen after training.`,
    );
  await withResultLock(dir, () => applyStrength(dir, spec, wanted));
  return reportStrength(dir);
}

async function applyStrength(dir: string, spec: RunSpec, wanted: number | 'chosen'): Promise<void> {
  const step = await resultStep(dir);
  const before = (await readSummary(dir, step)) ?? { step, sentence: '', comparisons: [] };
  const chosen = chosenStrength(spec, before.choice);
  const strength = wanted === 'chosen' ? chosen : wanted;
  const given = wanted === 'chosen' || isChosen(strength, spec, before.choice) ? undefined : strength;
  const current = await readAdapterStrength(dir, spec);
  const isSame = current === strength && (before.givenStrength ?? chosen) === strength;
  if (isSame && before.givenStrength === given) return;
  const planned = plannedTasks(spec).map(({ name }) => name);
  const kept = isSame ? before : withoutMetrics(before, planned);
  const write = (by: number | undefined) => writeJson(evaluationSummaryPath(dir), withStrength(kept, by));
  await mkdir(dirname(evaluationSummaryPath(dir)), { recursive: true });
  if (!isSame) {
    // Writes the summary first: if the command is killed here, the next evaluator completes it (writeStrength).
    await write(strength);
    for (const task of taskNames) await rm(itemsPath(dir, task, step), { force: true });
    await setAdapterStrength(dir, spec, strength);
  }
  await write(given);
}

/** Never true if the base was chosen (strength 0), or if a strength is still to be chosen. */
const isChosen = (strength: number, { evaluation }: RunSpec, choice: Summary['choice']) =>
  strength === (choice ? choice.strength : evaluation.strength);

const chosenStrength = ({ evaluation }: RunSpec, choice: Summary['choice']): number =>
  strengthInFile(evaluation.strength, { choice });

async function readLoraSpec(dir: string): Promise<RunSpec> {
  const spec = await readSpec(dir);
  if (spec.hyper.method === 'full')
    throw new UserError(
      'bad-argument',
      msg`Run ${spec.id} trained all weights, so it has no adapter whose strength could be set.`,
      msg`Train with --method lora to be able to set the strength.`,
    );
  if (existsSync(join(dir, artefactName(spec)))) return spec;
  throw new UserError(
    'run-not-finished',
    msg`Run ${spec.id} has no result yet.`,
    msg`Let it finish, or resume it with {resume ${spec.id}}.`,
  );
}

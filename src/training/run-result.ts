/**
 * Makes the run's result file from the trained model: takes the best checkpoint if the run keeps that, and learns from
 * preferences.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setAdapterStrength } from '../weights/strength.ts';
import type { Model } from '../model/index.ts';
import { survivingEvents } from '../protocol/events.ts';
import { artefactName } from '../protocol/run.ts';
import { readRun } from '../runs/index.ts';
import type { RunWriter } from '../runs/writer.ts';
import { readParameters } from './checkpoints/store.ts';
import { exportCheckpoint, exportResult } from './export-result.ts';
import { learnedBefore, type PreferenceStage, type StageOptions } from './preferences/stage.ts';
import type { Trained } from './session.ts';

export interface ResultOptions extends StageOptions {
  /** The stage after the ordinary training, if there is one. */
  stage: PreferenceStage | undefined;
}

/** Returns the result file's name within the run; undefined if it was stopped before. */
export async function makeResult(trained: Trained, options: ResultOptions): Promise<string | undefined> {
  const { stage, phase, signal } = options;
  const kept = stage && (await resultOfPreferences(trained, stage, options));
  if (signal.aborted) return undefined;
  if (!kept) await phase('Writing the result');
  return kept ?? writeResult(trained, options);
}

/** The result file's name if learning from preferences was accepted, else undefined. */
async function resultOfPreferences(
  { step: last, best }: Trained,
  stage: PreferenceStage,
  { dir, spec, model, writer }: ResultOptions,
): Promise<string | undefined> {
  const step = best?.step ?? last;
  const before = await learnedBefore(dir);
  const artefact = join(dir, artefactName(spec));
  if (before?.taken && existsSync(artefact)) {
    // A run that was stopped while it was measured may already have another strength.
    await setAdapterStrength(artefact, spec.hyper, 1);
    return artefactName(spec);
  }
  if (step !== last && !(await putCheckpoint(model, dir, step))) return undefined;
  const learned = await stage.run(step);
  if (!learned?.taken) return undefined;
  await tellBest(best, dir, writer);
  return exportResult(dir, spec, model);
}

/** Puts the checkpoint's weights into the model. False if it can't be read. */
async function putCheckpoint(model: Model, dir: string, step: number): Promise<boolean> {
  const parameters = await readParameters(dir, step).catch(() => undefined);
  for (const [name, { data }] of parameters ?? []) model.write(name, await data.read());
  return parameters !== undefined;
}

/**
 * Writes the best checkpoint if the run keeps that, else the model as it is. Returns the file's name within the run.
 */
async function writeResult(
  { step, best }: Trained,
  { dir, spec, model, writer }: ResultOptions,
): Promise<string> {
  const name = artefactName(spec);
  if (best && best.step !== step)
    try {
      await exportCheckpoint(join(dir, name), dir, spec, best.step);
    } catch (error) {
      await writer.event({
        type: 'warning',
        message: `The best checkpoint, of step ${best.step}, could not be read (${(error as Error).message}); the result is made from the last one.`,
      });
      return exportResult(dir, spec, model);
    }
  else await exportResult(dir, spec, model);
  await tellBest(best, dir, writer);
  return name;
}

/** Emits the event once: a run that was stopped during its evaluation has already emitted it. */
async function tellBest(best: Trained['best'], dir: string, writer: RunWriter): Promise<void> {
  const told = survivingEvents((await readRun(dir)).events).findLast((event) => event.type === 'best');
  if (best && told?.step !== best.step) await writer.event({ type: 'best', ...best });
}

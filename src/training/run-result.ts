/** Makes the run's result file from the trained model, or from the best checkpoint if the run keeps that. */
import { join } from 'node:path';
import type { Model } from '../model/index.ts';
import { survivingEvents } from '../protocol/events.ts';
import { artefactName, type RunSpec } from '../protocol/run.ts';
import { strengthInFile } from '../findings/strength-rule.ts';
import { readRun, stepOfResult } from '../runs/index.ts';
import type { RunWriter } from '../runs/writer.ts';
import { setAdapterStrength } from '../weights/strength.ts';
import { exportCheckpoint, exportResult } from './export-result.ts';
import type { TrainingOutcome } from './session.ts';
import { msg, withTexts } from '../text/message.ts';

export interface ResultOptions {
  dir: string;
  /** The spec with the run's settled learning rate. */
  spec: RunSpec;
  writer: RunWriter;
  signal: AbortSignal;
  model: Model;
  phase(name: string): Promise<void>;
}

/** Returns the result file's name within the run; undefined if it was stopped before. */
export async function makeResult(
  { step, best }: TrainingOutcome,
  { dir, spec, model, writer, signal, phase }: ResultOptions,
): Promise<string | undefined> {
  if (signal.aborted) return undefined;
  await phase('Writing the result');
  const name = artefactName(spec);
  let readable = best;
  if (best && best.step !== step)
    try {
      await exportCheckpoint(join(dir, name), dir, spec, best.step);
    } catch (error) {
      readable = undefined;
      await writer.event({
        type: 'warning',
        ...withTexts({
          message: msg`The best checkpoint, of step ${best.step}, could not be read (${(error as Error).message}); the result is made from the last one.`,
        }),
      });
    }
  if (!readable || readable.step === step) await exportResult(dir, spec, model);
  await emitBest(readable, dir, writer);
  await writeResultStrength(dir, spec);
  return name;
}

/**
 * Gives a LoRA's new file its strength: set by hand, chosen for this step before an interruption, or as planned. It may
 * be served as soon as it is being measured, or if measuring ends early.
 */
export async function writeResultStrength(dir: string, spec: RunSpec): Promise<void> {
  if (spec.hyper.method !== 'lora') return;
  const run = await readRun(dir);
  const summary = run.summary?.step === stepOfResult(run) ? run.summary : undefined;
  await setAdapterStrength(dir, spec, strengthInFile(spec.evaluation.strength, summary ?? {}));
}

/** Emits the event once: a run that was stopped during its evaluation has already emitted it. */
async function emitBest(best: TrainingOutcome['best'], dir: string, writer: RunWriter): Promise<void> {
  const emitted = survivingEvents((await readRun(dir)).events).findLast((event) => event.type === 'best');
  if (best && emitted?.step !== best.step) await writer.event({ type: 'best', ...best });
}

/** A run that is resumed after its result was written, while it was being measured, need not train again. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { artefactName } from '../../protocol/run.ts';
import type { TrainedResult } from '../../protocol/training.ts';
import { readRun } from '../../runs/index.ts';
import type { RunWriter } from '../../runs/writer.ts';

/** The phase in which a result is measured. */
export const EVALUATING = 'Evaluating';

/**
 * The result of a run whose trainer ended while it measured it; undefined if there is something to train. It stays
 * where it is, since it may be in use. Writes the start event that every resumed run has.
 */
export async function trainedBefore(
  dir: string,
  writer: Pick<RunWriter, 'event'>,
): Promise<TrainedResult | undefined> {
  const { spec, state, events } = await readRun(dir);
  const artefact = artefactName(spec);
  const phase = events.findLast((event) => event.type === 'phase');
  const start = events.findLast((event) => event.type === 'start');
  if (phase?.phase !== EVALUATING || !start || !existsSync(join(dir, artefact))) return undefined;
  const { step, steps } = state;
  const again = { ...start, step, steps, time: new Date().toISOString() };
  await writer.event(again);
  const { tokensPerSecond = 0, peakMemory = 0 } = events.findLast((event) => event.type === 'step') ?? {};
  return { step, tokensPerSecond, peakMemory, artefact };
}

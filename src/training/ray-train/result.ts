/** Creates a run's events and result from the output of ray_train. */
import { join } from 'node:path';
import { z } from 'zod';
import type { GgufFile } from '../../gguf/index.ts';
import { pairedIntervals } from '../../statistics/intervals.ts';
import type { RatioItem } from '../../statistics/statistics.ts';
import { runEventSchema, type RunEvent } from '../../protocol/events.ts';
import { parseLines } from '../../platform/files/lines.ts';
import { readText } from '../../platform/files/regular-file.ts';
import { artefactName, type RunSpec } from '../../protocol/run.ts';
import { exportAdapterGguf, exportModelGguf } from '../../weights/index.ts';
import { readPeft } from '../../weights/read-peft.ts';
import { readTransformersModel } from '../../weights/transformers-base.ts';
import { heldOutLoss } from '../held-out.ts';
import { ignoreMissing } from '../../runs/file-mark.ts';

/** Nats and predictions of each held-out window, after a step. */
const heldOutSchema = z.object({
  type: z.literal('heldOut'),
  time: z.string(),
  step: z.int(),
  parts: z.array(z.tuple([z.number(), z.number()])),
});
export type StepEvent = Extract<RunEvent, { type: 'step' }>;
/** What the workers wait for, as a phase of the run; absent when they no longer wait. */
const waitingSchema = z.object({ type: z.literal('waiting'), message: z.string().optional() });
const lineSchema = z.union([heldOutSchema, runEventSchema]);

/** The phase in a line of ray_train; undefined for any other line. */
export function readPhase(line: unknown, otherwise: string): string | undefined {
  const { success, data } = waitingSchema.safeParse(line);
  return success ? (data.message ?? otherwise) : undefined;
}

/**
 * Converts lines to the run's events: `heldOut` becomes an evaluation, with its difference from the base paired over
 * windows. `documents`: the document of each window, if known. Throws a ZodError for an invalid line.
 */
export class EventReader {
  private base: RatioItem[] | undefined;

  constructor(private readonly documents: readonly (number | null)[] = []) {}

  /**
   * Restores the base's metrics from what workers have already written into the job's `folder`. Returns the last step,
   * if any.
   */
  async readEarlier(folder: string): Promise<StepEvent | undefined> {
    const text = (await readText(join(folder, 'lines.jsonl')).catch(ignoreMissing)) ?? '';
    let last: StepEvent | undefined;
    for (const line of parseLines(lineSchema, text).values)
      if (line.type === 'step') last = line;
      else if (line.type === 'heldOut' && line.step === 0) this.toEvent(line);
    return last;
  }

  toEvent(line: unknown): RunEvent {
    const read = lineSchema.parse(line);
    if (read.type !== 'heldOut') return read;
    const { step, time } = read;
    const parts = read.parts.map(([sum, weight], i): RatioItem => {
      const document = this.documents[i];
      return { sum, weight, ...(typeof document === 'number' && { document: String(document) }) };
    });
    if (step === 0) this.base = parts;
    const change = step > 0 && this.base && pairedIntervals(this.base, parts).difference;
    const result = heldOutLoss(parts);
    return { type: 'evaluation', time, step, result, ...(change && { change }), better: 'lower' };
  }
}

/** The document of each held-out window of the job in `folder`, if known. */
export async function heldOutDocuments(folder: string): Promise<(number | null)[]> {
  const job: unknown = JSON.parse(await readText(join(folder, 'train.json')));
  return z.object({ heldOutDocuments: z.array(z.number().nullable()) }).parse(job).heldOutDocuments;
}

/**
 * Writes adapter.gguf or model.gguf into `to` from the result in the job's `folder`. Returns its name. Errors: those of
 * readPeft, run-damaged.
 */
export async function exportRayTrainResult(
  to: string,
  folder: string,
  spec: Pick<RunSpec, 'base' | 'hyper'>,
  base: GgufFile,
): Promise<string> {
  const name = artefactName(spec);
  const result = join(folder, 'result');
  if (spec.hyper.method === 'full') {
    const trained = await readTransformersModel(result, base);
    await exportModelGguf(join(to, name), spec.base.path, trained, { type: 'F16' });
  } else {
    const { adapter } = await readPeft(result, base);
    await exportAdapterGguf(join(to, name), { ...adapter, baseSha256: spec.base.sha256 });
  }
  return name;
}

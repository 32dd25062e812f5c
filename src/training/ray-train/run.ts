/** Trains a run with PyTorch under Ray Train: its windows are made here, and so is its result. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Corpus } from '../../corpus/index.ts';
import type { SequenceSource } from '../../corpus/tokens/sequences.ts';
import { openGguf } from '../../gguf/index.ts';
import { UserError } from '../../protocol/errors.ts';
import type { RunEvent } from '../../protocol/events.ts';
import type { RayTrainEngine, RunSpec } from '../../protocol/run.ts';
import type { TrainedResult } from '../../protocol/training.ts';
import type { RunWriter } from '../../runs/writer.ts';
import { setAdapterStrength } from '../../weights/strength.ts';
import { earlierValues } from '../continued.ts';
import { writeRayTrainJob } from './job.ts';
import { runRayTrain } from './python.ts';
import { EventsOfLines, exportRayTrainResult, heldOutDocuments } from './result.ts';

/** Held-out windows that are measured during training, as in a run here. */
const LIVE_WINDOWS = 4;
/** A Python that has Ray Train; the driver on a cluster sets it. */
const PYTHON = 'FORGET_ME_NOT_PYTHON';

export interface OnRay {
  dir: string;
  spec: RunSpec;
  writer: RunWriter;
  signal: AbortSignal;
  phase(name: string): Promise<void>;
  corpus: Corpus;
  sequences: SequenceSource;
}

/** Returns the result; undefined if it was stopped. Errors: those of writeRayTrainJob and runRayTrain; diverged. */
export async function trainOnRay(run: OnRay, engine: RayTrainEngine): Promise<TrainedResult | undefined> {
  const { dir, spec, signal, phase, corpus, sequences } = run;
  const folder = join(dir, 'ray-train');
  const base = await openGguf(spec.base.path);
  try {
    if (!existsSync(join(folder, 'train.json'))) {
      await phase('Writing what the workers read');
      const windows = Math.min(LIVE_WINDOWS, spec.evaluation.heldOutWindows);
      const heldOut = corpus.heldOutSequences(spec.hyper.sequenceLength, windows);
      const tokens = { train: corpus.train.length, heldOut: corpus.heldOut.length };
      const initial = spec.continues && (await earlierValues(dir, spec.hyper));
      await writeRayTrainJob(folder, { ...spec, ...engine, base, sequences, heldOut, tokens, initial });
    }
    await phase('Training');
    const last = await follow(folder, run, engine);
    if (signal.aborted) return undefined;
    if (!last)
      throw new UserError('internal', 'Ray Train ended without a step.', 'The log of the run says more.');
    await phase('Writing the result');
    const artefact = await exportRayTrainResult(dir, folder, spec, base);
    const { strength } = spec.evaluation;
    if (spec.hyper.method === 'lora' && strength !== 'measured')
      await setAdapterStrength(join(dir, artefact), spec.hyper, strength);
    const { step, tokensPerSecond, peakMemory } = last;
    return { step, tokensPerSecond, peakMemory, artefact };
  } finally {
    await base.close();
  }
}

type Step = Extract<RunEvent, { type: 'step' }>;

/** Passes events on until the training ends. Returns the last step's. */
async function follow(folder: string, run: OnRay, engine: RayTrainEngine): Promise<Step | undefined> {
  const { writer, signal } = run;
  const reader = new EventsOfLines(await heldOutDocuments(folder));
  let last: Step | undefined;
  let failed: Extract<RunEvent, { type: 'error' }> | undefined;
  await runRayTrain({
    folder,
    ...engine,
    // The driver's processes know the cluster that they are on.
    local: process.env['RAY_ADDRESS'] === undefined,
    python: process.env[PYTHON] ?? 'python3',
    signal,
    async onLine(line) {
      const event = reader.eventOf(line);
      if (event.type === 'error') failed = event;
      else await writer.event(event);
      if (event.type !== 'step') return;
      last = event;
      await writer.state({ step: event.step, etaSeconds: event.etaSeconds });
    },
  });
  // The run's owner writes it.
  if (failed) throw new UserError('diverged', failed.message, failed.next);
  return last;
}

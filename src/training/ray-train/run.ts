/** Trains a run with PyTorch under Ray Train. Its windows are prepared, and its result converted, here. */
import { join } from 'node:path';
import type { Corpus } from '../../corpus/index.ts';
import type { SequenceSource } from '../../corpus/tokens/sequences.ts';
import { withGguf } from '../../gguf/index.ts';
import { errorCodes, errorOf, UserError } from '../../text/errors.ts';
import type { RunEvent } from '../../protocol/events.ts';
import { RAY_TRAIN, type RayTrainEngine, type RunSpec } from '../../protocol/run.ts';
import type { TrainedResult } from '../../protocol/training.ts';
import type { RunWriter } from '../../runs/writer.ts';
import { earlierValues } from '../continued.ts';
import { LIVE_WINDOWS } from '../held-out.ts';
import { writeResultStrength } from '../run-result.ts';
import { hasRayTrainJob, writeRayTrainJob } from './job.ts';
import { requirePackages, runRayTrain, type RayPlace } from './python.ts';
import { EventReader, exportRayTrainResult, heldOutDocuments, readPhase, type StepEvent } from './result.ts';

const TRAINING = 'Training';
/**
 * Variables set by the driver on a cluster (src/cluster/driver/task.py): a Python that has Ray, whether other nodes see
 * the run's folder, this node's id, and how many of its processors belong to this task.
 */
const PYTHON = 'FORGET_ME_NOT_PYTHON';
const NODES = 'FORGET_ME_NOT_RAY_NODES';
const NODE = 'FORGET_ME_NOT_RAY_NODE';
const PROCESSORS = 'FORGET_ME_NOT_PROCESSORS';

export interface RayTrainRun {
  dir: string;
  spec: RunSpec;
  writer: RunWriter;
  signal: AbortSignal;
  phase(name: string): Promise<void>;
  corpus: Corpus;
  sequences: SequenceSource;
}

/**
 * Returns the result; undefined if it was stopped. Errors: those of requirePackages, writeRayTrainJob and runRayTrain,
 * and those of the Python side: diverged, cluster-resources, crashed.
 */
export async function trainOnRay(
  run: RayTrainRun,
  engine: RayTrainEngine,
): Promise<TrainedResult | undefined> {
  const { dir, spec, signal, phase, corpus, sequences } = run;
  const folder = join(dir, RAY_TRAIN);
  const place = rayPlace(process.env);
  await requirePackages(place.python);
  return withGguf(spec.base.path, async (base) => {
    if (!(await hasRayTrainJob(folder))) {
      await phase('Writing what the workers read');
      const windows = Math.min(LIVE_WINDOWS, spec.evaluation.heldOutWindows);
      const heldOut = corpus.heldOutSequences(spec.hyper.sequenceLength, windows);
      const tokens = { train: corpus.train.length, heldOut: corpus.heldOut.length };
      const initial = await earlierValues(dir, spec);
      await writeRayTrainJob(folder, { ...spec, ...engine, base, sequences, heldOut, tokens, initial });
    }
    await phase(TRAINING);
    const last = await follow(folder, run, { ...engine, ...place });
    if (signal.aborted) return undefined;
    if (!last)
      throw new UserError('internal', 'Ray Train ended without a step.', 'The log of the run says more.');
    await phase('Writing the result');
    const artefact = await exportRayTrainResult(dir, folder, spec, base);
    await writeResultStrength(dir, spec);
    const { step, tokensPerSecond, peakMemory } = last;
    return { step, tokensPerSecond, peakMemory, artefact };
  });
}

/** The Ray cluster, according to the environment. */
export function rayPlace(env: NodeJS.ProcessEnv): RayPlace {
  const python = env[PYTHON] ?? 'python3';
  // The driver's processes know which cluster they run on.
  const local = env['RAY_ADDRESS'] === undefined;
  const nodes = env[NODES];
  const task = { here: nodes === 'this', reservedProcessors: Number(env[PROCESSORS]), node: env[NODE] };
  return { python, local, ...(nodes && task) };
}

/** Passes events on until the training ends. Returns the last step's. */
async function follow(
  folder: string,
  { writer, signal, phase }: RayTrainRun,
  how: RayTrainEngine & RayPlace,
): Promise<StepEvent | undefined> {
  const reader = new EventReader(await heldOutDocuments(folder));
  // Measurements after an interruption are also compared with the base; the interruption may have come after the last
  // step.
  let last = await reader.readEarlier(folder);
  let failed: Extract<RunEvent, { type: 'error' }> | undefined;
  await runRayTrain({
    folder,
    ...how,
    signal,
    async onLine(line) {
      const waits = readPhase(line, TRAINING);
      if (waits !== undefined) return phase(waits);
      const event = reader.toEvent(line);
      if (event.type === 'error') failed = event;
      else await writer.event(event);
      if (event.type !== 'step') return;
      last = event;
      await writer.state({ step: event.step, etaSeconds: event.etaSeconds });
    },
  });
  // The run's owner writes it.
  if (failed && !signal.aborted) {
    const code = errorCodes.find((errorCode) => errorCode === failed!.code) ?? 'internal';
    throw errorOf({ ...failed, code });
  }
  return last;
}

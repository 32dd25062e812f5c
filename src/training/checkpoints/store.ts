/**
 * checkpoints/step-000200/: parameters, optimiser moments, the step and the run's progress. Data and random numbers are
 * functions of seed and step, so they resume at the right place. A checkpoint is written under a temporary name and
 * renamed, so one with its final name is complete. That of step 0 has only the progress, since its weights are the
 * base's.
 */
import { mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readSafetensors, writeSafetensors, type Tensor } from '../../weights/safetensors.ts';
import type { LazyValues } from '../../weights/values.ts';
import { elementCount } from '../../gguf/types.ts';
import type { Model, Parameter } from '../../model/index.ts';
import { removeFolder, renamePatiently, writeByRename } from '../../platform/files/write-file.ts';
import { partSchema, rankingSchema } from './best.ts';
import { scheduleSchema } from './schedule.ts';
import { PATIENCE } from '../divergence.ts';
import { progressSchema, type LoopProgress } from '../loop.ts';
import type { Optimizer } from '../optimizers.ts';
import { asUserError } from '../../text/errors.ts';
import { readText } from '../../platform/files/regular-file.ts';

/** Number of checkpoints kept: of the newest, and of those to go back to. */
const KEPT_CHECKPOINTS = 2;
/**
 * Steps between checkpoints to go back to: far enough apart for a divergence to have shown, near enough to lose little.
 */
const MIN_INTERVAL = 10;
const MAX_INTERVAL = 50;

/** The measurements up to a checkpoint that later decisions depend on. */
export const recordSchema = z.object({
  ranking: rankingSchema.prefault({}),
  schedule: scheduleSchema.prefault({}),
  /** The base's value of the metric that the forgetting limit is about. */
  base: z.number().optional(),
  /** Held-out loss in nats and number of tokens of each window before the first step. */
  start: z.array(partSchema).default([]),
  /** Number of steps of the run, if it is fitted to its minutes. */
  steps: z.int().optional(),
  /** The last step that was measured completely: its loss and, if due, its tasks. */
  measured: z.int().default(-1),
  /** For a trial of a sweep: the training loss of each step so far. */
  losses: z.array(z.number()).optional(),
});
export type MeasuringRecord = z.infer<typeof recordSchema>;

const stateSchema = z.object({
  format: z.literal(1),
  step: z.int(),
  backend: z.string(),
  /** The GPU that it was made on. */
  device: z.string().optional(),
  progress: progressSchema.prefault({}),
  record: recordSchema.prefault({}),
});
export type State = z.infer<typeof stateSchema>;
const folder = (runDir: string) => join(runDir, 'checkpoints');
const nameOf = (step: number) => `step-${String(step).padStart(6, '0')}`;
export const checkpointPath = (runDir: string, step: number) => join(folder(runDir), nameOf(step));

/** Steps of the complete checkpoints in a run, oldest first. */
export async function listCheckpoints(runDir: string): Promise<number[]> {
  const names = await readdir(folder(runDir)).catch(() => []);
  return names
    .flatMap((name) => /^step-(\d{6,})$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** After this many seconds of training without a checkpoint, one is written: no more is lost if the run is killed. */
const MAX_UNSAVED_SECONDS = 180;
/** At most this share of the training time goes into such checkpoints: whole models take long to write. */
const UNSAVED_COST = 0.05;

/**
 * Decides when checkpoints are written: with each evaluation, at steps that training can go back to, and if steps take
 * longer than expected.
 */
export class CheckpointPlan {
  private readonly every: number;

  constructor(private readonly evalEvery: number) {
    this.every = Math.min(MAX_INTERVAL, evalEvery * Math.ceil(MIN_INTERVAL / evalEvery));
  }

  /** `unsaved`: seconds of training since the last checkpoint; `cost`: seconds that one takes. */
  isDue(step: number, { unsaved, cost } = { unsaved: 0, cost: 0 }): boolean {
    const isOverdue = unsaved >= Math.max(MAX_UNSAVED_SECONDS, cost / UNSAVED_COST);
    return step % this.evalEvery === 0 || this.isRollbackPoint(step) || isOverdue;
  }

  /** The step to go back to when step `step` turns out to be bad: one from before the divergence can have started. */
  rollbackStep(step: number): number {
    const sound = Math.max(0, step - PATIENCE - 1);
    return sound - (sound % this.every);
  }

  /** Those of `steps` (oldest first) that are no longer needed. */
  outdated(steps: readonly number[]): number[] {
    const kept = [
      ...steps.slice(-KEPT_CHECKPOINTS),
      ...steps.filter((step) => this.isRollbackPoint(step)).slice(-KEPT_CHECKPOINTS),
    ];
    return steps.filter((step) => !kept.includes(step));
  }

  private isRollbackPoint(step: number): boolean {
    return step % this.every === 0;
  }
}

/** The data that a checkpoint is made from. */
export interface CheckpointSource {
  model: Model;
  optimizer: Optimizer;
  /** The backend's name, and that of its GPU. */
  backend: string;
  device?: string | undefined;
}

export interface CheckpointOptions {
  step: number;
  progress: LoopProgress;
  record: MeasuringRecord;
  plan: Pick<CheckpointPlan, 'outdated'>;
}

/** Writes a checkpoint, then deletes outdated ones. Returns its path relative to the run. */
export async function saveCheckpoint(
  runDir: string,
  trained: CheckpointSource,
  { step, progress, record, plan }: CheckpointOptions,
): Promise<string> {
  const path = checkpointPath(runDir, step);
  const temporary = `${path}.tmp`;
  await removeFolder(temporary);
  try {
    await writeCheckpoint(temporary, trained, {
      format: 1,
      step,
      backend: trained.backend,
      ...(trained.device !== undefined && { device: trained.device }),
      progress,
      record,
    });
  } catch (error) {
    // On a full disk, this frees the space that is needed to record the error.
    await removeFolder(temporary).catch(() => undefined);
    throw error;
  }
  await removeFolder(path);
  await renamePatiently(temporary, path);
  await syncFolder(folder(runDir));
  await deleteOutdated(runDir, plan);
  return join('checkpoints', nameOf(step));
}

/** Also keeps the checkpoint that was the best one when each kept checkpoint was written. */
async function deleteOutdated(runDir: string, plan: CheckpointOptions['plan']): Promise<void> {
  const steps = await listCheckpoints(runDir);
  const outdated = plan.outdated(steps);
  const best = new Set<number | undefined>();
  for (const step of steps.filter((checkpoint) => !outdated.includes(checkpoint)))
    best.add((await readCheckpointState(runDir, step).catch(() => undefined))?.record.ranking.best?.step);
  for (const step of outdated.filter((other) => !best.has(other)))
    // The next checkpoint tries again.
    await removeFolder(checkpointPath(runDir, step)).catch(() => undefined);
}

async function deleteCheckpoints(runDir: string, steps: readonly number[]): Promise<void> {
  for (const step of steps) await removeFolder(checkpointPath(runDir, step));
}

/**
 * Makes the checkpoint of `step` the newest one, with `progress` to continue from. If it is killed half-way, the run
 * comes to the same decision again.
 */
export async function resumeFrom(runDir: string, step: number, progress: LoopProgress): Promise<void> {
  const steps = await listCheckpoints(runDir);
  await deleteCheckpoints(runDir, steps.filter((other) => other > step).reverse());
  await rewriteState(runDir, step, { progress });
}

/** Changes the state of the checkpoint of `step`, but not its weights. */
export async function rewriteState(
  runDir: string,
  step: number,
  patch: Partial<Pick<State, 'progress' | 'record'>>,
): Promise<void> {
  const state = await readCheckpointState(runDir, step);
  await writeByRename(stateFile(runDir, step), JSON.stringify({ ...state, ...patch }));
}

const stateFile = (runDir: string, step: number) => join(checkpointPath(runDir, step), 'state.json');
const readCheckpointState = async (runDir: string, step: number): Promise<State> =>
  stateSchema.parse(JSON.parse(await readText(stateFile(runDir, step))));

/** The trained parameters of a checkpoint, read one by one when needed. */
export const readParameters = (runDir: string, step: number): Promise<Map<string, Tensor>> =>
  readSafetensors(join(checkpointPath(runDir, step), 'parameters.safetensors'));

/** A parameter that is read from the backend only when it is written. */
export function lazyParameter(model: Model, { name, shape }: Parameter): LazyValues {
  return { length: elementCount(shape), read: () => model.read(name) };
}

async function writeCheckpoint(
  path: string,
  { model, optimizer }: CheckpointSource,
  state: State,
): Promise<void> {
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'state.json'), JSON.stringify(state));
  if (state.step === 0) return;
  const parameters = model.parameters.map(
    (parameter) =>
      [parameter.name, { shape: parameter.shape, data: lazyParameter(model, parameter) }] as const,
  );
  await writeSafetensors(join(path, 'parameters.safetensors'), new Map(parameters));
  const moments = [...optimizer.state()].map(
    ([name, data]) => [name, { shape: [data.length], data }] as const,
  );
  await writeSafetensors(join(path, 'optimizer.safetensors'), new Map(moments));
}

/** The state of a run before the first step. */
export interface InitialState extends Pick<CheckpointSource, 'model' | 'optimizer'> {
  initial(parameter: Parameter): Promise<Float32Array>;
}

export interface Restored {
  /** Undefined if there was no checkpoint that could be read. */
  state: State | undefined;
  /** Newer checkpoints that could not be read. Broken ones are deleted, or they would still count as the newest. */
  damaged: number[];
}

/**
 * Restores the newest readable checkpoint up to step `upTo` into model and optimiser; if all are damaged, the initial
 * state. `initial` gives the value of a parameter before the first step. Errors: memory, gpu-lost.
 */
export async function restoreCheckpoint(
  runDir: string,
  { model, optimizer, initial }: InitialState,
  upTo = Infinity,
): Promise<Restored> {
  const damaged: number[] = [];
  /** Those whose disk failed, perhaps only now, are kept. */
  const broken: number[] = [];
  let state: State | undefined;
  for (const step of (await listCheckpoints(runDir)).filter((known) => known <= upTo).reverse()) {
    try {
      const read = await readCheckpointState(runDir, step);
      if (step === 0) await restoreInitialState({ model, optimizer, initial });
      else await restoreWeights(runDir, step, { model, optimizer });
      state = read;
      break;
    } catch (error) {
      // Says nothing about the checkpoint.
      if (['memory', 'gpu-lost'].includes(asUserError(error).code)) throw error;
      damaged.push(step);
      const { syscall, code } = error as NodeJS.ErrnoException;
      if (!syscall || code === 'ENOENT') broken.push(step);
    }
  }
  // Some weights of a damaged one may have been written.
  if (!state && damaged.length) await restoreInitialState({ model, optimizer, initial });
  await deleteCheckpoints(runDir, broken);
  return { state, damaged };
}

async function restoreWeights(
  runDir: string,
  step: number,
  { model, optimizer }: Pick<CheckpointSource, 'model' | 'optimizer'>,
): Promise<void> {
  const parameters = await readParameters(runDir, step);
  const moments = await readSafetensors(join(checkpointPath(runDir, step), 'optimizer.safetensors'));
  if (model.parameters.some(({ name }) => !parameters.has(name))) throw new Error('parameters are missing');
  for (const { name } of model.parameters) model.write(name, await parameters.get(name)!.data.read());
  await optimizer.load(new Map([...moments].map(([name, { data }]) => [name, data])));
}

async function restoreInitialState({ optimizer, ...beginning }: InitialState): Promise<void> {
  await restoreInitialWeights(beginning);
  await optimizer.load(new Map());
}

/** Restores the model to its state before the first step. */
export async function restoreInitialWeights({
  model,
  initial,
}: Pick<InitialState, 'model' | 'initial'>): Promise<void> {
  for (const parameter of model.parameters) model.write(parameter.name, await initial(parameter));
}

/** A rename survives a power cut only if its folder is synced; Windows can't do that and does not need it. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

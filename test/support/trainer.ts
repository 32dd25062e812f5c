/** Starts trainers and watches them from outside: their events, and their end. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { examine } from '../../src/base-models/checksums.ts';
import { launchDetached, type LaunchedTrainer } from '../../src/cli/processes/launch.ts';
import type { RunEvent } from '../../src/protocol/events.ts';
import { hyperSchema, type BackendName, type EvaluationPlan, type Hyper } from '../../src/protocol/run.ts';
import { readState } from '../../src/runs/files.ts';
import { hasEnded } from '../../src/findings/run-status.ts';
import { createRun, queueRun, withTraining } from '../../src/runs/index.ts';
import { lockOwner } from '../../src/runs/lock.ts';
import { isProcessAlive } from '../../src/runs/processes.ts';
import { findRuntime } from '../../src/tensor/runtime/find.ts';
import { offer } from '../../src/tensor/runtime/release.ts';
import { Workplace } from './cli.ts';
import { writeTinyModel } from './tiny-model.ts';
import { until } from './until.ts';

/**
 * The backends that train on this processor. Throws if TensorFlow is offered here and not installed, because its tests
 * would vanish without a word.
 */
export async function processorBackends(): Promise<BackendName[]> {
  if (await findRuntime()) return ['wasm', 'tensorflow'];
  if (offer(false).release)
    throw new Error('Install TensorFlow first: node dist/cli.mjs runtime install --yes');
  return ['wasm'];
}

/** A workplace to train in, with a tiny base and a folder of code. */
export async function openTraining(): Promise<{ place: Workplace; base: string; code: string }> {
  const place = await Workplace.create();
  const base = place.path('tiny.gguf');
  await writeTinyModel(base, { seed: 1 });
  return { place, base, code: await place.code() };
}

export interface SmallRun {
  base: string;
  code: string;
  hyper: Partial<Hyper> & Pick<Hyper, 'steps'>;
  evaluation?: Partial<EvaluationPlan>;
  /** Default: wasm, which every machine has. */
  backend?: BackendName;
}

/**
 * Creates a run in FORGET_ME_NOT_HOME that measures little, and returns its directory. For tests of what a trainer does:
 * the command line would take a third of their time.
 */
export async function createSmallRun({
  base,
  code,
  hyper,
  evaluation,
  backend = 'wasm',
}: SmallRun): Promise<string> {
  const { dir } = await createRun({
    ...{ name: 'code', folder: code, backend, versions: {} },
    base: { id: base, path: base, sha256: (await examine(base)).sha256 },
    corpus: { fimRate: 0.9, repositoryContext: true, halfLifeDays: 180 },
    hyper: hyperSchema.parse({ learningRate: 3e-3, sequenceLength: 64, evalEvery: 4, ...hyper }),
    evaluation: {
      ...{ heldOutWindows: 1, humanevalProblems: 0, retentionTexts: 0, completions: false },
      ...evaluation,
    },
  });
  return dir;
}

/** Starts the trainer of a new or interrupted run, as `train --detach` and `resume --detach` do. */
export async function startTrainer(dir: string): Promise<LaunchedTrainer> {
  // The trainer of the run before may be about to exit.
  await untilIdle(dirname(dirname(dir)));
  return withTraining('A test', async (lock) => {
    await queueRun(dir);
    return launchDetached(dir, lock);
  });
}

/** Trains a run and measures its result. */
export async function trainToEnd(dir: string): Promise<void> {
  await (
    await startTrainer(dir)
  ).ended;
  const { status, error } = await readState(dir);
  if (status !== 'done') throw new Error(`The run is ${status}: ${JSON.stringify(error)}`);
}

/** More steps than any test waits for, so that the trainer is still working when the test acts on it. */
export const ENDLESS = 100_000;

/** The events so far; an incomplete last line is left out. */
export async function eventsOf(dir: string): Promise<RunEvent[]> {
  const text = await readFile(join(dir, 'events.jsonl'), 'utf8').catch(() => '');
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as RunEvent);
}

/** The warnings of a run, except the one about few files. */
export const warningsOf = (events: readonly RunEvent[]): string[] =>
  events.flatMap((event) =>
    event.type === 'warning' && !event.message.startsWith('There are only') ? [event.message] : [],
  );

/** How often to look for what happens within a few steps. */
export const SOON = { everyMs: 5 };

/**
 * Waits until the run has an event for which `sign` is true. Throws once no process is left that could write one. Looking
 * takes time from the core that trains.
 */
export async function untilEvent(
  dir: string,
  sign: (event: RunEvent) => boolean,
  { everyMs } = { everyMs: 25 },
): Promise<void> {
  const look = async () => {
    // Checked before the events are read, which then include the trainer's last ones.
    const ended = await isAbandoned(dir);
    if ((await eventsOf(dir)).some(sign)) return true;
    if (!ended) return false;
    const [state, log] = await Promise.all(
      ['state.json', 'trainer.log'].map((name) => readFile(join(dir, name), 'utf8').catch(() => '')),
    );
    throw new Error(`The run ended without the expected event: ${state}\n${log}`);
  };
  await until(`an event of the run: ${sign.toString()}`, look, { everyMs });
}

/** Whether a run has no owner any more, and no trainer that will become one. */
async function isAbandoned(dir: string): Promise<boolean> {
  const state = await readState(dir);
  if (hasEnded(state)) return true;
  if (state.pid !== undefined) return !isProcessAlive(state.pid);
  return (await trainingOwner(dirname(dirname(dir)))) === undefined;
}

/** The living process that holds a data directory's training lock, which a trainer gets before it owns its run. */
const trainingOwner = (home: string) => lockOwner(join(home, 'training.lock'));

/** Waits until nothing trains in a data directory: a stopped trainer still writes a checkpoint. */
export async function untilIdle(home: string): Promise<void> {
  await until('the training to end', async () => (await trainingOwner(home)) === undefined, { everyMs: 20 });
}

/** Kills the process that owns a run and waits until it has ended. Returns false if it had ended by itself. */
export async function killTrainer(dir: string): Promise<boolean> {
  const { pid } = await readState(dir);
  if (pid === undefined || !isProcessAlive(pid)) return false;
  process.kill(pid, 'SIGKILL');
  await until('the trainer to be gone', () => !isProcessAlive(pid));
  const { status } = await readState(dir);
  return status === 'running' || status === 'evaluating';
}

/** Follows a run's result. */
const isTrained = (event: RunEvent) => event.type === 'phase' && event.phase === 'Evaluating';

/**
 * Waits until a run has written its result, then kills its trainer and evaluator: measuring would take longer than
 * training.
 */
export async function untilTrained(dir: string): Promise<void> {
  await untilEvent(dir, isTrained);
  const { pid } = await readState(dir);
  // On a busy machine, it may already be measured.
  if (pid === undefined || !isProcessAlive(pid)) return;
  process.kill(-pid, 'SIGKILL');
  await until('the trainer to be gone', () => !isProcessAlive(pid));
}

/** Starts runs until one is killed before its result: on a busy machine, a trainer may end before the event is seen. */
export async function killInTime(
  begin: () => Promise<string>,
  sign: (event: RunEvent) => boolean,
): Promise<string> {
  for (let tries = 0; tries < 5; tries += 1) {
    const dir = await begin();
    await untilEvent(dir, sign, SOON);
    if ((await killTrainer(dir)) && !(await eventsOf(dir)).some(isTrained)) return dir;
  }
  throw new Error('The trainer ended five times before it could be killed.');
}

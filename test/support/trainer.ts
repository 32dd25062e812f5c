/** Watches a detached trainer from outside: its events, and its end. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RunEvent } from '../../src/protocol/events.ts';
import { readState } from '../../src/runs/files.ts';
import { hasEnded } from '../../src/findings/run-status.ts';
import { lockOwner } from '../../src/runs/lock.ts';
import { isProcessAlive } from '../../src/runs/processes.ts';
import { Workplace } from './cli.ts';
import { writeTinyModel } from './tiny-model.ts';
import { until } from './until.ts';

/** A workplace to train in, with a tiny base and a folder of code. */
export async function openTraining(): Promise<{ place: Workplace; base: string; code: string }> {
  const place = await Workplace.create();
  const base = place.path('tiny.gguf');
  await writeTinyModel(base, { seed: 1 });
  return { place, base, code: await place.code() };
}

/** More steps than any test waits for, so that the trainer is still running when the test acts on it. */
export const ENDLESS = 100_000;

/** The events in whole lines: the last line may not be fully written yet. */
export async function eventsOf(dir: string): Promise<RunEvent[]> {
  const text = await readFile(join(dir, 'events.jsonl'), 'utf8').catch(() => '');
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as RunEvent);
}

/** The warnings of a run, without that of a corpus of few files. */
export const warningsOf = (events: readonly RunEvent[]): string[] =>
  events.flatMap((event) =>
    event.type === 'warning' && !event.message.startsWith('There are only') ? [event.message] : [],
  );

/** Waits until the run has an event for which `sign` is true. Throws once no process is left that could write one. */
export async function untilTold(dir: string, sign: (event: RunEvent) => boolean): Promise<void> {
  await until(`an event of the run: ${sign.toString()}`, async () => {
    // Read before the events: what it wrote before its end is among them.
    const ended = await isLeft(dir);
    if ((await eventsOf(dir)).some(sign)) return true;
    if (!ended) return false;
    const [state, log] = await Promise.all(
      ['state.json', 'trainer.log'].map((name) => readFile(join(dir, name), 'utf8').catch(() => '')),
    );
    throw new Error(`The run ended without the expected event: ${state}\n${log}`);
  });
}

/** Whether a run no longer has an owner, and no trainer is about to become one. */
async function isLeft(dir: string): Promise<boolean> {
  const state = await readState(dir);
  if (hasEnded(state)) return true;
  if (state.pid !== undefined) return !isProcessAlive(state.pid);
  return (await trainerIn(dirname(dirname(dir)))) === undefined;
}

/** The living process that has a data directory's training lock: a trainer gets it before it takes its run. */
const trainerIn = (home: string) => lockOwner(join(home, 'training.lock'));

/** Waits until nothing trains in a data directory: a stopped trainer still writes its checkpoint. */
export async function untilFree(home: string): Promise<void> {
  await until('the training to end', async () => (await trainerIn(home)) === undefined, { everyMs: 20 });
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

/**
 * Waits until a run has written its result, then kills it and its children: measuring would take longer than training.
 */
export async function untilMade(dir: string): Promise<void> {
  await untilTold(dir, (event) => event.type === 'phase' && event.phase === 'Evaluating');
  const { pid } = await readState(dir);
  // On a busy machine it may be measured before that is noticed.
  if (pid === undefined || !isProcessAlive(pid)) return;
  process.kill(-pid, 'SIGKILL');
  await until('the trainer to be gone', () => !isProcessAlive(pid));
}

/** Starts runs until one was killed in time: on a busy machine, a trainer may end before the sign is noticed. */
export async function killedInTime<R extends { dir: string }>(
  begin: () => Promise<R>,
  sign: (event: RunEvent) => boolean,
  inTime: (run: R) => boolean = () => true,
): Promise<R> {
  for (let tries = 0; tries < 5; tries += 1) {
    const run = await begin();
    await untilTold(run.dir, sign);
    if ((await killTrainer(run.dir)) && inTime(run)) return run;
  }
  throw new Error('The trainer ended five times before it could be killed.');
}

/** A detached trainer, seen from outside: what it has told, and its end. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunEvent } from '../../src/protocol/events.ts';
import { readState } from '../../src/runs/files.ts';
import { isProcessAlive } from '../../src/runs/processes.ts';
import { Workplace } from './cli.ts';
import { writeTinyModel } from './tiny-model.ts';

/** A place to train in: a tiny base, and a folder of code. */
export async function openTraining(): Promise<{ place: Workplace; base: string; code: string }> {
  const place = await Workplace.create();
  const base = place.path('tiny.gguf');
  await writeTinyModel(base, { seed: 1 });
  return { place, base, code: await place.code() };
}

/** More steps than any test waits for: for a trainer that has to be at work still when something is asked of it. */
export const ENDLESS = 100_000;

/** Whole lines only: the last one may be in the middle of being written. */
export async function eventsOf(dir: string): Promise<RunEvent[]> {
  const text = await readFile(join(dir, 'events.jsonl'), 'utf8').catch(() => '');
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as RunEvent);
}

/** Waits until the run has told of something. */
export async function untilTold(dir: string, sign: (event: RunEvent) => boolean): Promise<void> {
  while (!(await eventsOf(dir)).some(sign)) await sleep(5);
}

/** Waits until nothing trains in a data directory: a trainer that was told to stop still writes its checkpoint. */
export async function untilFree(home: string): Promise<void> {
  while (existsSync(join(home, 'training.lock'))) await sleep(20);
}

/** Kills the owner of a run and waits for its death. False when it had ended by itself. */
export async function killTrainer(dir: string): Promise<boolean> {
  const { pid } = await readState(dir);
  if (pid === undefined || !isProcessAlive(pid)) return false;
  process.kill(pid, 'SIGKILL');
  while (isProcessAlive(pid)) await sleep(5);
  const { status } = await readState(dir);
  return status === 'running' || status === 'evaluating';
}

/** Waits until a run has written its result, and ends it and its children there: to measure it takes longer than to train. */
export async function untilMade(dir: string): Promise<void> {
  await untilTold(dir, (event) => event.type === 'phase' && event.phase === 'Evaluating');
  const pid = (await readState(dir)).pid!;
  process.kill(-pid, 'SIGKILL');
  while (isProcessAlive(pid)) await sleep(5);
}

/** Begins anew until the trainer was killed in time: on a busy machine it may have ended before it was noticed. */
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

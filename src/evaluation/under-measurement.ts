/**
 * A result is measured in minutes, by any number of evaluators, and its file must stay the same meanwhile. Each leaves a
 * mark in evaluation/; who wants another strength takes the run's lock and looks for marks. Each does its part before it
 * looks at the other's, so that of two who come at once at most one goes on.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UserError } from '../protocol/errors.ts';
import { lockOwner, lockRun, ownerOf, runOwner } from '../runs/lock.ts';
import { writeJson } from '../runs/files.ts';

/** What the run's lock is held for then. */
const SETTING = 'Setting the strength';
const mark = /^\.measuring-\d+\.json$/;

const folder = (dir: string) => join(dir, 'evaluation');

/** Errors: run-locked while a strength is being set, which takes seconds; those of `work`. */
export async function whileMeasuring<T>(dir: string, work: () => Promise<T>): Promise<T> {
  const path = join(folder(dir), `.measuring-${process.pid}.json`);
  await mkdir(folder(dir), { recursive: true });
  await writeJson(path, ownerOf(process.pid));
  try {
    const owner = await runOwner(dir);
    if (owner?.what === SETTING)
      throw new UserError(
        'run-locked',
        `The strength of run ${basename(dir)} is being set at this moment.`,
        'Measure it in a few seconds.',
      );
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

/** Errors: run-locked while the run is in training or being measured; those of `work`. */
export async function withoutEvaluator(dir: string, work: () => Promise<void>): Promise<void> {
  const lock = await lockRun(dir, SETTING);
  try {
    const pid = await evaluatorOf(dir);
    if (pid !== undefined)
      throw new UserError(
        'run-locked',
        `Run ${basename(dir)} is being measured (pid ${pid}), and its figures must be of one strength.`,
        'Wait until that ends, or stop it where it was started.',
      );
    await work();
  } finally {
    await lock.release();
  }
}

/** The pid of a living one, if there is any. */
async function evaluatorOf(dir: string): Promise<number | undefined> {
  const names = await readdir(folder(dir)).catch(() => []);
  for (const name of names.filter((one) => mark.test(one))) {
    const owner = await lockOwner(join(folder(dir), name));
    if (owner) return owner.pid;
  }
  return undefined;
}

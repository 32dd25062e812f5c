/**
 * Measuring a result takes minutes, and its file must not change meanwhile. One evaluator at a time measures it, while
 * others may check what is served, or measure checkpoints. Each of them writes a mark into evaluation/; a process that
 * sets the strength, or deletes the run, takes the run's lock and looks for marks. Each first writes its own mark or
 * lock and then looks for the other's, so that if both start at once, at most one continues.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { msg, UserError } from '../text/errors.ts';
import { keepFresh, lockOwner, lockRun, ownerOf, runOwner, takeLock } from '../runs/lock.ts';
import { writeJson } from '../runs/files.ts';
import { markOf } from './temporary-files.ts';

/** The purpose written into the run's lock meanwhile. */
const CHANGING = 'Changing the result';
const mark = /^\.measuring-\d+\.json$/;

const folder = (dir: string) => join(dir, 'evaluation');

/**
 * Runs `work`, which measures. Errors: run-locked while the result is being changed, which takes seconds; those of
 * `work`.
 */
export async function withMeasuringMark<T>(dir: string, work: () => Promise<T>): Promise<T> {
  const path = markOf(dir, process.pid);
  await mkdir(folder(dir), { recursive: true });
  await writeJson(path, ownerOf(process.pid));
  const stopRenewing = keepFresh(path);
  try {
    const owner = await runOwner(dir);
    if (owner?.what === CHANGING)
      throw new UserError(
        'run-locked',
        msg`The result of run ${basename(dir)} is being changed right now.`,
        msg`Measure it in a few seconds.`,
      );
    return await work();
  } finally {
    stopRenewing();
    await rm(path, { force: true });
  }
}

/**
 * The same for an evaluator that may choose a strength and writes the summary: there is only one at a time. Errors: also
 * run-locked while another one measures.
 */
export const withMeasuringLock = <T>(dir: string, work: () => Promise<T>): Promise<T> =>
  withMeasuringMark(dir, async () => {
    const lock = await takeLock(
      join(folder(dir), '.measuring.json'),
      () =>
        new UserError(
          'run-locked',
          msg`Run ${basename(dir)} is already being measured.`,
          msg`Wait until it ends, or stop it where it was started.`,
        ),
    );
    return work().finally(() => lock.release());
  });

/**
 * Runs `work`, which changes the result or deletes the run. Errors: run-locked while the run is in training or being
 * measured; those of `work`.
 */
export async function withResultLock(dir: string, work: () => Promise<void>): Promise<void> {
  const lock = await lockRun(dir, CHANGING);
  try {
    const pid = await findEvaluator(dir);
    if (pid !== undefined)
      throw new UserError(
        'run-locked',
        msg`Run ${basename(dir)} is being measured (pid ${pid}).`,
        msg`Wait until it ends, or stop it where it was started.`,
      );
    await work();
  } finally {
    await lock.release();
  }
}

/** The pid of a running evaluator; undefined if there is none. */
async function findEvaluator(dir: string): Promise<number | undefined> {
  const names = await readdir(folder(dir)).catch(() => []);
  for (const name of names.filter((each) => mark.test(each))) {
    const owner = await lockOwner(join(folder(dir), name));
    if (owner) return owner.pid;
  }
  return undefined;
}

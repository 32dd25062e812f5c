/**
 * One training at a time on a machine: two would each take twice as long, and may not fit in memory together. Who holds the
 * lock is a trainer, or a command that trains again and again (a sweep, a reproduction) and whose trainers run under it.
 * A trainer whose command was killed has the lock until it has ended, which it does at once.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../protocol/errors.ts';
import { dataDir } from '../protocol/paths.ts';
import { writeByRename } from '../protocol/write-file.ts';
import { lockOwner, ownerOf, readOwner, takeLock, type Lock, type Owner } from './lock.ts';
import { isProcessAlive } from './processes.ts';

/** How long a trainer takes at most to see that its parent is gone. */
const LOOK_MS = 500;

const path = () => join(dataDir(), 'training.lock');

export interface TrainingLock extends Pick<Lock, 'release'> {
  /** Gives the lock to a process that trains on when this one has ended. */
  handOver(pid: number, run: string): Promise<void>;
  /** Keeps the lock, and lets a process have it that trains for this one, should this one be killed. */
  share(pid: number, run: string): Promise<void>;
}

/** What trains on this machine now, as the beginning of a sentence; undefined where nothing does. */
export async function trainingNow(): Promise<string | undefined> {
  const owner = await lockOwner(path());
  return owner && nameOf(owner);
}

/** `what` begins a sentence: "The training of garden". Errors: training-busy while something else trains here. */
export async function lockTraining(what: string): Promise<TrainingLock> {
  await mkdir(dataDir(), { recursive: true });
  const lock = await takeLock(path(), busy, what);
  const write = (owner: Owner) => writeByRename(path(), JSON.stringify(owner));
  return {
    release: () => lock.release(),
    handOver: (pid, run) => write(ownerOf(pid, nameOfRun(run))),
    share: (pid, run) =>
      write({ ...ownerOf(process.pid, what), token: lock.token, heir: ownerOf(pid, nameOfRun(run)) }),
  };
}

/** Holds the lock while `work` is under way, unless it hands it over. Errors: training-busy, and those of `work`. */
export async function withTraining<T>(what: string, work: (lock: TrainingLock) => Promise<T>): Promise<T> {
  const lock = await lockTraining(what);
  try {
    return await work(lock);
  } finally {
    await lock.release();
  }
}

/**
 * For a trainer: the lock that its parent handed over, or holds while it runs, or else its own. `orphaned` is called
 * when a parent that has not handed it over is gone: nobody waits for this training. Errors: training-busy.
 */
export async function joinTraining(run: string, orphaned: () => void): Promise<Pick<Lock, 'release'>> {
  const { pid, ppid } = process;
  const owner = await lockOwner(path());
  if (owner?.pid !== pid && owner?.pid !== ppid) return lockTraining(nameOfRun(run));
  const look = async () => {
    if (isParent(owner.pid)) return;
    clearInterval(timer);
    if ((await readOwner(path()))?.pid !== pid) orphaned();
  };
  const timer = setInterval(() => void look(), LOOK_MS).unref();
  await look();
  return {
    release() {
      clearInterval(timer);
      return releaseOwn();
    },
  };
}

/** Who loses its parent gets another one; on Windows the number stays. */
const isParent = (pid: number) =>
  process.ppid === pid && (process.platform !== 'win32' || isProcessAlive(pid));

/** The parent may have handed it over since, or be gone. */
async function releaseOwn(): Promise<void> {
  const owner = await lockOwner(path());
  if (owner?.pid === process.pid) await rm(path(), { force: true });
}

const nameOfRun = (run: string) => `Run ${run}`;
const nameOf = ({ pid, what }: Owner) => what ?? `A training (process ${pid})`;

function busy(owner: Owner | undefined): UserError {
  const what = owner ? nameOf(owner) : 'A training';
  const run = /^Run (\S+)$/.exec(what)?.[1];
  return trainingBusy(
    what,
    run
      ? `Wait until it ends, or stop it with {cancel ${run}}.`
      : 'Wait until it ends, or stop it where it was started.',
  );
}

/** `what`: as trainingNow tells it. */
export const trainingBusy = (what: string, next: string): UserError =>
  new UserError(
    'training-busy',
    `${what} is under way on this machine, and two trainings at once may not fit in it.`,
    next,
  );

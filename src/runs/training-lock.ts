/**
 * Allows one training at a time per machine: two would each take twice as long and might not fit in memory together.
 * The lock is held by a trainer, or by a command that starts several trainers (a sweep, a reproduction). If such a
 * command is killed, its trainer inherits the lock, and ends immediately.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../text/errors.ts';
import { msg, type Text, textOf } from '../text/message.ts';
import { dataDir } from '../platform/files/paths.ts';
import { writeByRename } from '../platform/files/write-file.ts';
import { keepFresh, lockOwner, ownerOf, readOwner, takeLock, type Lock, type Owner } from './lock.ts';
import { isHere, isProcessAlive } from './processes.ts';

/** How often a trainer checks whether its parent is alive, in ms. */
const POLL_MS = 500;

const path = () => join(dataDir(), 'training.lock');

export interface TrainingLock extends Pick<Lock, 'release'> {
  /** Passes the lock to a process that continues the training after this one has ended. */
  handOver(pid: number, run: string): Promise<void>;
  /** Names the process that trains for this one as heir of the lock, in case this one is killed. */
  share(pid: number, run: string): Promise<void>;
}

/** The training in progress on this machine, as the beginning of a sentence; undefined if there is none. */
export async function trainingNow(): Promise<Text | undefined> {
  const owner = await lockOwner(path());
  return owner && nameOf(owner);
}

/**
 * Whether a training is in progress on this machine, and of which run, if known: a command that starts several trainers
 * names the current one.
 */
export async function trainingRun(): Promise<{ run: string | undefined } | undefined> {
  const owner = await lockOwner(path());
  return owner && { run: runOf(owner.what) ?? runOf(owner.heir?.what) };
}

/** `what` begins a sentence: "The training of garden". Errors: training-busy if there is another training. */
async function lockTraining(what: Text): Promise<TrainingLock> {
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

/** Holds the lock during `work`, unless `work` hands it over. Errors: training-busy, and those of `work`. */
export async function withTraining<T>(what: Text, work: (lock: TrainingLock) => Promise<T>): Promise<T> {
  const lock = await lockTraining(what);
  try {
    return await work(lock);
  } finally {
    await lock.release();
  }
}

/**
 * For a trainer: uses the lock that its parent handed over or holds, else takes it. Calls `orphaned` if the parent dies
 * without handing it over, because then nobody waits for this training. Errors: training-busy.
 */
export async function joinTraining(run: string, orphaned: () => void): Promise<Pick<Lock, 'release'>> {
  const { pid, ppid } = process;
  const owner = await lockOwner(path());
  if (!isOneOf(owner, pid, ppid)) return lockTraining(nameOfRun(run));
  const stopRenewing = keepFresh(path());
  const checkParent = async () => {
    if (isParent(owner.pid)) return;
    clearInterval(timer);
    if ((await readOwner(path()))?.pid !== pid) orphaned();
  };
  const timer = setInterval(() => void checkParent(), POLL_MS).unref();
  await checkParent();
  return {
    release() {
      clearInterval(timer);
      stopRenewing();
      return releaseOwn();
    },
  };
}

/** Another machine's processes may have the same pids. */
const isOneOf = (owner: Owner | undefined, ...pids: number[]): owner is Owner =>
  owner !== undefined && isHere(owner.machine) && pids.includes(owner.pid);

/** An orphaned process gets a new parent; on Windows it keeps the old parent's pid. */
const isParent = (pid: number) =>
  process.ppid === pid && (process.platform !== 'win32' || isProcessAlive(pid));

/** Releases the lock if this process holds it by now: the parent may have handed it over or died. */
async function releaseOwn(): Promise<void> {
  const owner = await lockOwner(path());
  if (isOneOf(owner, process.pid)) await rm(path(), { force: true });
}

const nameOfRun = (run: string) => `Run ${run}`;
const runOf = (what = '') => /^Run (\S+)$/.exec(what)?.[1];
const nameOf = (owner: Owner): Text => textOf(owner, 'what') ?? msg`A training run (process ${owner.pid})`;

function busy(owner: Owner | undefined): UserError {
  const what = owner ? nameOf(owner) : msg`A training run`;
  const run = runOf(owner?.what);
  return trainingBusy(
    what,
    run
      ? msg`Wait until it ends, or stop it with {cancel ${run}}.`
      : msg`Wait until it ends, or stop it where it was started.`,
  );
}

/** `what`: the result of trainingNow. */
export const trainingBusy = (what: Text, next: Text): UserError =>
  new UserError(
    'training-busy',
    msg`${what} is in progress on this machine, which may not have enough memory for two training runs at once.`,
    next,
  );

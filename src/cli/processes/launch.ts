/** Starts the trainer of a run as a separate process, which outlives this one. */
import { closeSync, fstatSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { startBundle } from '../../platform/processes/bundles.ts';
import { endedEarly } from '../../platform/processes/child-end.ts';
import { endOf } from '../../platform/processes/start.ts';
import { parseError, type UserError } from '../../text/errors.ts';
import { openLogSync } from '../../platform/files/regular-file.ts';
import type { TrainingLock } from '../../runs/index.ts';
import { childEnv } from './child.ts';

export interface LaunchedTrainer {
  /** Number of events that the run already had. */
  eventsBefore: number;
  /** Host and port of the cluster on which the run trains, if it does. */
  cluster: string | undefined;
  /** Leader of its process group; undefined if it could not be started. */
  pid: number | undefined;
  /** Resolves when the process has ended, for whatever reason. */
  ended: Promise<void>;
  /** The error it ended with, if it could not write it into the run. */
  exitError(): UserError | undefined;
}

/** As launchTrainer, and hands the training lock to the trainer, which holds it even if this process ends. */
export async function launchDetached(
  dir: string,
  lock: TrainingLock,
  eventsBefore = 0,
): Promise<LaunchedTrainer> {
  const trainer = launchTrainer(dir, eventsBefore);
  if (trainer.pid !== undefined) await lock.handOver(trainer.pid, basename(dir));
  return trainer;
}

/**
 * Starts it detached; its output goes to trainer.log in the run's directory. `cluster`: host and port of the cluster on
 * which the run trains; the process then follows that job instead of training.
 */
export function launchTrainer(dir: string, eventsBefore = 0, cluster?: string): LaunchedTrainer {
  const path = join(dir, 'trainer.log');
  const log = openLogSync(path);
  const { size } = fstatSync(log);
  const child = startBundle(cluster ? 'cluster-follower' : 'trainer', [dir], {
    detached: true,
    stdio: ['ignore', log, log],
    env: childEnv(),
  });
  child.unref();
  closeSync(log);
  return {
    eventsBefore,
    cluster,
    pid: child.pid,
    ended: endOf(child, 'exit').then(() => undefined),
    exitError: () => {
      const reported = parseError(readFileSync(path).subarray(size).toString());
      const exitStatus = child.signalCode ?? child.exitCode;
      if (reported || exitStatus === null || exitStatus === 0) return reported;
      const resume = `{resume ${basename(dir)}}`;
      return endedEarly(
        cluster ? 'The follower' : 'The trainer',
        exitStatus,
        cluster
          ? `The run goes on at ${cluster}: attach to it again with ${resume}; ${path} may say more.`
          : `Resume it from its last checkpoint with ${resume}; ${path} may say more.`,
      );
    },
  };
}

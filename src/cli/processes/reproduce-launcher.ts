/**
 * The processes that a reproduction runs (trainer, sweeper, evaluator, spectrum); each is stopped when its time is up.
 */
import { existsSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { z } from 'zod';
import type { ProgramName, Programs } from '../../platform/processes/bundles.ts';
import { killGroup } from '../../platform/processes/start.ts';
import { errorOf, UserError } from '../../text/errors.ts';
import { evaluatorMessageSchema } from '../../protocol/evaluator.ts';
import { runsDir, sweepsDir } from '../../platform/files/paths.ts';
import { renamePatiently } from '../../platform/files/write-file.ts';
import { spectrumMessageSchema } from '../../protocol/spectrum.ts';
import type { BackendName } from '../../protocol/run.ts';
import { sweeperMessageSchema, type SweepProgress } from '../../protocol/sweep.ts';
import type { Makers } from '../../reproduce/ledger.ts';
import type { Launcher } from '../../reproduce/reproduce.ts';
import { instructPlan } from '../../reproduce/runs.ts';
import { corpusDir, instructDir, type Reproduction } from '../../reproduce/store.ts';
import {
  cancelRun,
  createRun,
  followRun,
  isAlive,
  queueRun,
  readRun,
  type TrainingLock,
} from '../../runs/index.ts';
import { makeTemporaryFolder } from '../../runs/temporary-folders.ts';
import { formatRate, methodName } from '../../training/learning-rate/choose.ts';
import { createSweep } from '../../training/sweep/store.ts';
import { followChild } from './follow-child.ts';
import { launchTrainer, type LaunchedTrainer } from './launch.ts';
import { readCorpus, TEMPORARY_CORPUS } from '../read-corpus.ts';

export interface LauncherOptions {
  verbose: boolean;
  /** The training lock of this command; its trainers run under it. */
  lock: TrainingLock;
  /** Milliseconds between asking a process to stop and killing it. */
  grace: number;
}

/**
 * Makes runs and sweeps of a reproduction, with the corpora in its folder. `planned`: the backend, if already chosen.
 */
export function reproduceMakers({ dir, spec }: Reproduction, planned?: BackendName): Makers {
  const settled = planned && { planned };
  /** Makes a copy that is moved into a run or sweep by renaming. */
  const copyCorpus = async (parent: string, from: string): Promise<string> => {
    const copy = await makeTemporaryFolder(parent, TEMPORARY_CORPUS);
    await cp(from, copy, { recursive: true });
    return copy;
  };
  /** The instruction corpus, built when the first run needs it. */
  const instructions = async (): Promise<string> => {
    const out = instructDir(dir);
    if (!existsSync(join(out, 'summary.json'))) {
      const { folder, base } = spec;
      const plan = () => instructPlan(spec);
      await readCorpus({ folder, out, basePath: base.path, plan, seed: 0, yes: true, json: true });
    }
    return out;
  };

  return {
    async createRun({ spec: run, instruct }) {
      const copy = await copyCorpus(runsDir(), instruct ? await instructions() : corpusDir(dir));
      const created = await createRun({ ...run, ...settled });
      await renamePatiently(copy, join(created.dir, 'corpus'));
      return created.id;
    },
    async createSweep(sweep) {
      const copy = await copyCorpus(sweepsDir(), corpusDir(dir));
      return (await createSweep({ ...sweep, ...settled }, copy)).spec.id;
    },
  };
}

/** "trial 2 of 6, LoRA at 1e-3: step 3 of 24" */
export const trialPhase = (progress: SweepProgress): string => {
  const { trial, trials, method, learningRate, step, steps } = progress;
  return `trial ${trial} of ${trials}, ${methodName(method)} at ${formatRate(learningRate)}: step ${step} of ${steps}`;
};

export function localLauncher(repro: Reproduction, options: LauncherOptions): Launcher {
  /** An error of a child that was stopped is ignored. */
  const follow = async <N extends ProgramName, M extends { type: string }>(
    name: N,
    args: Programs[N],
    schema: z.ZodType<M>,
    signal: AbortSignal,
    onMessage: (message: M) => void,
  ): Promise<void> => {
    try {
      await followChild(name, args, { schema, onMessage, ...options, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };

  return {
    ...reproduceMakers(repro),
    train: (run, signal, onPhase) => train(run, signal, options, onPhase),
    sweep: (sweepDir, signal, onPhase) =>
      follow('sweeper', [sweepDir], sweeperMessageSchema, signal, (message) => {
        if (message.type === 'progress') onPhase(trialPhase(message));
      }),
    evaluate(runDir, { tasks, data = {}, limit, setting }, signal, onPhase) {
      const files = Object.entries(data).flatMap(([task, file]) => ['--data', `${task}=${file}`]);
      const args = ['--tasks', tasks.join(','), ...files, '--limit', String(limit), '--setting', setting];
      return follow('evaluator', [runDir, ...args], evaluatorMessageSchema, signal, (message) => {
        if (message.type === 'progress') onPhase(`${message.phase} ${message.done} of ${message.total}`);
      });
    },
    parts: (runDir, { of, values }, signal, onPhase) =>
      follow('spectrum', [runDir, `--${of}`, values.join(',')], spectrumMessageSchema, signal, (message) => {
        if (message.type === 'progress') onPhase(`${message.done} of ${message.total} measured`);
      }),
  };
}

/** Starts or resumes a run. Throws the error that it failed with. */
async function train(
  dir: string,
  signal: AbortSignal,
  { grace, lock }: Pick<LauncherOptions, 'grace' | 'lock'>,
  onPhase: (phase: string) => void,
): Promise<void> {
  const before = await readRun(dir);
  if (before.state.status === 'done' || signal.aborted) return;
  const trainer = isAlive(before.state) ? undefined : await launch(dir, lock, before.events.length);
  const ended = new AbortController();
  void trainer?.ended.then(() => ended.abort());
  let kill: NodeJS.Timeout | undefined;
  const stop = () => {
    void cancelRun(dir).catch(() => undefined);
    // Together with its evaluator.
    kill = setTimeout(() => trainer?.pid !== undefined && killGroup(trainer.pid), grace);
  };
  signal.addEventListener('abort', stop);
  try {
    await followRun(
      dir,
      ({ state }, alive) => {
        onPhase(
          state.status === 'running' && state.step
            ? `step ${state.step} of ${state.steps}`
            : (state.phase ?? state.status),
        );
        // A trainer that an earlier command left running is not our child, so there is no exit to wait for.
        if (!trainer && !alive) ended.abort();
      },
      ended.signal,
    );
  } finally {
    clearTimeout(kill);
    signal.removeEventListener('abort', stop);
  }
  const { state } = await readRun(dir);
  if (state.status === 'done' || signal.aborted) return;
  if (state.error) throw errorOf(state.error);
  throw (
    trainer?.exitError() ??
    new UserError(
      'internal',
      `The trainer of ${before.spec.id} ended without an error message.`,
      `${dir}/trainer.log may say more.`,
    )
  );
}

async function launch(dir: string, lock: TrainingLock, eventsBefore: number): Promise<LaunchedTrainer> {
  if (eventsBefore > 0) await queueRun(dir);
  const trainer = launchTrainer(dir, eventsBefore);
  if (trainer.pid !== undefined) await lock.share(trainer.pid, basename(dir));
  return trainer;
}

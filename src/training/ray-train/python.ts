/** Starts PyTorch's side of a training, and passes on what it says. */
import { randomBytes } from 'node:crypto';
import { delimiter, dirname } from 'node:path';
import { z } from 'zod';
import { bundlePath } from '../../protocol/bundles.ts';
import { UserError } from '../../protocol/errors.ts';
import { LineChild } from '../../protocol/line-child.ts';

export interface RayTrainOptions {
  /** As writeRayTrainJob wrote it. */
  folder: string;
  workers: number;
  /** Each worker has a GPU. */
  gpus: boolean;
  /** Start Ray on this machine, for this training alone; else the process joins the cluster that it is on. */
  local: boolean;
  /** A Python that has Ray Train, PyTorch, transformers and PEFT. */
  python: string;
  /** The folder of the package ray_train. Default: that of the bundles. */
  packages?: string;
  /** Asks it to stop when it aborts. */
  signal: AbortSignal;
  onLine(line: unknown): Promise<void>;
}

const anyLine = z.looseObject({ type: z.string(), time: z.string() });

/**
 * Returns once the training has ended, or was stopped. Started again on the same folder, it goes on from its newest
 * checkpoint. Errors: backend-unavailable, and those of `onLine`.
 */
export async function runRayTrain(options: RayTrainOptions): Promise<void> {
  const { folder, workers, gpus, local, python, signal, onLine } = options;
  const { packages = dirname(bundlePath('trainer')) } = options;
  const flags = [...(gpus ? ['--gpu'] : []), ...(local ? ['--local'] : [])];
  const child = new LineChild('-m', ['ray_train.fit', folder, '--workers', String(workers), ...flags], {
    command: python,
    stderr: 'inherit',
    signal,
    // Python looks for modules in its working directory first, and the person's folder is not to be run.
    cwd: packages,
    env: {
      PYTHONPATH: [packages, process.env['PYTHONPATH']].filter(Boolean).join(delimiter),
      PYTHONSAFEPATH: '1',
      PYTHONDONTWRITEBYTECODE: '1',
      HF_HUB_OFFLINE: '1',
      RAY_USAGE_STATS_ENABLED: '0',
      // Seconds: on a busy machine, or where nodes have to be started first, more than the minute that Ray waits.
      RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S: '600',
      // Nobody else is to use it, and no token is to be left on the disk.
      ...(local && { RAY_AUTH_MODE: 'token', RAY_AUTH_TOKEN: randomBytes(32).toString('hex') }),
    },
  });
  try {
    for await (const line of child.messages(anyLine)) await onLine(line);
  } catch (error) {
    child.stop();
    throw error;
  }
  const { how, error } = await child.ended;
  if (error) throw unavailable(`"${python}" could not be started (${error.message})`);
  if (how !== 0 && !signal.aborted) throw unavailable(`Ray Train ended with ${String(how)}`);
}

const unavailable = (what: string) =>
  new UserError(
    'backend-unavailable',
    `${what}.`,
    'The log says more. It needs a Python with ray[train], torch, transformers and peft.',
  );

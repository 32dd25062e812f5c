/** Starts PyTorch's side of a training, and passes on what it says. */
import { randomBytes } from 'node:crypto';
import { delimiter, dirname } from 'node:path';
import { z } from 'zod';
import { bundlePath } from '../../platform/processes/bundles.ts';
import { UserError } from '../../text/errors.ts';
import { LineChild } from '../../platform/processes/line-child.ts';

/** Where Ray is, and the Python that joins it. */
export interface RayPlace {
  /** A Python that has Ray Train, PyTorch, transformers and PEFT. */
  python: string;
  /** Start Ray on this machine, for this training alone; else the process joins the cluster that it is on. */
  local: boolean;
  /** Workers may only be on this node, as others do not see the folder. */
  here?: boolean;
  /** Its id, because a program that joins the cluster may find another one on the same machine. */
  node?: string | undefined;
  /** Processors of this node that are reserved for this process. */
  beside?: number;
}

export interface RayTrainOptions extends RayPlace {
  /** As writeRayTrainJob wrote it. */
  folder: string;
  workers: number;
  /** Each worker has a GPU. */
  gpus: boolean;
  /** Processors of each worker. Default: 1. */
  cpus?: number | undefined;
  /** The folder of the package ray_train. Default: that of the bundles. */
  packages?: string;
  /** Asks it to stop when it aborts. */
  signal: AbortSignal;
  onLine(line: unknown): Promise<void>;
}

const anyLine = z.looseObject({ type: z.string(), time: z.string() });
const needsLine = z.object({ type: z.literal('needs'), missing: z.array(z.string()) });

/** Throws UserError `backend-unavailable` if the Python lacks what a training needs. Takes a moment. */
export async function requirePackages(
  python: string,
  packages = dirname(bundlePath('trainer')),
): Promise<void> {
  const child = start(python, packages, ['ray_train.needs']);
  let missing: string[] | undefined;
  for await (const line of child.messages(needsLine)) missing = line.missing;
  await endOf(child, python);
  if (missing?.length === 0) return;
  if (!missing) throw unavailable(`"${python}" did not say whether it can train`);
  throw new UserError(
    'backend-unavailable',
    `Ray Train can't train here, because the Python "${python}" has no ${missing.join(' and no ')}.`,
    `Install it: pip install ${missing.map((name) => `"${name}"`).join(' ')}; on a cluster, on all of its nodes.`,
  );
}

/**
 * Returns once the training has ended, or was stopped. Started again on the same folder, it goes on from its newest
 * checkpoint. Errors: backend-unavailable, and those of `onLine`.
 */
export async function runRayTrain(options: RayTrainOptions): Promise<void> {
  const {
    folder,
    workers,
    gpus,
    cpus,
    local,
    here: onThisNodeOnly,
    node,
    beside: reservedProcessors,
    python,
    signal,
    onLine,
  } = options;
  const flags = [
    '--workers',
    String(workers),
    ...(gpus ? ['--gpu'] : []),
    ...(cpus === undefined ? [] : ['--cpus', String(cpus)]),
    ...(onThisNodeOnly ? ['--here'] : []),
    ...(node ? ['--node', node] : []),
    ...(reservedProcessors === undefined ? [] : ['--beside', String(reservedProcessors)]),
    ...(local ? ['--local'] : []),
  ];
  const { packages = dirname(bundlePath('trainer')) } = options;
  const child = start(python, packages, ['ray_train.fit', folder, ...flags], {
    signal,
    env: {
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
  const status = await endOf(child, python);
  if (status !== 0 && !signal.aborted) throw unavailable(`Ray Train ended with ${String(status)}`);
}

function start(
  python: string,
  packages: string,
  [module, ...args]: string[],
  { env, signal }: { env?: NodeJS.ProcessEnv; signal?: AbortSignal } = {},
): LineChild {
  return new LineChild('-m', [module!, ...args], {
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
      ...env,
    },
  });
}

/** Its exit status. Errors: backend-unavailable if it could not be started. */
async function endOf(child: LineChild, python: string): Promise<number | string | null> {
  const { how: status, error } = await child.ended;
  if (error) throw unavailable(`"${python}" could not be started (${error.message})`);
  return status;
}

const unavailable = (what: string) =>
  new UserError(
    'backend-unavailable',
    `${what}.`,
    'The log says more. It needs a Python with ray[train], torch, transformers and peft.',
  );

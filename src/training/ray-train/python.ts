/** Starts the PyTorch side of a training, and passes on its output. */
import { randomBytes } from 'node:crypto';
import { delimiter, dirname } from 'node:path';
import { z } from 'zod';
import { bundlePath } from '../../platform/processes/bundles.ts';
import { UserError } from '../../text/errors.ts';
import { LineChild } from '../../platform/processes/line-child.ts';

/** The Ray cluster, and the Python that joins it. */
export interface RayPlace {
  /** A Python that has Ray Train, PyTorch, transformers and PEFT. */
  python: string;
  /** Start Ray on this machine, only for this training; otherwise the process joins the cluster that it runs on. */
  local: boolean;
  /** Workers must be on this node, because others have no access to the folder. */
  here?: boolean;
  /** This node's id, because a program that joins the cluster may find another node on the same machine. */
  node?: string | undefined;
  /** Processors of this node that are reserved for this process. */
  reservedProcessors?: number;
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
  /** When it aborts, the process is asked to stop. */
  signal: AbortSignal;
  onLine(line: unknown): Promise<void>;
}

const anyLine = z.looseObject({ type: z.string(), time: z.string() });
const needsLine = z.object({ type: z.literal('needs'), missing: z.array(z.string()) });

/** Throws UserError `backend-unavailable` if the Python lacks packages that a training needs. Takes a moment. */
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
 * Returns once the training has ended or was stopped. Started again on the same folder, it continues from its newest
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
    reservedProcessors,
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
    ...(reservedProcessors === undefined ? [] : ['--reserved-cpus', String(reservedProcessors)]),
    ...(local ? ['--local'] : []),
  ];
  const { packages = dirname(bundlePath('trainer')) } = options;
  const child = start(python, packages, ['ray_train.fit', folder, ...flags], {
    signal,
    env: {
      RAY_USAGE_STATS_ENABLED: '0',
      // In seconds: on a busy machine, or if nodes have to be started first, it takes longer than the minute that Ray
      // waits.
      RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S: '600',
      // Nobody else may use it, and no token should be left on the disk.
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
    // Python looks for modules in its working directory first, and no code in the user's folder may run.
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

/** Measuring a run on a cluster. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Work } from '../../cluster/job.ts';
import { isRunning, readCluster } from '../../cluster/store.ts';
import { UserError } from '../../text/errors.ts';
import { readSpec } from '../../runs/index.ts';
import type { ChosenCluster } from '../options/cluster-options.ts';
import { sendWork } from './send-work.ts';

const CPUS = 2;

/**
 * Sends a run to be measured there, unless a job with the same arguments is already in progress. `args`: those of the
 * evaluator, after the run's directory. Errors: bad-argument, run-locked while the run has another job, and those of
 * sendWork.
 */
export async function sendEvaluation(
  dir: string,
  args: readonly string[],
  { client, storage, cpus }: ChosenCluster,
  options: { yes?: boolean | undefined; json?: boolean | undefined },
): Promise<void> {
  const local = args.filter((_, at) => args[at - 1] === '--data').find((pair) => existsSync(toFile(pair)));
  if (local !== undefined)
    throw new UserError(
      'bad-argument',
      `--data ${local} is a file of this machine, and what is measured on a cluster reads its data there.`,
      'Name a data set on Hugging Face, or leave --on out.',
    );
  const file = await readCluster(dir);
  if (isRunning(file)) {
    if (file.kind === 'evaluate' && isDeepStrictEqual(file.args, args)) return;
    throw new UserError(
      'run-locked',
      'This run has another job on a cluster.',
      'Wait until it ends, or stop it with {cancel}.',
    );
  }
  const spec = await readSpec(dir);
  const work: Work = {
    kind: 'evaluate',
    dir,
    id: spec.id,
    base: spec.base,
    runtime: spec.planned ?? 'tensorflow',
    // A new name each time: results of an earlier evaluation on the storage belong to an earlier state.
    tasks: [
      { id: `evaluate-${randomBytes(3).toString('hex')}`, argv: ['evaluator.mjs', '{folder}', ...args] },
    ],
    needs: { cpus: cpus ?? CPUS, memoryBytes: 0 },
    storage,
    isSent: (name) => isNeeded(name, args.includes('--checkpoint')),
  };
  await sendWork(client, work, { ...options, args });
}

const toFile = (pair: string) => pair.replace(/^[^=]*=/, '');

/** Leaves out files that only the owner or the optimiser needs. */
const isNeeded = (name: string, checkpoints: boolean) =>
  !/^(lock|stop|cluster\.json|.*\.log|exports\.jsonl|spectrum\.json)$|(^|\/)\.|\.tmp$|optimizer\.safetensors$/.test(
    name,
  ) &&
  (checkpoints || !name.startsWith('checkpoints/'));

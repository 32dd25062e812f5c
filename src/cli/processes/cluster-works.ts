/** What is sent to a cluster for a run, a sweep, an evaluation and a reproduction. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { NewTask, Work, WorkRun } from '../../cluster/job.ts';
import { runsDir } from '../../platform/files/paths.ts';
import { FOLDER_PLACE, type ClusterFile, type ClusterKind } from '../../protocol/cluster.ts';
import type { Method } from '../../protocol/reproduction.ts';
import { EARLIER_ADAPTER, RAY_TRAIN, type RunSpec, type RunState } from '../../protocol/run.ts';
import type { ClusterRun } from '../../reproduce/on-cluster.ts';
import { corpusDir, instructDir, type Reproduction } from '../../reproduce/store.ts';
import { readRun, readSpec } from '../../runs/index.ts';
import { nextTasks, sweepTasks } from '../../training/sweep/cluster-tasks.ts';
import type { Sweep } from '../../training/sweep/store.ts';

/** Where work goes, and what each of its tasks needs. */
export type WorkSettings = Pick<ClusterFile, 'storage' | 'needs'>;

/** Processors of a task, unless the user chose them. Trials use a cluster best when run in parallel. */
export const CPUS: Record<ClusterKind, number> = { train: 2, sweep: 1, evaluate: 2, reproduce: 2 };
/** Seconds between the checkpoints of a trial: the most that a lost node costs. */
const CHECKPOINT_SECONDS = 10;
/** Folders of a reproduction. */
const CORPUS = basename(corpusDir(''));
const INSTRUCTIONS = basename(instructDir(''));

const shared = (
  { id, base, planned = 'tensorflow' }: Pick<RunSpec, 'id' | 'base' | 'planned'>,
  { storage, needs }: WorkSettings,
) => ({ id, base, runtime: planned, storage, needs });

export function runWork(dir: string, spec: RunSpec, settings: WorkSettings): Work {
  const { workers, cpus = 1, gpus } = spec.engine ?? {};
  return {
    kind: 'train',
    dir,
    ...shared(spec, settings),
    tasks: [
      {
        id: 'train',
        argv: ['trainer.mjs', FOLDER_PLACE],
        // Ray Train starts workers in addition to the task.
        ...(workers && { shares: [RAY_TRAIN], workers: { count: workers, cpus, gpus: gpus ? 1 : 0 } }),
      },
    ],
    isSent: (name) => name === 'run.json' || name === EARLIER_ADAPTER || name.startsWith('corpus/'),
    overrides: initialFiles(spec),
  };
}

/** What is left of a sweep: if all of its grid was tried, the rates by which the grid still grows. */
export function sweepWork(sweep: Sweep, settings: WorkSettings): Work {
  const { tasks, next } = sweepTasks(sweep, CHECKPOINT_SECONDS);
  return {
    kind: 'sweep',
    dir: sweep.dir,
    ...shared(sweep.spec, settings),
    tasks: tasks.length > 0 ? tasks : nextTasks(sweep, CHECKPOINT_SECONDS),
    next,
    isSent: (name) => name === 'sweep.json' || name === 'trials.jsonl' || name.startsWith('corpus/'),
  };
}

/** `args`: those of the evaluator, after the run's directory. */
export async function evaluationWork(
  dir: string,
  args: readonly string[],
  settings: WorkSettings,
): Promise<Work> {
  // A new name each time: results of an earlier evaluation on the storage belong to an earlier state.
  const id = `evaluate-${randomBytes(3).toString('hex')}`;
  return {
    kind: 'evaluate',
    dir,
    ...shared(await readSpec(dir), settings),
    tasks: [{ id, argv: ['evaluator.mjs', FOLDER_PLACE, ...args] }],
    isSent: (name) =>
      !onlyHere.test(name) && (args.includes('--checkpoint') || !name.startsWith('checkpoints/')),
  };
}

/** Files that only the owner or the optimiser needs. */
const onlyHere = /^(lock|stop|cluster\.json|.*\.log|exports\.jsonl)$|(^|\/)\.|\.tmp$|optimizer\.safetensors$/;

/** `memoryBytes`: what a run of each method needs. */
export async function reproductionWork(
  { dir, spec }: Reproduction,
  runs: readonly ClusterRun[],
  memoryBytes: Record<Method, number>,
  settings: WorkSettings,
): Promise<Work> {
  const corpora = [CORPUS, ...(runs.some(({ instruct }) => instruct) ? [INSTRUCTIONS] : [])];
  const planned = spec.backend === 'auto' ? 'tensorflow' : spec.backend;
  return {
    kind: 'reproduce',
    dir,
    ...shared({ ...spec, planned }, settings),
    tasks: runs.map(({ name, id, method, instruct, then }): NewTask => ({
      id: name,
      argv: ['trainer.mjs', FOLDER_PLACE],
      ...(then.length > 0 && { then }),
      folder: id,
      corpus: instruct ? INSTRUCTIONS : CORPUS,
      // A local run drops them as well.
      leaves: ['checkpoints'],
      memoryBytes: memoryBytes[method],
    })),
    isSent: (name) => corpora.some((corpus) => name.startsWith(`${corpus}/`)),
    runs: await Promise.all(runs.map(toWorkRun)),
  };
}

async function toWorkRun({ name, id }: ClusterRun): Promise<WorkRun> {
  const dir = join(runsDir(), id);
  const { spec, events } = await readRun(dir);
  const runJson = await readFile(join(dir, 'run.json'), 'utf8');
  return {
    task: name,
    id,
    dir,
    files: { 'run.json': runJson, ...initialFiles(spec) },
    eventsBefore: events.length,
  };
}

/** The files of a run's progress as they were created, so that the package is the same each time it is sent. */
function initialFiles({ hyper }: RunSpec): Record<string, string> {
  const state: RunState = { status: 'queued', step: 0, steps: hyper.steps };
  return { 'state.json': `${JSON.stringify(state, null, 2)}\n`, 'events.jsonl': '' };
}

import { UserError } from '../../text/errors.ts';
import type { RunSpec } from '../../protocol/run.ts';
import { arcTask } from './arc.ts';
import { gsm8kTask } from './gsm8k.ts';
import { commitsTask } from './commits.ts';
import { hellaswagTask } from './hellaswag.ts';
import { crossCodeEvalTask } from './crosscodeeval.ts';
import { humanevalLinesTask, humanevalLineTask } from './humaneval-infilling.ts';
import { humanevalTask } from './humaneval.ts';
import { mbppPlusTask } from './mbpp-plus.ts';
import { repoBenchTask } from './repobench.ts';
import { retentionTask } from './retention.ts';
import { safimTask } from './safim.ts';
import type { Task } from '../task.ts';
import { winograndeTask } from './winogrande.ts';
import { workspaceTask } from './workspace.ts';

/** In running order: the most informative first, since time may run out. */
export const tasks: readonly Task[] = [
  humanevalTask,
  workspaceTask,
  commitsTask,
  humanevalLineTask,
  humanevalLinesTask,
  mbppPlusTask,
  safimTask,
  crossCodeEvalTask,
  repoBenchTask,
  gsm8kTask,
  hellaswagTask,
  arcTask,
  winograndeTask,
  retentionTask,
];
export const taskNames = tasks.map((task) => task.name);

/** The tasks of these names, in running order. Errors: bad-argument. */
export function chooseTasks(names: readonly string[]): Task[] {
  const unknown = names.filter((name) => !taskNames.includes(name));
  if (unknown.length > 0)
    throw new UserError(
      'bad-argument',
      `There is no task "${unknown.join('", "')}".`,
      `Tasks are: ${taskNames.join(', ')}.`,
    );
  return tasks.filter((task) => names.includes(task.name));
}

/**
 * The tasks of a run's own evaluation. Tasks measured at checkpoints are included, so that their curve ends in the
 * result.
 */
export const plannedTasks = (spec: Pick<RunSpec, 'evaluation' | 'imported'>): Task[] =>
  tasks.filter((task) => task.planned?.(spec) || isMeasuredAtCheckpoints(task, spec));

export const isMeasuredAtCheckpoints = (
  { name }: Pick<Task, 'name'>,
  { evaluation }: Pick<RunSpec, 'evaluation'>,
): boolean => evaluation.checkpointTasks.includes(name);

/** Context size in tokens that is enough for all of the tasks. */
export const contextTokens = (chosen: readonly Task[]): number =>
  Math.max(0, ...chosen.map((task) => task.contextTokens ?? 0));

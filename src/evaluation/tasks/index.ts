import { UserError } from '../../protocol/errors.ts';
import { heldOutTask } from './heldout.ts';
import { humanevalTask } from './humaneval.ts';
import { retentionTask } from './retention.ts';
import type { Task } from './task.ts';

/** In the order in which they run. */
export const tasks: readonly Task[] = [humanevalTask, heldOutTask, retentionTask];
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

/** What people see of the tasks, in the terminal and in the panel. */

export interface TaskFacts {
  /** Name for display: "HumanEval". */
  title: string;
  /** Whether its figures show what was learned of the user's code, or what was forgotten of the rest. */
  shows: 'learning' | 'forgetting';
}

export const taskFacts = {
  workspace: { title: 'Held-out text', shows: 'learning' },
  humaneval: { title: 'HumanEval', shows: 'forgetting' },
  humaneval_line: { title: 'HumanEval, a line filled in', shows: 'forgetting' },
  humaneval_lines: { title: 'HumanEval, lines filled in', shows: 'forgetting' },
  mbpp_plus: { title: 'MBPP+', shows: 'forgetting' },
  safim: { title: 'SAFIM', shows: 'forgetting' },
  crosscodeeval: { title: 'CrossCodeEval', shows: 'forgetting' },
  repobench: { title: 'RepoBench', shows: 'forgetting' },
  gsm8k: { title: 'GSM8K', shows: 'forgetting' },
  hellaswag: { title: 'HellaSwag', shows: 'forgetting' },
  arc_challenge: { title: 'ARC-Challenge', shows: 'forgetting' },
  winogrande: { title: 'WinoGrande', shows: 'forgetting' },
  retention: { title: "Forgetting on the base's own text", shows: 'forgetting' },
} satisfies Record<string, TaskFacts>;

/** Facts of a task by the name in its figures; undefined for a name of another version. */
export const factsOfTask = (name: string): TaskFacts | undefined =>
  (taskFacts as Partial<Record<string, TaskFacts>>)[name];

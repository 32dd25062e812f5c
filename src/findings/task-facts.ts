/** Facts about tasks that are available without loading them: their titles, and how long they take. */
import { CURSORS } from '../protocol/evaluation.ts';

interface TaskFacts {
  /** Name for display: "HumanEval". */
  title: string;
  /** Whether it shows what was learned about the user's code, or what was forgotten. */
  shows: 'learning' | 'forgetting';
  /** Rough time in seconds for a small base on two processors; the actual time is measured (evaluation/time.ts). */
  cost: number;
  /** Preparing its items takes most of the time, so a part takes about as long as the whole. */
  preparesAll?: boolean;
}

export const taskFacts = {
  workspace: { title: 'Held-out text', shows: 'learning', cost: 300 },
  humaneval: { title: 'HumanEval', shows: 'forgetting', cost: 130 },
  humaneval_line: { title: 'HumanEval, a line filled in', shows: 'forgetting', cost: 60 },
  humaneval_lines: { title: 'HumanEval, lines filled in', shows: 'forgetting', cost: 100 },
  mbpp_plus: { title: 'MBPP+', shows: 'forgetting', cost: 130 },
  safim: { title: 'SAFIM', shows: 'forgetting', cost: 200 },
  crosscodeeval: { title: 'CrossCodeEval', shows: 'forgetting', cost: 200 },
  repobench: { title: 'RepoBench', shows: 'forgetting', cost: 300 },
  gsm8k: { title: 'GSM8K', shows: 'forgetting', cost: 200 },
  hellaswag: { title: 'HellaSwag', shows: 'forgetting', cost: 60 },
  arc_challenge: { title: 'ARC-Challenge', shows: 'forgetting', cost: 40 },
  winogrande: { title: 'WinoGrande', shows: 'forgetting', cost: 20 },
  retention: { title: "Forgetting on the base's own text", shows: 'forgetting', cost: 65, preparesAll: true },
} satisfies Record<string, TaskFacts>;

/** Facts about a task by the name in its metrics; undefined for an unknown name of another version. */
export const factsOfTask = (name: string): TaskFacts | undefined =>
  (taskFacts as Partial<Record<string, TaskFacts>>)[name];

/** Whether a task shows what was learned. Unknown tasks count as forgetting. */
export const showsLearning = (task: string): boolean =>
  task === CURSORS || factsOfTask(task)?.shows === 'learning';

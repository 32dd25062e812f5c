/** Facts about tasks that are available without loading them, such as their titles and how long they take. */
import { CURSORS } from '../protocol/evaluation.ts';

interface TaskFacts {
  /** Name for display: "HumanEval". */
  title: string;
  /** Whether it shows what was learned about the user's code, or what was forgotten. */
  shows: 'learning' | 'forgetting';
  /** The metric that stands for the task where only one is shown. */
  main: string;
  /** Rough time in seconds for a small base on two processors; the actual time is measured (evaluation/time.ts). */
  cost: number;
  /** Preparing its items takes most of the time, so a part takes about as long as the whole. */
  preparesAll?: boolean;
}

/** In the order in which their metrics are shown: learning first, then forgetting. */
export const taskFacts = {
  workspace: { title: 'Held-out text', shows: 'learning', main: 'bits per byte', cost: 300 },
  commits: { title: 'Later commits', shows: 'learning', main: 'line exact match', cost: 400 },
  humaneval: { title: 'HumanEval', shows: 'forgetting', main: 'pass@1', cost: 130 },
  humaneval_line: { title: 'HumanEval, a line filled in', shows: 'forgetting', main: 'pass@1', cost: 60 },
  humaneval_lines: { title: 'HumanEval, lines filled in', shows: 'forgetting', main: 'pass@1', cost: 100 },
  mbpp_plus: { title: 'MBPP+', shows: 'forgetting', main: 'pass@1 plus', cost: 130 },
  safim: { title: 'SAFIM', shows: 'forgetting', main: 'pass@1', cost: 200 },
  crosscodeeval: { title: 'CrossCodeEval', shows: 'forgetting', main: 'edit similarity', cost: 200 },
  repobench: { title: 'RepoBench', shows: 'forgetting', main: 'edit similarity', cost: 300 },
  gsm8k: { title: 'GSM8K', shows: 'forgetting', main: 'exact match', cost: 200 },
  hellaswag: { title: 'HellaSwag', shows: 'forgetting', main: 'acc_norm', cost: 60 },
  arc_challenge: { title: 'ARC-Challenge', shows: 'forgetting', main: 'acc_norm', cost: 40 },
  winogrande: { title: 'WinoGrande', shows: 'forgetting', main: 'acc', cost: 20 },
  retention: {
    title: "Forgetting on the base's own text",
    shows: 'forgetting',
    main: 'KL from base',
    cost: 65,
    preparesAll: true,
  },
} satisfies Record<string, TaskFacts>;

/** Facts about a task by the name in its metrics; undefined for an unknown name of another version. */
export const factsOfTask = (name: string): TaskFacts | undefined =>
  (taskFacts as Partial<Record<string, TaskFacts>>)[name];

/** Whether a task shows what was learned. Unknown tasks count as forgetting. */
export const showsLearning = (task: string): boolean =>
  task === CURSORS || factsOfTask(task)?.shows === 'learning';

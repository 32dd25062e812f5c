/** MBPP+, SAFIM, CrossCodeEval and RepoBench, on generated rows with their columns. */
import { describe, expect, it } from 'vitest';
import { crossCodeEvalTask, scoreStatement } from '../../../src/evaluation/tasks/crosscodeeval.ts';
import { mbppPlusTask } from '../../../src/evaluation/tasks/mbpp-plus.ts';
import { repoBenchPrompt, repoBenchTask } from '../../../src/evaluation/tasks/repobench.ts';
import { cutAnswer, safimTask } from '../../../src/evaluation/tasks/safim.ts';
import type { Item, Task } from '../../../src/evaluation/task.ts';
import type { HostRequest } from '../../../src/serving/host-types.ts';
import {
  answerOf,
  charTokenizer,
  fakeModel,
  passingSandbox,
  planContext,
  scoreContext,
  useFolder,
} from './help.ts';
import { english } from '../../../src/text/message.ts';

const folder = useFolder();
const filling = fakeModel({ fillsInTheMiddle: () => Promise.resolve(true) });
const plan = async <I extends Item>(task: Task<I>, rows: object[], more = {}) =>
  task.plan(planContext({ base: filling, data: await folder.rows('rows.jsonl', rows), ...more }));

/** A model that gives this answer, and the requests it received. */
function answering(text: string) {
  const asked: Omit<HostRequest, 'model'>[] = [];
  const model = fakeModel({
    complete: (request) => {
      asked.push(request);
      return Promise.resolve(answerOf(text));
    },
  });
  return { model, asked };
}

const mbpp = {
  task_id: 2,
  code: 'def add(a, b):\n    return a + b',
  prompt: 'Write a function to add.',
  source_file: 'x.ipynb',
  test_imports: ['import math'],
  test_list: ['assert add(1, 2) == 3', 'assert add(0, 0) == 0'],
  test: 'import numpy as np\nassert np.allclose(add(0.1, 0.2), 0.3)',
};

describe('MBPP+', () => {
  it("continues EvalPlus's docstring and runs both kinds of tests", async () => {
    const { items, measures, setting } = await plan(mbppPlusTask, [mbpp], { setting: 'quick' });
    expect(items[0]!.id).toBe('Mbpp/2');
    expect(measures.map(({ metric }) => metric)).toEqual(['pass@1', 'pass@1 plus']);
    expect(english(setting)).toBe('1 of 1 problems, greedy, 1 sample each, at most 256 tokens');
    const { model, asked } = answering(mbpp.code);
    const programs: string[] = [];
    const judge = passingSandbox(programs, (program) => !program.includes('allclose'));
    const { parts } = await mbppPlusTask.score(items[0]!, model, judge);
    expect(asked[0]!.prompt).toBe('"""\nWrite a function to add.\nassert add(1, 2) == 3\n"""\n');
    expect(programs[0]).toBe(['import math', mbpp.code, ...mbpp.test_list].join('\n'));
    expect(parts).toEqual({ 'pass@1': { sum: 1, weight: 1 }, 'pass@1 plus': { sum: 0, weight: 1 } });
  });
  it("fails a program on EvalPlus's tests if it fails the original ones", async () => {
    const { items } = await plan(mbppPlusTask, [mbpp], { setting: 'quick' });
    const programs: string[] = [];
    const { parts } = await mbppPlusTask.score(
      items[0]!,
      answering('pass').model,
      passingSandbox(programs, () => false),
    );
    expect(programs).toHaveLength(1);
    expect(parts['pass@1 plus']).toEqual({ sum: 0, weight: 1 });
  });
  it('takes 50 samples for pass@10', async () => {
    const { measures } = await plan(mbppPlusTask, [mbpp]);
    expect(measures.map(({ metric }) => metric)).toEqual([
      'pass@1',
      'pass@1 plus',
      'pass@10',
      'pass@10 plus',
    ]);
  });
});

const gap = {
  task_id: 'block_completion_000001',
  lang: 'python',
  prompt: 'n = int(input())\nfor i in range(n):\n    # TODO: Your code here\nprint(n)\n',
  eval_prompt: 'n = int(input())\nfor i in range(n):\n    {{completion}}\nprint(n)\n',
  ground_truth: 'print(i)',
  unit_tests: JSON.stringify([
    { input: '1\n', output: ['0\n1'] },
    { input: '2\n', output: ['0\n1\n2'] },
  ]),
};
const api = {
  task_id: 'api_completion_000001',
  lang: 'python',
  prompt: 'a = # TODO: Your code here\n',
  eval_prompt: 'a = {{completion}}\n',
  ground_truth: 'np.ones((n, n))',
  unit_tests: '',
};
const control = {
  ...gap,
  task_id: 'control_completion_000001',
  lang: 'java',
  prompt: 'while (/* TODO: Your code here */) {}',
  eval_prompt: 'while ({{completion}}) {}',
  ground_truth: 'i < n',
};

describe('SAFIM', () => {
  it('fills the gap in Python and runs each test until one fails', async () => {
    const { items, measures, setting } = await plan(safimTask, [gap]);
    expect(measures).toEqual([expect.objectContaining({ metric: 'pass@1' })]);
    expect(english(setting)).toContain('filled in, 1 run and 0 compared');
    const { model, asked } = answering('x = i\n    print(x)\n');
    const programs: string[] = [];
    const { parts } = await safimTask.score(items[0]!, model, passingSandbox(programs));
    expect(asked[0]).toMatchObject({
      prompt: 'n = int(input())\nfor i in range(n):\n    ',
      suffix: '\nprint(n)\n',
    });
    expect(programs).toHaveLength(2);
    expect(parts).toEqual({ 'pass@1': { sum: 1, weight: 1 } });
    const fails = passingSandbox(programs, () => false);
    expect((await safimTask.score(items[0]!, model, fails)).parts['pass@1']!.sum).toBe(0);
    expect(programs).toHaveLength(3);
  });
  it('counts the original code as correct', async () => {
    const { items } = await plan(safimTask, [gap]);
    const { parts } = await safimTask.score(items[0]!, answering('print(i)').model, scoreContext);
    expect(parts['pass@1']!.sum).toBe(1);
  });
  it('compares answers in other languages and API calls', async () => {
    const { items, measures } = await plan(safimTask, [gap, control, api]);
    expect(measures.map(({ metric }) => metric)).toEqual(['pass@1', 'exact match']);
    const scored = async (index: number, text: string) =>
      (
        await safimTask.score(
          items[index]!,
          answering(text).model,
          passingSandbox([], () => false),
        )
      ).parts;
    expect(await scored(1, 'i<n) { i++; }')).toEqual({ 'exact match': { sum: 1, weight: 1 } });
    expect(await scored(1, 'i <= n) {')).toEqual({ 'exact match': { sum: 0, weight: 1 } });
    expect(await scored(2, 'np.ones((n,n))\nb = 1')).toEqual({ 'exact match': { sum: 1, weight: 1 } });
  });
  it('prompts from left to right if the base has no fill-in-the-middle', async () => {
    const { items, setting } = await plan(safimTask, [gap], { base: fakeModel() });
    expect(english(setting)).toContain('left to right');
    const { model, asked } = answering('print(i)');
    await safimTask.score(items[0]!, model, scoreContext);
    expect(asked[0]).not.toHaveProperty('suffix');
  });
  it('cuts answers to the missing construct', () => {
    expect(cutAnswer('a; } }', { kind: 'block', lang: 'java' })).toBe('a; ');
    expect(cutAnswer('x > 1:\n  y', { kind: 'control', lang: 'python' })).toBe('x > 1:');
  });
  it.each([
    [{ ...gap, prompt: 'no gap' }, 'its prompt has 0 times'],
    [{ ...gap, eval_prompt: 'no gap' }, 'its eval_prompt has 0 times'],
    [{ ...gap, lang: 'rust' }, 'lang'],
    [{ ...gap, unit_tests: '{' }, 'JSON'],
  ])('says what is wrong with a row', async (row, why) => {
    await expect(plan(safimTask, [row])).rejects.toMatchObject({
      code: 'corpus-unreadable',
      message: expect.stringContaining(why) as string,
    });
  });
});

const statement = {
  prompt: 'from b import load\n\nx = ',
  right_context: '\ny = x\n',
  groundtruth: 'load("a")',
  metadata: { task_id: 'project_cc_python/1', repository: 'r', file: 'a.py', context_start_lineno: 0 },
  crossfile_context: { text: '# other file\n# def load(name):', list: [] },
};

describe('CrossCodeEval', () => {
  it('puts code of other files before the prompt, and fills in the middle if the base can', async () => {
    const { items, setting } = await plan(crossCodeEvalTask, [statement]);
    expect(items[0]).toMatchObject({
      id: 'project_cc_python/1',
      document: 'r',
      prompt: '# other file\n# def load(name):\nfrom b import load\n\nx = ',
      suffix: '\ny = x\n',
    });
    expect(english(setting)).toContain('filled in before the text that follows, 512 tokens of other files');
    const other = await plan(crossCodeEvalTask, [statement], { base: fakeModel() });
    expect(other.items[0]!.suffix).toBe('');
  });
  it('reads rows without other files', async () => {
    const bare: Partial<typeof statement> = { ...statement };
    delete bare.crossfile_context;
    const { items } = await plan(crossCodeEvalTask, [bare]);
    expect(items[0]!.prompt).toBe('\nfrom b import load\n\nx = ');
  });
  it('keeps the end of a prompt that is too long, and the text after it', async () => {
    const { items } = await plan(crossCodeEvalTask, [{ ...statement, prompt: `${'a'.repeat(5000)}\nx = ` }]);
    const { prompt, suffix } = items[0]!;
    expect(prompt).toMatch(/^# other file[^]*a\nx = $/);
    expect(prompt.length + suffix.length).toBe(2048 - 50);
  });
  it.each([
    ['load("a")\ny = 2', [1, 1, 1, 1]],
    ['load("a")  # the file\n', [1, 1, 1, 1]],
    ['load("b")\n', [0, 16 / 18, 1, 1]],
    ['read("a")\n', [0, 14 / 18, 0, 0]],
  ])('scores %j', async (text, expected) => {
    const { items } = await plan(crossCodeEvalTask, [statement]);
    const { parts } = await crossCodeEvalTask.score(items[0]!, answering(text).model, scoreContext);
    const names = ['exact match', 'edit similarity', 'identifier exact match', 'identifier F1'];
    for (const [at, name] of names.entries()) expect(parts[name]!.sum).toBeCloseTo(expected[at]!, 6);
  });
  it('cuts statements of other languages at their punctuation', () => {
    const place = { before: 'int x = ', wanted: 'load(1);', languageId: 'java' };
    expect(scoreStatement('load(1);\nint y;', place)['exact match']!.sum).toBe(1);
  });
});

const line = {
  repo_name: 'o/r',
  file_path: 'a/b.py',
  context: [
    { identifier: 'load', path: 'c.py', snippet: 'def load(): pass' },
    { identifier: 'save', path: 'd.py', snippet: 'def save(): pass' },
  ],
  import_statement: 'from c import load',
  token_num: 10,
  cropped_code: 'x = 1',
  all_code: 'x = 1',
  next_line: '    y = load()',
  gold_snippet_index: 0,
  created_at: '2023-12-01',
  level: '2k',
};

describe('RepoBench', () => {
  it("uses the benchmark's prompt", async () => {
    const { items } = await plan(repoBenchTask, [line]);
    expect(items[0]).toMatchObject({
      document: 'o/r',
      prompt:
        '# Repo Name: o/r\n# Path: c.py\ndef load(): pass\n\n# Path: d.py\ndef save(): pass\n\n# Path: a/b.py\nfrom c import load\nx = 1\n',
    });
  });
  it('leaves out the last lines of other files, then the start of the file itself', () => {
    const own = '# Path: a/b.py\nfrom c import load\nx = 1\n';
    expect(repoBenchPrompt(line, own.length + 50, charTokenizer)).toBe(
      `# Repo Name: o/r\n# Path: c.py\ndef load(): pass\n\n\n${own}`,
    );
    expect(repoBenchPrompt(line, 10, charTokenizer)).toBe('load\nx = 1\n'.slice(-10));
  });
  it('scores the first line of code', async () => {
    const { items } = await plan(repoBenchTask, [line]);
    const scored = async (text: string) =>
      (await repoBenchTask.score(items[0]!, answering(text).model, scoreContext)).parts;
    expect(await scored('\n    # loads\n    y =  load()\n    z')).toMatchObject({
      'exact match': { sum: 1 },
    });
    const wrong = await scored('    y = save()\n');
    expect(wrong['exact match']!.sum).toBe(0);
    expect(wrong['edit similarity']!.sum).toBeCloseTo(22 / 28, 6);
  });
});

it.each([
  [mbppPlusTask, mbpp],
  [safimTask, gap],
  [crossCodeEvalTask, statement],
  [repoBenchTask, line],
] as [Task, object][])('$0.title rejects rows that lack one of its columns', async (task, row) => {
  const [[first], ...rest] = Object.entries(row) as [[string, unknown], ...[string, unknown][]];
  await expect(plan(task, [Object.fromEntries(rest)])).rejects.toMatchObject({
    code: 'corpus-unreadable',
    message: expect.stringContaining(`is not a data set for ${task.title}: its columns are`) as string,
    next: expect.stringContaining(first) as string,
  });
});

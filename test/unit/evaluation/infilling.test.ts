import { describe, expect, it } from 'vitest';
import {
  filledProgram,
  listGaps,
  humanevalLinesTask,
  humanevalLineTask,
} from '../../../src/evaluation/tasks/humaneval-infilling.ts';
import { seededSample } from '../../../src/evaluation/scoring/rows.ts';
import type { HostRequest } from '../../../src/serving/host-types.ts';
import { answerOf, fakeModel, passingSandbox, planContext, useFolder } from './help.ts';
import { english } from '../../../src/text/message.ts';

const folder = useFolder();
const problem = {
  task_id: 'HumanEval/7',
  prompt: 'def two(x):\n    """Doubles."""\n',
  entry_point: 'two',
  canonical_solution: '    y = x\n\n    y += x\n    return y\n',
  test: 'def check(candidate):\n    assert candidate(2) == 4\n',
};

describe('the gaps of a solution', () => {
  it('are its non-blank lines', () => {
    expect(listGaps(problem, 'line').map(({ id, middle }) => [id, middle])).toEqual([
      ['HumanEval/7/L0', '    y = x'],
      ['HumanEval/7/L2', '    y += x'],
      ['HumanEval/7/L3', '    return y'],
    ]);
  });
  it('are all spans between two such lines', () => {
    expect(listGaps(problem, 'lines').map(({ id, middle }) => [id, middle])).toEqual([
      ['HumanEval/7/L0_L0', '    y = x'],
      ['HumanEval/7/L0_L2', '    y = x\n\n    y += x'],
      ['HumanEval/7/L0_L3', '    y = x\n\n    y += x\n    return y'],
      ['HumanEval/7/L2_L2', '    y += x'],
      ['HumanEval/7/L2_L3', '    y += x\n    return y'],
      ['HumanEval/7/L3_L3', '    return y'],
    ]);
  });
  it.each(['line', 'lines'] as const)('restore the whole program when filled in (%s)', (kind) => {
    for (const gap of listGaps(problem, kind))
      expect(gap.prefix + gap.middle + gap.suffix).toBe(problem.prompt + problem.canonical_solution);
  });
  it("are judged by the reference executor's program", () => {
    const gap = listGaps(problem, 'line')[1]!;
    expect(filledProgram(gap, '    y = 2 * x', problem)).toBe(
      `${problem.prompt}    y = x\n\n    y = 2 * x\n    return y\n\n${problem.test}\ncheck(two)`,
    );
  });
});

it('a seeded sample is deterministic, in order, and part of a larger one', () => {
  const all = Array.from({ length: 100 }, (_, index) => index);
  const some = seededSample(all, 10);
  expect(some).toEqual(seededSample(all, 10));
  expect(some).toEqual([...some].sort((a, b) => a - b));
  expect(seededSample(all, 20)).toEqual(expect.arrayContaining(some));
  expect(seededSample(all, 500)).toEqual(all);
});

describe.each([
  [humanevalLineTask, ['\n'], 'lines'],
  [humanevalLinesTask, [], 'spans of lines'],
])('$title', (task, stop, what) => {
  const base = fakeModel({ fillsInTheMiddle: () => Promise.resolve(true) });
  const data = () => folder.rows('problems.jsonl', [problem]);

  it('asks for the middle, greedily, and runs the whole program', async () => {
    const asked: Omit<HostRequest, 'model'>[] = [];
    const model = fakeModel({
      complete: (request) => {
        asked.push(request);
        return Promise.resolve(answerOf('    return 2 * x'));
      },
    });
    const { items, setting, measures } = await task.plan(planContext({ data: await data(), base }));
    expect(english(setting)).toContain(`${items.length} of ${items.length} ${what} of HumanEval's solutions`);
    expect(measures).toEqual([expect.objectContaining({ metric: 'pass@1', binary: true })]);
    const programs: string[] = [];
    const { parts } = await task.score(items.at(-1)!, model, passingSandbox(programs));
    expect(parts).toEqual({ 'pass@1': { sum: 1, weight: 1 } });
    expect(asked).toEqual([expect.objectContaining({ temperature: 0, stop, suffix: '\n' })]);
    expect(programs[0]).toContain('    y += x\n    return 2 * x\n');
    expect(items.every(({ document }) => document === 'HumanEval/7')).toBe(true);
  });
  it('is rejected for a base without fill-in-the-middle', async () => {
    await expect(task.plan(planContext({ data: await data() }))).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.stringContaining('fake has no tokens for filling in the middle') as string,
    });
  });
});

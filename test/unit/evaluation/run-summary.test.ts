/** A run's summary as it grows: known metrics stay, pending ones are named. */
import { readFile, mkdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { compare } from '../../../src/evaluation/metrics/compare.ts';
import { addToSummary, addFindings, tasksLeft } from '../../../src/evaluation/metrics/summary.ts';
import { chooseTasks } from '../../../src/evaluation/tasks/index.ts';
import type { Summary } from '../../../src/protocol/evaluation.ts';
import { choiceAt } from '../../support/choice.ts';
import { partsOf, useFolder } from './help.ts';

const folder = useFolder();
const empty: Summary = { step: 7, sentence: '', comparisons: [] };
const served = { meanKl: 0.001, limit: 0.01, tokens: 96, ok: true };
const metrics = (task: string, metric: string, value: number) => ({
  task,
  comparisons: [
    compare({
      measured: { task, metric, unit: '', better: 'lower', setting: 'test' },
      models: [[partsOf([1, 1.2, 0.9])], [partsOf([value, value, value])]],
    }),
  ],
});
const bits = metrics('workspace', 'bits per byte', 0.5);
const kl = metrics('retention', 'KL from base', 0.2);
const valueOf = (summary: Summary, task: string) =>
  summary.comparisons.find((one) => one.task === task)?.after.value;

describe('a summary', () => {
  it('has the known metrics, and says what is not measured yet, until all is', () => {
    const checked = addFindings(empty, { planned: ['retention', 'workspace', 'humaneval'], served });
    expect(checked).toMatchObject({
      served,
      comparisons: [],
      pending: ['humaneval', 'workspace', 'retention'],
    });
    expect(checked.sentence).toBe(
      "Not measured yet: HumanEval, Held-out text, Forgetting on the base's own text.",
    );
    const one = addFindings(checked, { measured: bits });
    expect(one).toMatchObject({ served, pending: ['humaneval', 'retention'] });
    expect(one.sentence).toMatch(
      /^Predicts .* Not measured yet: HumanEval, Forgetting on the base's own text\.$/,
    );
    // As one that can't be measured on this base.
    const two = addFindings(one, { measured: { task: 'humaneval', comparisons: [] } });
    expect(two.pending).toEqual(['retention']);
    const all = addFindings(two, { measured: kl });
    expect(all).not.toHaveProperty('pending');
    expect(all.sentence).not.toContain('Not measured');
    expect(all.comparisons.map(({ task }) => task)).toEqual(['workspace', 'retention']);
  });

  it('has the KL of the decision until the task itself is measured', () => {
    const at = (value: number) => metrics('retention', 'KL from base', value).comparisons;
    const decided = addFindings(empty, { choice: choiceAt(0.5, '', { atCursors: at(0.2) }) });
    expect(valueOf(decided, 'retention')).toBeCloseTo(0.2);
    // Again, with the third column.
    const again = addFindings(decided, { choice: choiceAt(0.5, '', { atCursors: at(0.2) }) });
    expect(again.comparisons).toHaveLength(1);
    const own = [...at(0.3), ...metrics('retention', 'loss', 1).comparisons];
    const measured = addFindings(again, { measured: { task: 'retention', comparisons: own } });
    for (const summary of [measured, addFindings(measured, { measured: bits })]) {
      const kls = summary.comparisons.filter(({ metric }) => metric === 'KL from base');
      expect(kls.map(({ after }) => after.value)).toEqual([expect.closeTo(0.3)]);
    }
  });

  it('leaves to be measured what is not known, or only in part, and all tasks of an average', () => {
    const planned = chooseTasks(['workspace', 'humaneval', 'hellaswag', 'arc_challenge', 'retention']);
    const left = (summary?: Summary) => tasksLeft(planned, summary).map(({ name }) => name);
    expect(left()).toEqual(planned.map(({ name }) => name));
    const names = ['humaneval', 'hellaswag', 'arc_challenge'];
    const known = names.reduce(
      (summary, task) => addFindings(summary, { measured: metrics(task, 'acc', 0.5) }),
      empty,
    );
    expect(left(known)).toEqual(['workspace', 'retention']);
    expect(left(addFindings(known, { measured: { ...bits, cut: true } }))).toEqual([
      'workspace',
      'retention',
    ]);
    expect(left({ ...known, pending: ['arc_challenge'] })).toEqual([
      ...['workspace', 'hellaswag', 'arc_challenge', 'retention'],
    ]);
    // Metrics stated by a publisher were not measured here.
    expect(left({ ...known, stated: ['humaneval'] })).toContain('humaneval');
  });

  it('names what was measured in part, until the rest is done', () => {
    const part = addFindings(addFindings(empty, { planned: ['workspace', 'retention'] }), {
      measured: { ...bits, cut: true },
    });
    expect(part).toMatchObject({ pending: ['workspace', 'retention'] });
    expect(part.sentence).toMatch(
      /Not measured yet: Forgetting on the base's own text\. Measured in part, because time ran out: Held-out text\.$/,
    );
    const whole = addFindings(part, { planned: ['workspace', 'retention'], measured: bits });
    expect(whole.pending).toEqual(['retention']);
  });

  it('keeps older metrics until there are new ones, and an average only with its tasks', () => {
    const older = [
      bits,
      kl,
      metrics('hellaswag', 'acc_norm', 0.4),
      metrics('forgetting', 'average', 0.4),
    ].reduce((summary, measured) => addFindings(summary, { measured }), empty);
    const again = addFindings(older, { planned: ['workspace', 'hellaswag'], served });
    expect(again).not.toHaveProperty('pending');
    expect(valueOf(again, 'workspace')).toBe(0.5);
    expect(valueOf(addFindings(again, { measured: metrics('workspace', 'loss', 0.3) }), 'workspace')).toBe(
      0.3,
    );
    expect(
      valueOf(addFindings(again, { measured: { task: 'workspace', comparisons: [] } }), 'workspace'),
    ).toBe(0.5);
    const renewed = addFindings(again, { measured: metrics('hellaswag', 'acc_norm', 0.6) });
    expect(renewed.comparisons.map(({ task }) => task)).toEqual(['workspace', 'hellaswag', 'retention']);
  });

  it('still lists what an interrupted evaluation had planned, whatever is measured meanwhile', () => {
    const died = addFindings(empty, { planned: ['workspace', 'retention'], served });
    const other = addFindings(addFindings(died, { planned: ['gsm8k'] }), {
      measured: metrics('gsm8k', 'exact match', 0.5),
    });
    expect(other.pending).toEqual(['workspace', 'retention']);
  });

  it('is saved after each step, and replaced if it belongs to another result', async () => {
    const dir = folder.path('run');
    await mkdir(`${dir}/evaluation`, { recursive: true });
    const onDisk = async () =>
      JSON.parse(await readFile(`${dir}/evaluation/summary.json`, 'utf8')) as Summary;
    await addToSummary(dir, 7, { planned: ['workspace', 'retention'], served });
    expect(await onDisk()).toMatchObject({ step: 7, served, pending: ['workspace', 'retention'] });
    const added = await addToSummary(dir, 7, { measured: bits });
    expect(await onDisk()).toEqual(added);
    await addToSummary(dir, 9, { served });
    expect(await onDisk()).toEqual({ step: 9, sentence: 'Nothing was measured.', comparisons: [], served });
  });
});

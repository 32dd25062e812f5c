import { describe, expect, it, vi } from 'vitest';
import { arcTask } from '../../../src/evaluation/tasks/arc.ts';
import { hellaswagTask, withoutWikiHow } from '../../../src/evaluation/tasks/hellaswag.ts';
import { scoreChoices } from '../../../src/evaluation/tasks/multiple-choice.ts';
import { winograndeTask } from '../../../src/evaluation/tasks/winogrande.ts';
import { fakeModel, planContext, scoreContext, useFolder } from './help.ts';
import { english } from '../../../src/text/message.ts';

const folder = useFolder();

const swag = {
  ind: 4,
  activity_label: 'Baking',
  ctx_a: 'A woman stands in a kitchen.',
  ctx_b: 'she Then takes',
  endings: ['a bowl.', 'the [substeps] roof  off.'],
  label: '1',
};
const arc = {
  question: 'What is ice?',
  choices: { text: ['Water', 'Sand'], label: ['1', '2'] },
  answerKey: '2',
};
const wino = {
  sentence: 'The cup fits not in the bag because the _ is too big .',
  option1: 'cup',
  option2: 'bag',
  answer: '1',
};
const plan = async (task: typeof arcTask, rows: object[], more = {}) =>
  task.plan(planContext({ data: await folder.rows('rows.jsonl', rows), ...more }));

describe('HellaSwag', () => {
  it('prepends the activity and makes the second half a sentence, like the harness', async () => {
    const { items, measures, setting } = await plan(hellaswagTask, [swag]);
    const context = 'Baking: A woman stands in a kitchen. She then takes';
    expect(items).toEqual([
      expect.objectContaining({
        id: 'row 1',
        choices: [
          { context, continuation: ' a bowl.' },
          { context, continuation: ' the roof off.' },
        ],
        lengths: [7, 13],
        gold: 1,
      }),
    ]);
    expect(measures.map(({ metric }) => metric)).toEqual(['acc', 'acc_norm']);
    expect(english(setting)).toBe('1 of 1 questions, log-likelihood, no examples');
  });
  it('keeps a context that is already joined', async () => {
    const { items } = await plan(hellaswagTask, [{ ctx: 'Baking: she Then', endings: ['x', 'y'], label: 0 }]);
    expect(items[0]!.choices[0]!.context).toBe('Baking: she Then');
    expect(items[0]!.gold).toBe(0);
  });
  it("removes WikiHow's markup", () => {
    expect(withoutWikiHow(' How to bake [header] cake [title] Take flour  [step] Mix. ')).toBe(
      // Three spaces become two, not one.
      'How to bake cake. Take flour  Mix.',
    );
  });
  it.each([
    [{ ...swag, label: '2' }, 'label 2 is none of its 2 endings'],
    [{ ...swag, label: '' }, 'label'],
    [{ ...swag, endings: 'x' }, 'endings'],
  ])('says which row is wrong, and how', async (row, why) => {
    await expect(plan(hellaswagTask, [swag, row])).rejects.toMatchObject({
      code: 'corpus-unreadable',
      message: expect.stringMatching(new RegExp(`row 2 .*${why}`)) as string,
    });
  });
});

it('ARC-Challenge prompts like the harness, whatever the labels of its choices', async () => {
  const { items } = await plan(arcTask, [arc]);
  const context = 'Question: What is ice?\nAnswer:';
  expect(items[0]).toMatchObject({
    choices: [
      { context, continuation: ' Water' },
      { context, continuation: ' Sand' },
    ],
    lengths: [5, 4],
    gold: 1,
  });
  await expect(plan(arcTask, [{ ...arc, answerKey: 'A' }])).rejects.toThrow('answerKey A is none of 1, 2');
});

it('WinoGrande scores the text after the gap with both options', async () => {
  const { items, measures } = await plan(winograndeTask, [wino]);
  expect(items[0]).toMatchObject({
    choices: [
      { context: 'The cup fits not in the bag because the cup', continuation: ' is too big .' },
      { context: 'The cup fits not in the bag because the bag', continuation: ' is too big .' },
    ],
    gold: 0,
  });
  expect(measures.map(({ metric }) => metric)).toEqual(['acc']);
  await expect(plan(winograndeTask, [{ ...wino, sentence: 'No gap.' }])).rejects.toThrow('no gap');
});

describe('the answer', () => {
  it('is the likeliest, or the likeliest for its length', () => {
    // -6 / 2 = -3 per character against -9 / 4 = -2.25.
    const values = [-6, -9];
    expect(scoreChoices(values, { gold: 0, lengths: [2, 4] })).toEqual({
      acc: { sum: 1, weight: 1 },
      acc_norm: { sum: 0, weight: 1 },
    });
    expect(scoreChoices(values, { gold: 1, lengths: [2, 4] })).toMatchObject({
      acc: { sum: 0 },
      acc_norm: { sum: 1 },
    });
  });
  it('is the first if several are equally likely', () => {
    expect(scoreChoices([-1, -1], { gold: 0 })).toEqual({ acc: { sum: 1, weight: 1 } });
    expect(scoreChoices([-1, -1], { gold: 1 })).toEqual({ acc: { sum: 0, weight: 1 } });
  });
  it('comes from the model', async () => {
    // A model that finds "S" likely.
    const model = fakeModel({
      tokenLosses: (tokens, { last } = {}) =>
        Promise.resolve(Float32Array.from(tokens.slice(-last!), (token) => (token === 83 ? 0 : 1))),
    });
    const { items } = await plan(arcTask, [arc]);
    expect(await arcTask.score(items[0]!, model, scoreContext)).toEqual({
      parts: { acc: { sum: 1, weight: 1 }, acc_norm: { sum: 1, weight: 1 } },
      detail: { logLikelihoods: [-6, -4] },
    });
  });
});

describe('rows', () => {
  const many = Array.from({ length: 300 }, (_, n) => ({ ...arc, question: `Is it ${n}?` }));
  it('are sampled evenly: a hundred with quick, all with paper, or the requested number', async () => {
    const counts = async (more: object) => (await plan(arcTask, many, more)).items.map(({ id }) => id);
    expect(await counts({ setting: 'quick' })).toHaveLength(100);
    expect(await counts({ setting: 'paper' })).toHaveLength(300);
    expect(await counts({ setting: 'paper', limit: 3 })).toEqual(['row 51', 'row 151', 'row 251']);
  });
  it('with wrong columns are rejected, listing the actual and the expected ones', async () => {
    await expect(plan(hellaswagTask, [{ text: 'x', label: 1 }])).rejects.toMatchObject({
      code: 'corpus-unreadable',
      message: expect.stringContaining('its columns are text, label') as string,
      next: expect.stringContaining('ctx, endings, label') as string,
    });
  });
  it('that are not JSON are rejected', async () => {
    const data = await folder.write('broken.jsonl', `${JSON.stringify(arc)}\n{"question"`);
    await expect(arcTask.plan(planContext({ data }))).rejects.toThrow('row 2 is invalid');
  });
  it('are rejected if there are none', async () => {
    await expect(plan(arcTask, [])).rejects.toMatchObject({ code: 'corpus-empty' });
    const nowhere = planContext({ data: folder.path('none.jsonl') });
    await expect(arcTask.plan(nowhere)).rejects.toMatchObject({ code: 'corpus-unreadable' });
  });
  it("can be given as a file if the hub can't be reached", async () => {
    vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9');
    await expect(arcTask.plan(planContext())).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('allenai/ai2_arc') as string,
      next: expect.stringContaining('--data arc_challenge=FILE') as string,
    });
  });
});

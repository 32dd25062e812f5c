import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { gsm8kPrompt, gsm8kTask, strictAnswer } from '../../../src/evaluation/tasks/gsm8k.ts';
import { shots } from '../../../src/evaluation/tasks/gsm8k-shots.ts';
import type { HostRequest } from '../../../src/serving/host-types.ts';
import { answerOf, fakeModel, planContext, scoreContext, useFolder } from './help.ts';
import { english } from '../../../src/text/message.ts';
import { HubServer } from '../../support/hub-server.ts';

const folder = useFolder();
const row = { question: 'How many legs have 500 cats?', answer: '500*4 = <<500*4=2000>>2,000.\n#### 2,000' };
const plan = async (rows: object[], more = {}) =>
  gsm8kTask.plan(planContext({ data: await folder.rows('rows.jsonl', rows), ...more }));

describe('the examples', () => {
  it('are five, consistent with their own calculator notes', () => {
    expect(shots).toHaveLength(5);
    for (const { answer } of shots) {
      const notes = [...answer.matchAll(/<<([\d+*/-]+)=(\d+)>>/g)];
      expect(notes.length).toBeGreaterThan(0);
      for (const [, sum, result] of notes) expect(calculate(sum!)).toBe(Number(result));
      expect(strictAnswer(answer)).toBe(notes.at(-1)![2]);
    }
  });
  it("precede the question, in the harness's format", () => {
    const prompt = gsm8kPrompt('Why?');
    const parts = prompt.split('\n\n');
    expect(parts).toHaveLength(6);
    expect(parts[0]).toBe(`Question: ${shots[0]!.question}\nAnswer: ${shots[0]!.answer}`);
    expect(parts[5]).toBe('Question: Why?\nAnswer:');
  });
});

/** Two numbers and an operator. */
function calculate(sum: string): number {
  const [, a, sign, b] = /^(\d+)([+*/-])(\d+)$/.exec(sum)!;
  const [x, y] = [Number(a), Number(b)];
  return { '+': x + y, '-': x - y, '*': x * y, '/': x / y }[sign as '+' | '-' | '*' | '/'];
}

describe('the strict match', () => {
  it.each([
    ['It is 7.\n#### 7', '7'],
    ['#### -1,234.50', '-1234.50'],
    ['#### 18.\n\nQuestion: more #### 19', '18'],
    ['The answer is 7.', undefined],
    ['#### $7', undefined],
    ['####7', undefined],
  ])('%j -> %s', (text, expected) => expect(strictAnswer(text)).toBe(expected));

  it.each([
    [' 500*4 = 2000\n#### 2000', 1],
    [' #### 2,000', 1],
    [' #### 200', 0],
    [' The answer is 2000.', 0],
  ])('scores %j as %d', async (text, sum) => {
    const asked: Omit<HostRequest, 'model'>[] = [];
    const model = fakeModel({
      complete: (request) => {
        asked.push(request);
        return Promise.resolve(answerOf(text));
      },
    });
    const { items } = await plan([row]);
    const { parts } = await gsm8kTask.score(items[0]!, model, scoreContext);
    expect(parts).toEqual({ 'exact match': { sum, weight: 1 } });
    expect(asked).toEqual([
      expect.objectContaining({ prompt: gsm8kPrompt(row.question), temperature: 0, maxTokens: 256 }),
    ]);
  });
});

it('states how it is measured', async () => {
  const { setting } = await plan([row, { ...row, question: 'Twice?' }], { setting: 'quick', limit: 1 });
  expect(english(setting)).toBe('1 of 2 questions, 5-shot, greedy, strict match, at most 256 tokens');
});
it("is rejected if the model's context is too short", async () => {
  // One token per character: the examples alone need more.
  const base = fakeModel({ name: 'short', contextLength: () => Promise.resolve(512) });
  await expect(plan([row], { base })).rejects.toMatchObject({
    code: 'bad-argument',
    message: expect.stringMatching(/5 examples takes \d+ tokens of context, but short has 512/) as string,
  });
});
it('rejects rows whose answer has no number', async () => {
  await expect(plan([row, { question: 'x', answer: 'seven' }])).rejects.toThrow('row 2');
});
it('says how much of a data set on the hub is downloaded', async () => {
  const content = Buffer.from(`${JSON.stringify(row)}\n`);
  const hub = await HubServer.start({ 'datasets/team/sums': { 'test.jsonl': { content } } });
  onTestFinished(() => hub.stop());
  vi.stubEnv('HF_ENDPOINT', hub.url);
  vi.stubEnv('HF_TOKEN', '');
  const said: string[] = [];
  const context = planContext({ data: 'team/sums:test', warn: (message) => void said.push(message) });
  expect((await gsm8kTask.plan(context)).items).toHaveLength(1);
  expect(said).toEqual(['team/sums:test.jsonl: downloads 0 MB.']);
});

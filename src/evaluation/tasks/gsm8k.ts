/**
 * GSM8K (Cobbe et al. 2021, arXiv 2110.14168): word problems in arithmetic. As strict match in lm-evaluation-harness:
 * five worked examples, greedy sampling, and the number after "####" has to be right.
 */
import { z } from 'zod';
import { msg, UserError } from '../../text/errors.ts';
import { taskFacts } from '../../findings/task-facts.ts';
import { chooseRows, rowFormat, type Benchmark } from '../scoring/rows.ts';
import { shots } from './gsm8k-shots.ts';
import { createItem, type Item, type PlanContext, type Plan, type Task } from '../task.ts';

interface Sum extends Item {
  question: string;
  answer: string;
}

const ANSWER_TOKENS = 256;
const STOP = ['Question:', '</s>', '<|im_end|>'];

const format = rowFormat(z.object({ question: z.string(), answer: z.string() }), (row) => {
  if (strictAnswer(row.answer) === undefined) throw new Error('its answer has no "#### number"');
  return row;
});

const benchmark: Benchmark<{ question: string; answer: string }> = {
  name: 'gsm8k',
  ...taskFacts.gsm8k,
  source: 'openai/gsm8k:main/test-00000-of-00001.parquet',
  formats: [format],
  quick: 30,
};

export const gsm8kPrompt = (question: string): string =>
  [...shots, { question, answer: '' }]
    .map((shot) => `Question: ${shot.question}\nAnswer: ${shot.answer}`.trimEnd())
    .join('\n\n');

/** The first number after "####", without thousands separators and a final full stop; undefined if there is none. */
export const strictAnswer = (text: string): string | undefined =>
  /#### (-?[0-9.,]+)/.exec(text)?.[1]?.replaceAll(',', '').replace(/\.$/, '');

async function plan(context: PlanContext): Promise<Plan<Sum>> {
  const { rows, total: of } = await chooseRows(benchmark, context);
  await checkRoom(
    rows.map(({ value }) => gsm8kPrompt(value.question)),
    context,
  );
  const how = msg`${rows.length} of ${of} questions, ${shots.length}-shot, greedy, strict match, at most ${ANSWER_TOKENS} tokens`;
  return {
    items: rows.map(({ name, value }) => createItem(name, value, { answer: strictAnswer(value.answer) })),
    setting: how,
    measures: [{ metric: 'exact match', unit: '', better: 'higher', binary: true }],
  };
}

/** The prompt must fit: with cut examples, it would be another task. */
async function checkRoom(prompts: readonly string[], { base }: PlanContext): Promise<void> {
  const [{ encode }, room] = [await base.tokenizer(), await base.contextLength()];
  const needed = Math.max(...prompts.map((prompt) => encode(prompt).length)) + ANSWER_TOKENS;
  if (needed > Math.min(room, CONTEXT_TOKENS))
    throw new UserError(
      'bad-argument',
      `GSM8K with its ${shots.length} examples takes ${needed} tokens of context, but ${base.name} has ${room}.`,
      'Leave the task out, or choose a base with a longer context.',
    );
}

const score: Task<Sum>['score'] = async ({ question, answer }, model, { signal }) => {
  const request = { prompt: gsm8kPrompt(question), maxTokens: ANSWER_TOKENS, temperature: 0, stop: STOP };
  const { text } = await model.complete(request, signal);
  const found = strictAnswer(text);
  const right = found !== undefined && found === strictAnswer(answer);
  return { parts: { 'exact match': { sum: Number(right), weight: 1 } }, detail: { text, answer: found } };
};

const CONTEXT_TOKENS = 2048;

export const gsm8kTask: Task<Sum> = {
  name: 'gsm8k',
  ...taskFacts.gsm8k,
  version: 1,
  contextTokens: CONTEXT_TOKENS,
  parallel: 32,
  plan,
  score,
};

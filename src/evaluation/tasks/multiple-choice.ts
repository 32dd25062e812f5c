/**
 * Multiple-choice questions, answered by log-likelihood as in lm-evaluation-harness: `acc` takes the choice with the
 * highest log-likelihood, `acc_norm` the one with the highest log-likelihood per character.
 */
import { logLikelihoods, type ScoredText } from '../scoring/likelihood.ts';
import { chooseRows, type Benchmark } from '../scoring/rows.ts';
import { createItem, type Item, type ItemScore, type Measure, type Task } from '../task.ts';
import { msg } from '../../text/message.ts';

export interface Question {
  choices: ScoredText[];
  /** Length of each choice in characters; without it, there is no `acc_norm`. */
  lengths?: number[];
  /** Index of the right choice. */
  gold: number;
}

type QuestionItem = Item & Question;

const acc: Measure = { metric: 'acc', unit: '', better: 'higher', binary: true };
const accNorm: Measure = { ...acc, metric: 'acc_norm' };

export function multipleChoiceTask(
  benchmark: Benchmark<Question> & Pick<Task, 'cost'> & { normalised: boolean },
): Task<QuestionItem> {
  const { name, title, cost, normalised } = benchmark;
  return {
    name,
    title,
    version: 1,
    cost,
    async plan(context) {
      const { rows, total: of } = await chooseRows(benchmark, context);
      const how = msg`${rows.length} of ${of} questions, log-likelihood, no examples`;
      return {
        items: rows.map((row) => createItem(row.name, row.value, { gold: row.value.gold })),
        setting: how,
        measures: normalised ? [acc, accNorm] : [acc],
      };
    },
    async score({ choices, lengths, gold }, model) {
      const found = (await logLikelihoods(model, choices)).map(({ value }) => value);
      return { parts: scoreChoices(found, { lengths, gold }), detail: { logLikelihoods: found } };
    },
  };
}

/** Several continuations of one context, separated from it by a space. */
export const choicesAfter = (context: string, texts: readonly string[], gold: number): Question => ({
  choices: texts.map((text) => ({ context, continuation: ` ${text}` })),
  lengths: texts.map((text) => [...text].length),
  gold,
});

export function scoreChoices(
  found: readonly number[],
  { lengths, gold }: Pick<Question, 'gold'> & { lengths?: readonly number[] | undefined },
): ItemScore['parts'] {
  const right = (values: readonly number[]) => ({ sum: Number(argMax(values) === gold), weight: 1 });
  return {
    acc: right(found),
    ...(lengths && { acc_norm: right(found.map((value, i) => value / lengths[i]!)) }),
  };
}

/** Index of the first largest value. */
const argMax = (values: readonly number[]) => values.indexOf(Math.max(...values));

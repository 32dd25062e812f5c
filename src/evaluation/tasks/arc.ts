/**
 * ARC-Challenge (Clark et al. 2018, arXiv 1803.05457): questions of school science. As in lm-evaluation-harness,
 * without examples.
 */
import { z } from 'zod';
import { taskFacts } from '../../findings/task-facts.ts';
import { rowFormat } from '../scoring/rows.ts';
import { choicesAfter, multipleChoiceTask } from './multiple-choice.ts';

const row = z.object({
  question: z.string(),
  choices: z.object({ text: z.array(z.string()).min(2), label: z.array(z.string()) }),
  answerKey: z.string(),
});

const format = rowFormat(row, ({ question, choices, answerKey }) => {
  const gold = choices.label.indexOf(answerKey);
  if (gold < 0 || gold >= choices.text.length)
    throw new Error(`answerKey ${answerKey} is none of ${choices.label.join(', ')}`);
  return choicesAfter(`Question: ${question}\nAnswer:`, choices.text, gold);
});

export const arcTask = multipleChoiceTask({
  name: 'arc_challenge',
  ...taskFacts.arc_challenge,
  source: 'allenai/ai2_arc:ARC-Challenge/test-00000-of-00001.parquet',
  formats: [format],
  normalised: true,
  quick: 100,
});

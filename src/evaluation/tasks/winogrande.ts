/**
 * WinoGrande (Sakaguchi et al. 2019, arXiv 1907.10641): who a sentence refers to. As in lm-evaluation-harness, without
 * examples and by partial evaluation: the text after the gap is scored, given the sentence up to the gap with either
 * option filled in.
 */
import { z } from 'zod';
import { taskFacts } from '../../findings/task-facts.ts';
import { rowFormat } from '../scoring/rows.ts';
import { multipleChoiceTask } from './multiple-choice.ts';

const row = z.object({
  sentence: z.string(),
  option1: z.string(),
  option2: z.string(),
  answer: z.enum(['1', '2']),
});

const format = rowFormat(row, ({ sentence, option1, option2, answer }) => {
  const gap = sentence.indexOf('_');
  if (gap < 0) throw new Error('its sentence has no gap "_"');
  const continuation = ` ${sentence.slice(gap + 1).trim()}`;
  return {
    choices: [option1, option2].map((option) => ({ context: sentence.slice(0, gap) + option, continuation })),
    gold: Number(answer) - 1,
  };
});

export const winograndeTask = multipleChoiceTask({
  name: 'winogrande',
  ...taskFacts.winogrande,
  source: 'allenai/winogrande:winogrande_xl/validation-00000-of-00001.parquet',
  formats: [format],
  normalised: false,
  quick: 100,
});

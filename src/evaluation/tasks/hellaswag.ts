/**
 * HellaSwag (Zellers et al. 2019, arXiv 1905.07830): which ending continues a text. As in lm-evaluation-harness,
 * without examples.
 */
import { z } from 'zod';
import { taskFacts } from '../../findings/task-facts.ts';
import { rowFormat } from '../scoring/rows.ts';
import { choicesAfter, multipleChoiceTask } from './multiple-choice.ts';

/** A number, or a string of digits as in the hub's rows. */
const label = z.union([z.int(), z.string().regex(/^\d+$/)]).transform(Number);
const answers = { endings: z.array(z.string()).min(2), label };

/** The hub's rows: the activity and the two halves of the context in separate columns. */
const hub = rowFormat(
  z.object({ activity_label: z.string(), ctx_a: z.string(), ctx_b: z.string(), ...answers }),
  (row) => question(`${row.activity_label}: ${row.ctx_a} ${capitalised(row.ctx_b)}`, row),
);
/** Other rows have the whole context in one column. */
const joined = rowFormat(z.object({ ctx: z.string(), ...answers }), (row) => question(row.ctx, row));

function question(context: string, { endings, label: gold }: { endings: string[]; label: number }) {
  if (gold >= endings.length) throw new Error(`label ${gold} is none of its ${endings.length} endings`);
  return choicesAfter(withoutWikiHow(context), endings.map(withoutWikiHow), gold);
}

/** Removes marks of the WikiHow articles that some contexts are from. */
export const withoutWikiHow = (text: string): string =>
  text
    .trim()
    .replaceAll(' [title]', '. ')
    .replace(/\[.*?\]/g, '')
    .replaceAll('  ', ' ');

/** Makes the first letter upper case and all others lower case. */
const capitalised = (text: string) => {
  const [first = ''] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
};

export const hellaswagTask = multipleChoiceTask({
  name: 'hellaswag',
  ...taskFacts.hellaswag,
  source: 'Rowan/hellaswag:validation',
  formats: [hub, joined],
  normalised: true,
  quick: 100,
});

/** The task of repeating an edit, in words: what instruction tuning teaches, and what a model so tuned is asked. */

export interface EditPair {
  /** An edit, as the lines of a diff. */
  example: { path: string; diff: string };
  /** The lines of another place, before and after the same edit. */
  place: { path: string; before: string; after: string };
}

/** Lines shown around a place. */
export const TASK_CONTEXT = 5;

/** `language`: the name of the place's language in code fences. The answer is `fenced(language, place.after)`. */
export const editQuestion = (
  { example, place }: { example: EditPair['example']; place: Omit<EditPair['place'], 'after'> },
  language: string,
): string =>
  [
    'Make the same edit here.',
    `The edit, in ${example.path}:\n${fenced('diff', example.diff)}`,
    `The place, in ${place.path}:\n${fenced(language, place.before)}`,
  ].join('\n\n');

/** The text in a code fence that is longer than any in it. */
export function fenced(language: string, text: string): string {
  const longest = Math.max(2, ...(text.match(/`{3,}/g) ?? []).map(({ length }) => length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text.replace(/\n+$/, '')}\n${fence}`;
}

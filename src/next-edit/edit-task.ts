/** The prompt for repeating an edit: what instruction tuning teaches, and what a model tuned this way is asked. */

export interface EditQuestion {
  /** A line that was edited, before and after. */
  example: { path: string; before: string; after: string };
  /** A line that may need the same edit, with its surrounding lines. */
  place: { path: string; above: readonly string[]; line: string; below: readonly string[] };
}

/** Lines shown above and below a place. */
export const TASK_CONTEXT = 5;

/** `language`: the name of the place's language in code fences. The answer is `editAnswer`. */
export const editQuestion = ({ example, place }: EditQuestion, language: string): string =>
  [
    'Make the same edit to the line, or leave the line as it is if the edit does not belong there.',
    `The edit, in ${example.path}:\n${fenced('diff', `-${example.before}\n+${example.after}`)}`,
    `The place, in ${place.path}:\n${fenced(language, [...place.above, place.line, ...place.below].join('\n'))}`,
    `The line:\n${fenced(language, place.line)}`,
  ].join('\n\n');

/** The edited line. */
export const editAnswer = (line: string, language: string): string => fenced(language, line);

/** The text in a code fence longer than any fence inside it. */
export function fenced(language: string, text: string): string {
  const longest = Math.max(2, ...(text.match(/`{3,}/g) ?? []).map(({ length }) => length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text.replace(/\n+$/, '')}\n${fence}`;
}

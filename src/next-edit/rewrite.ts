/** Builds prompts that ask for an edited line, and checks the answers. */
import { leadingWhitespace } from '../completion/code/text.ts';
import { piecesOf } from './by-line.ts';
import type { Candidate, LineInContext } from './candidates.ts';
import { editQuestion } from './edit-task.ts';
import type { Offer } from './find.ts';

/** Lines above and below that a diff shows. */
const DIFF_CONTEXT = 3;

/** How paths are shown to the model, such as relative to the workspace. */
export type NameOf = (path: string) => string;

/**
 * A diff with the edit, up to the new line of the place, which the model continues. `heal`: the end of the text, which
 * is generated again.
 */
export function diffPrompt({ example, place }: Candidate, nameOf: NameOf): { prompt: string; heal: string } {
  const above = (lines: readonly string[]) => lines.slice(-DIFF_CONTEXT).map((line) => ` ${line}`);
  const below = (lines: readonly string[]) => lines.slice(0, DIFF_CONTEXT).map((line) => ` ${line}`);
  const head = ({ path }: LineInContext) => [`--- a/${nameOf(path)}`, `+++ b/${nameOf(path)}`];
  const lines = [
    ...head(example),
    '@@',
    ...above(example.above),
    `-${example.line}`,
    `+${example.after}`,
    ...below(example.below),
    ...(place.path === example.path ? [] : head(place)),
    '@@',
    ...above(place.above),
    `-${place.line}`,
    '+',
  ];
  return { prompt: lines.join('\n'), heal: leadingWhitespace(place.line) };
}

/** The question that instruction tuning teaches with the task `edits`. */
export function taskQuestion({ example, place }: Candidate, nameOf: NameOf, language: string): string {
  const shown = { path: nameOf(example.path), before: example.line, after: example.after };
  return editQuestion({ example: shown, place: { ...place, path: nameOf(place.path) } }, language);
}

/** The line in an answer to that question; 'more' until it is complete, undefined if the answer is something else. */
export function lineInAnswer(answer: string): string | 'more' | undefined {
  const head = /^`{3,}[^`\n]*\n/.exec(answer)?.[0];
  if (!head) return /^`{0,3}$|^`{3,}[^`\n]*$/.test(answer) ? 'more' : undefined;
  const end = answer.indexOf('\n', head.length);
  return end < 0 ? 'more' : answer.slice(head.length, end);
}

/**
 * The offer to write `line` at the place; undefined if that isn't the same edit: it adds or removes something else, or
 * only one bracket of a pair.
 */
export function toOffer(candidate: Candidate, line: string): Offer | undefined {
  const { example, place, start, end, at } = candidate;
  const text = line.trimEnd();
  if (text.trim() === place.line.trim() || !text.trim()) return undefined;
  if (
    leadingWhitespace(text) !== leadingWhitespace(place.line) &&
    leadingWhitespace(example.after) === leadingWhitespace(example.line)
  )
    return undefined;
  const expected = differenceOf(example.line, example.after);
  const actual = differenceOf(place.line, text);
  if (!isSameEdit(expected, actual, candidate) || expected.balance !== actual.balance) return undefined;
  return {
    path: place.path,
    line: at,
    parts: [{ start, end, text }],
    why: 'model',
    pattern: JSON.stringify(['model', example.line.trim(), example.after.trim()]),
  };
}

interface Difference {
  removed: readonly string[];
  added: readonly string[];
  /** The unclosed brackets of the added text minus those of the removed text. */
  balance: number;
}

function differenceOf(before: string, after: string): Difference {
  const [removed, added] = [without(before, after), without(after, before)];
  return { removed, added, balance: balanceOf(piecesOf(after)) - balanceOf(piecesOf(before)) };
}

/** Words and signs of a line that the other line lacks or has fewer of. */
function without(line: string, other: string): string[] {
  const left = piecesOf(other);
  return piecesOf(line).filter((piece) => {
    const at = left.indexOf(piece);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

const balanceOf = (pieces: readonly string[]) =>
  pieces.reduce((sum, piece) => sum + (/^[([{]$/.test(piece) ? 1 : /^[)\]}]$/.test(piece) ? -1 : 0), 0);

/**
 * Whether the additions were also added in the example or are names from this place, and the removals were also removed
 * there or are this place's own names.
 */
function isSameEdit(expected: Difference, actual: Difference, { place }: Candidate): boolean {
  const around = new Set([...place.above, place.line, ...place.below].flatMap((text) => [...piecesOf(text)]));
  const isFrom = (pieces: readonly string[]) => (piece: string) => pieces.includes(piece);
  const [added, removed] = [
    actual.added.filter(isFrom(expected.added)),
    actual.removed.filter(isFrom(expected.removed)),
  ];
  if (!actual.added.every((piece) => expected.added.includes(piece) || around.has(piece))) return false;
  if (expected.added.length > 0 && added.length === 0) return false;
  if (expected.removed.length > 0 && removed.length === 0) return false;
  if (isNewNumber(expected, actual)) return false;
  const [other, limit] = [
    actual.added.length - added.length + actual.removed.length - removed.length,
    Math.max(2, (expected.added.length + expected.removed.length) / 2),
  ];
  return other <= limit;
}

/** Whether a number is replaced that the example did not replace: its new value would be a guess. */
function isNewNumber(expected: Difference, actual: Difference): boolean {
  const [added, removed] = [numbersIn(actual.added), numbersIn(actual.removed)];
  const replaced = removed.filter((number) => !added.includes(number));
  const known = numbersIn(expected.removed);
  return (
    added.some((number) => !removed.includes(number)) && replaced.some((number) => !known.includes(number))
  );
}

const numbersIn = (pieces: readonly string[]) => pieces.flatMap((piece) => piece.match(/\d+/g) ?? []);

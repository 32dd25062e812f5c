/** Asks for a line with an edit made to it, and judges the answer. */
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
 * A diff with the edit, up to the new line of the place: a model that goes on writes it. `heal`: the end of the text,
 * which is generated again.
 */
export function diffOf({ example, place }: Candidate, nameOf: NameOf): { prompt: string; heal: string } {
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
export function questionOf({ example, place }: Candidate, nameOf: NameOf, language: string): string {
  const shown = { path: nameOf(example.path), before: example.line, after: example.after };
  return editQuestion({ example: shown, place: { ...place, path: nameOf(place.path) } }, language);
}

/** The line in an answer to that question; 'more' until it is whole, undefined if the answer is something else. */
export function lineInAnswer(answer: string): string | 'more' | undefined {
  const head = /^`{3,}[^`\n]*\n/.exec(answer)?.[0];
  if (!head) return /^`{0,3}$|^`{3,}[^`\n]*$/.test(answer) ? 'more' : undefined;
  const end = answer.indexOf('\n', head.length);
  return end < 0 ? 'more' : answer.slice(head.length, end);
}

/**
 * The offer to write `line` at the place; undefined if that is not the same edit: something else comes or goes, or only
 * one bracket of a pair.
 */
export function offerOf(candidate: Candidate, line: string): Offer | undefined {
  const { example, place, start, end, at } = candidate;
  const text = line.trimEnd();
  if (text.trim() === place.line.trim() || !text.trim()) return undefined;
  if (
    leadingWhitespace(text) !== leadingWhitespace(place.line) &&
    leadingWhitespace(example.after) === leadingWhitespace(example.line)
  )
    return undefined;
  const wanted = differenceOf(example.line, example.after);
  const made = differenceOf(place.line, text);
  if (!isSameEdit(wanted, made, candidate) || wanted.balance !== made.balance) return undefined;
  return {
    path: place.path,
    line: at,
    parts: [{ start, end, text }],
    why: 'model',
    pattern: JSON.stringify(['model', example.line.trim(), example.after.trim()]),
  };
}

interface Difference {
  gone: readonly string[];
  come: readonly string[];
  /** Brackets that are opened by what comes and not closed, less those of what goes. */
  balance: number;
}

function differenceOf(before: string, after: string): Difference {
  const [gone, come] = [without(before, after), without(after, before)];
  return { gone, come, balance: balanceOf(piecesOf(after)) - balanceOf(piecesOf(before)) };
}

/** Words and signs of a line that another has not, or not so often. */
function without(line: string, other: string): string[] {
  const left = piecesOf(other);
  return piecesOf(line).filter((piece) => {
    const at = left.indexOf(piece);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

const balanceOf = (pieces: readonly string[]) =>
  pieces.reduce((sum, one) => sum + (/^[([{]$/.test(one) ? 1 : /^[)\]}]$/.test(one) ? -1 : 0), 0);

/** What comes is what came there, or a name of the place; what goes went there, or is a name of the place's own. */
function isSameEdit(wanted: Difference, made: Difference, { place }: Candidate): boolean {
  const around = new Set([...place.above, place.line, ...place.below].flatMap((one) => [...piecesOf(one)]));
  const isFrom = (pieces: readonly string[]) => (piece: string) => pieces.includes(piece);
  const [comes, goes] = [made.come.filter(isFrom(wanted.come)), made.gone.filter(isFrom(wanted.gone))];
  if (!made.come.every((piece) => wanted.come.includes(piece) || around.has(piece))) return false;
  if (wanted.come.length > 0 && comes.length === 0) return false;
  if (wanted.gone.length > 0 && goes.length === 0) return false;
  if (isNewNumber(wanted, made)) return false;
  const [other, limit] = [
    made.come.length - comes.length + made.gone.length - goes.length,
    Math.max(2, (wanted.come.length + wanted.gone.length) / 2),
  ];
  return other <= limit;
}

/** Whether a number takes the place of one that the example did not replace: which one would be a guess. */
function isNewNumber(wanted: Difference, made: Difference): boolean {
  const [comes, goes] = [numbersIn(made.come), numbersIn(made.gone)];
  const replaced = goes.filter((one) => !comes.includes(one));
  const known = numbersIn(wanted.gone);
  return comes.some((one) => !goes.includes(one)) && replaced.some((one) => !known.includes(one));
}

const numbersIn = (pieces: readonly string[]) => pieces.flatMap((piece) => piece.match(/\d+/g) ?? []);

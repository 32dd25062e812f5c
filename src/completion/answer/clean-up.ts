/** Turns the model's answer into text that may be shown. */
import { embeddedAt, languageFor } from '../code/languages.ts';
import { cutLinesBelow, cutRestOfLine, isSignificant } from './overlap.ts';
import { cutLoops, similar } from './repetition.ts';
import { cutUnmatched, cutUnmatchedTag, readBlock } from './scope.ts';
import { firstLine, isBlank, isPunctuation, lastLine, lineEndOf, linesAbove } from '../code/text.ts';
import type { CursorDocument } from '../types.ts';
import { cutUnfinished } from './unfinished.ts';

export type DropReason =
  | 'blank'
  | 'repeats-above'
  | 'repeats-below'
  | 'loop'
  | 'unsure'
  | 'unfinished'
  | 'trivial';
/** `isPart`: likelier than the whole answer, which has more. */
export type CleanUp = { text: string; isPart?: boolean } | { dropped: DropReason };

/** Special tokens of all model families, as text. */
const marker =
  /<[|｜][\w▁|｜ -]{2,40}[|｜]>|<(?:fim[_-](?:prefix|suffix|middle|pad)|file_sep|filename|repo_name|reponame|gh_stars|jupyter_\w+|EOT|PRE|SUF|MID)>|<\/?s>(?![\w>])/;

/** Cleans up an answer: returns the text to show, with the document's line ends, or why there is none. */
export function cleanUp(answer: string, whole: CursorDocument, maxLines: number): CleanUp {
  const document = embeddedAt(whole);
  const language = languageFor(document.languageId);
  let text = answer.replaceAll('\r\n', '\n');
  text = cutHalfCharacter(cutMarkers(text, document));
  text = language.prose ? cutOpenFence(text, document) : cutFence(text);
  text = readBlock(text, document, maxLines).text;
  if (isBlank(text)) return { dropped: 'blank' };
  text = cutLoops(text);
  if (isBlank(text)) return { dropped: 'loop' };
  text = cutUnmatched(text, document, language);
  if (languageFor(whole.languageId).markup || language.tags) text = cutUnmatchedTag(text, document);
  text = cutRestOfLine(text, document, language);
  const below = cutLinesBelow(text, document);
  if (below === undefined) return { dropped: 'repeats-below' };
  text = trimEnd(below, document.after);
  if (isBlank(text)) return { dropped: 'blank' };
  if (repeatsAbove(text, document)) return { dropped: 'repeats-above' };
  text = cutUnfinished(text, document);
  if (isBlank(text)) return { dropped: 'unfinished' };
  return { text: text.replaceAll('\n', lineEndOf(whole)) };
}

/** Whether an answer that begins with these complete lines is sufficient: `cleanUp` would cut anything after them. */
export const isEnough = (lines: string, whole: CursorDocument, maxLines: number): boolean =>
  maxLines > 1 && readBlock(lines, embeddedAt(whole), maxLines).ended;

/** Removes trailing whitespace, except the line break that puts the text after the cursor on its own line. */
function trimEnd(text: string, after: string): string {
  const trimmed = text.trimEnd();
  const last = /\n[ \t]*$/.exec(text.slice(trimmed.length))?.[0] ?? '';
  return isBlank(firstLine(after)) || !trimmed.includes('\n') ? trimmed : trimmed + last;
}

/** Cuts at a leaked special token, unless the document itself is about such tokens. */
function cutMarkers(text: string, { before, after }: CursorDocument): string {
  const found = marker.exec(text);
  if (!found || before.includes(found[0]) || after.includes(found[0])) return text;
  return text.slice(0, found.index);
}

/** Removes the incomplete character that the token limit may leave when its bytes are several tokens. */
const cutHalfCharacter = (text: string): string => text.replace(/(?:\uFFFD|[\uD800-\uDBFF])+$/, '');

/** Cuts at a code fence: instruction-tuned models close the fence they believe they are in. */
function cutFence(text: string): string {
  const fence = /(?:^|\n)[ \t]*```/.exec(text);
  return fence ? text.slice(0, fence.index) : text;
}

/** For code in a fence: cuts after the closing fence, or before it if it already follows the cursor. */
function cutOpenFence(text: string, { before, after }: CursorDocument): string {
  const fences = (lines: string) => lines.match(/^[ \t]*(?:```|~~~)/gm)?.length ?? 0;
  const end = /^[ \t]*(?:```|~~~)[ \t]*$/m.exec(text);
  if (!end || fences(before) % 2 === 0) return text;
  return text.slice(0, fences(after) % 2 === 1 ? end.index : end.index + end[0].length);
}

/** Longest repeated block, in lines. */
const MAX_BLOCK_LENGTH = 6;

/**
 * Whether the resulting first line repeats the line above, or the first lines repeat the whole block that ends there.
 */
function repeatsAbove(text: string, { before }: CursorDocument): boolean {
  const left = lastLine(before);
  const above = linesAbove(before, MAX_BLOCK_LENGTH);
  const lines = [left + firstLine(text), ...text.split('\n').slice(1)].filter((line) => !isBlank(line));
  const [line = '', ...others] = lines;
  const last = above.at(-1);
  if (last === undefined || isPunctuation(line)) return false;
  if (similar(line, last) && others.every((other) => similar(other, last) || isPunctuation(other)))
    return true;
  if (!isSignificant(line)) return false;
  return above.some((_, from) =>
    above.slice(from).every((earlier, index) => lines[index]?.trim() === earlier.trim()),
  );
}

/**
 * Held-out cursors: places in held-out files where a user might have requested a completion, with the actual text.
 * Chosen by a rule, evenly over all places of their kind. Pure functions.
 */
import { distance } from 'fastest-levenshtein';
import { commonPrefix } from '../../completion/code/text.ts';
import { choosePlaces, detachedCopy, type HeldOutDocument } from './held-out.ts';

export type CursorKind = 'line' | 'block';

export interface Cursor {
  kind: CursorKind;
  path: string;
  /** From 1. */
  line: number;
  /** Characters of its line before the cursor. */
  column: number;
  before: string;
  /** The actual text at the cursor. */
  actual: string;
  /** The text after `actual`. */
  after: string;
}

/** Characters kept for a prompt on each side. */
const CONTEXT_CHARACTERS = 4000;
const MIN_LINE = 12;
/** Maximum characters of the rest of a line, and lines of a block: nobody completes more at once. */
const MAX_REST = 80;
const MAX_BLOCK_LENGTH = 8;
/** The first lines of a file have too little before them. */
const FIRST_LINE = 5;

/** The requested number of cursors of each kind: first lines, then blocks. */
export function findCursors(
  documents: readonly HeldOutDocument[],
  counts: Record<CursorKind, number>,
): Cursor[] {
  const kinds = (['line', 'block'] as const).map((kind) => ({
    count: counts[kind],
    findPlaces: (text: string, document: HeldOutDocument) => listCursors(text, document, kind),
  }));
  return choosePlaces(documents, kinds).flat();
}

/** The places for a cursor in a document. `isWanted`: of the lines (from 0) from the cursor's to that after the text. */
export function listCursors(
  whole: string,
  { file, fromLine }: Pick<HeldOutDocument, 'file' | 'fromLine'>,
  kind: CursorKind,
  isWanted: (from: number, to: number) => boolean = () => true,
): (() => Cursor)[] {
  const text = whole.replaceAll('\r\n', '\n');
  const lines = text.split('\n');
  const cursors: (() => Cursor)[] = [];
  for (let at = 0, start = 0; at < lines.length; start += lines[at]!.length + 1, at += 1) {
    if (at < FIRST_LINE - 1) continue;
    const span = kind === 'line' ? restOfLine(lines[at]!) : blockBelow(lines, at);
    if (!span || !isWanted(at, at + span.next)) continue;
    const { cut, actual, next } = span;
    cursors.push(() => {
      const cursor = start + cut;
      const below = lines.slice(at, at + next).reduce((end, line) => end + line.length + 1, start) - 1;
      return {
        kind,
        path: file,
        line: fromLine + at,
        column: cut,
        before: detachedCopy(text.slice(Math.max(0, cursor - CONTEXT_CHARACTERS), cursor)),
        actual: detachedCopy(actual),
        after: detachedCopy(text.slice(below, below + CONTEXT_CHARACTERS)) || '\n',
      };
    });
  }
  return cursors;
}

interface Span {
  /** Column of the cursor. */
  cut: number;
  actual: string;
  /** Number of lines from the cursor's line to the first line after the completion. */
  next: number;
}

/** The cursor is at the first gap after a third of the line. */
function restOfLine(line: string): Span | undefined {
  const text = line.trimEnd();
  const indent = text.length - text.trimStart().length;
  if (text.length - indent < MIN_LINE) return undefined;
  for (let cut = indent + Math.ceil((text.length - indent) / 3); cut < text.length - 3; cut += 1) {
    const gap = text[cut] === ' ' || /[([{.=,:]/.test(text[cut - 1]!);
    const actual = text.slice(cut);
    if (gap && actual.length <= MAX_REST && /\w{2}/.test(actual)) return { cut, actual, next: 1 };
  }
  return undefined;
}

/** The cursor is at the end of a line that opens a block; the block is the more deeply indented lines below. */
function blockBelow(lines: readonly string[], at: number): Span | undefined {
  const line = lines[at]!.trimEnd();
  if (!/[{:([]$/.test(line) || !line.trim()) return undefined;
  const rest = lines.slice(at + 1, at + 2 + MAX_BLOCK_LENGTH);
  const actual = blockBody(`\n${rest.join('\n')}`, indentation(line));
  const count = actual.split('\n').length - 1;
  if (count < 1 || count > MAX_BLOCK_LENGTH || !/\w/.test(actual)) return undefined;
  return { cut: line.length, actual, next: 1 + count };
}

const indentation = (line: string) => line.length - line.trimStart().length;

/** The lines below an opening line with this indentation, up to one that is not indented more, or is blank. */
function blockBody(text: string, indent: number): string {
  const [first = '', ...lines] = text.split('\n');
  const end = lines.findIndex((line) => !line.trim() || indentation(line) <= indent);
  return [first, ...lines.slice(0, end < 0 ? undefined : end)].map((line) => line.trimEnd()).join('\n');
}

/** The part of an answer that counts: its first line, or its block. */
export function answerAt({ kind, before }: Pick<Cursor, 'kind' | 'before'>, answer: string): string {
  const text = answer.replaceAll('\r\n', '\n');
  if (kind === 'line') return text.split('\n', 1)[0]!.trimEnd();
  return blockBody(text, indentation(before.slice(before.lastIndexOf('\n') + 1)));
}

/**
 * Number of characters that a user need not type if they accept the completion word by word as long as it is right.
 * Indentation does not count, because the editor inserts it.
 */
export function savedCharacters(shown: string, actual: string): { saved: number; all: number } {
  const withoutIndentation = (text: string) => text.replaceAll(/\r?\n[ \t]*/g, '\n');
  const [shownText, actualText] = [withoutIndentation(shown), withoutIndentation(actual)];
  let commonLength = commonPrefix(shownText, actualText);
  // A word that continues differently is not accepted.
  if (/\w/.test(shownText[commonLength] ?? ''))
    commonLength = shownText.slice(0, commonLength).replace(/\w+$/, '').length;
  return { saved: commonLength, all: actualText.length };
}

/** 1 - edit distance / length of the longer: 1 for equal texts, 0 if nothing is shared. */
export function editSimilarity(a: string, b: string): number {
  const longest = Math.max(a.length, b.length);
  return longest === 0 ? 1 : 1 - distance(a, b) / longest;
}

/**
 * Held-out cursors: places in held-out files where somebody might have asked for a completion, with what stands there.
 * Chosen by rule, evenly over all places of their kind. Pure functions.
 */
import { distance } from 'fastest-levenshtein';
import { choosePlaces, ownText, type HeldOutDocument } from './held-out.ts';

export type CursorKind = 'line' | 'block';

export interface Cursor {
  kind: CursorKind;
  path: string;
  /** From 1. */
  line: number;
  before: string;
  /** What stands at the cursor. */
  actual: string;
  /** What follows that. */
  after: string;
}

/** Of each side, for what a prompt may use of it. */
const CONTEXT_CHARACTERS = 4000;
const MIN_LINE = 12;
/** Characters of a line's rest, and lines of a block: what is longer nobody completes in one go. */
const LONGEST_REST = 80;
const LONGEST_BLOCK = 8;
/** The first lines of a file have too little before them. */
const FIRST_LINE = 5;

/** For each kind as many cursors as are asked for: lines first, then blocks. */
export function findCursors(
  documents: readonly HeldOutDocument[],
  counts: Record<CursorKind, number>,
): Cursor[] {
  const kinds = (['line', 'block'] as const).map((kind) => ({
    count: counts[kind],
    placesIn: (text: string, document: HeldOutDocument) => cursorsIn(text, document, kind),
  }));
  return choosePlaces(documents, kinds).flat();
}

function cursorsIn(whole: string, { file, fromLine }: HeldOutDocument, kind: CursorKind): (() => Cursor)[] {
  const text = whole.replaceAll('\r\n', '\n');
  const lines = text.split('\n');
  const found: (() => Cursor)[] = [];
  for (let at = 0, start = 0; at < lines.length; start += lines[at]!.length + 1, at += 1) {
    if (at < FIRST_LINE - 1) continue;
    const span = kind === 'line' ? restOfLine(lines[at]!) : blockBelow(lines, at);
    if (!span) continue;
    const { cut, actual, next } = span;
    found.push(() => {
      const cursor = start + cut;
      const below = lines.slice(at, at + next).reduce((end, line) => end + line.length + 1, start) - 1;
      return {
        kind,
        path: file,
        line: fromLine + at,
        before: ownText(text.slice(Math.max(0, cursor - CONTEXT_CHARACTERS), cursor)),
        actual: ownText(actual),
        after: ownText(text.slice(below, below + CONTEXT_CHARACTERS)) || '\n',
      };
    });
  }
  return found;
}

interface Span {
  /** Where in its line the cursor stands. */
  cut: number;
  actual: string;
  /** Lines from the cursor's to the first one that is not completed. */
  next: number;
}

/** The cursor stands at the first gap after a third of the line. */
function restOfLine(line: string): Span | undefined {
  const text = line.trimEnd();
  const indent = text.length - text.trimStart().length;
  if (text.length - indent < MIN_LINE) return undefined;
  for (let cut = indent + Math.ceil((text.length - indent) / 3); cut < text.length - 3; cut += 1) {
    const gap = text[cut] === ' ' || /[([{.=,:]/.test(text[cut - 1]!);
    const actual = text.slice(cut);
    if (gap && actual.length <= LONGEST_REST && /\w{2}/.test(actual)) return { cut, actual, next: 1 };
  }
  return undefined;
}

/** The cursor stands at the end of a line that opens a block; the block is what is indented more. */
function blockBelow(lines: readonly string[], at: number): Span | undefined {
  const line = lines[at]!.trimEnd();
  if (!/[{:([]$/.test(line) || !line.trim()) return undefined;
  const rest = lines.slice(at + 1, at + 2 + LONGEST_BLOCK);
  const actual = bodyOf(`\n${rest.join('\n')}`, indentOf(line));
  const count = actual.split('\n').length - 1;
  if (count < 1 || count > LONGEST_BLOCK || !/\w/.test(actual)) return undefined;
  return { cut: line.length, actual, next: 1 + count };
}

const indentOf = (line: string) => line.length - line.trimStart().length;

/** After an opening line of this indentation: the lines below it up to one that is indented no more, or is blank. */
function bodyOf(text: string, indent: number): string {
  const [first = '', ...lines] = text.split('\n');
  const end = lines.findIndex((line) => !line.trim() || indentOf(line) <= indent);
  return [first, ...lines.slice(0, end < 0 ? undefined : end)].map((line) => line.trimEnd()).join('\n');
}

/** What of an answer counts: its first line, or its block. */
export function answerAt({ kind, before }: Pick<Cursor, 'kind' | 'before'>, answer: string): string {
  const text = answer.replaceAll('\r\n', '\n');
  if (kind === 'line') return text.split('\n', 1)[0]!.trimEnd();
  return bodyOf(text, indentOf(before.slice(before.lastIndexOf('\n') + 1)));
}

/**
 * Of the characters at the cursor, those that a person would not have typed: as far as the completion says the same, they
 * take it, word by word. Indentation is left out on both sides, since the editor writes it.
 */
export function savedCharacters(shown: string, actual: string): { saved: number; all: number } {
  const bare = (text: string) => text.replaceAll(/\r?\n[ \t]*/g, '\n');
  const [offered, wanted] = [bare(shown), bare(actual)];
  let same = 0;
  while (same < Math.min(offered.length, wanted.length) && offered[same] === wanted[same]) same += 1;
  // A word that goes on otherwise is not taken.
  if (/\w/.test(offered[same] ?? '')) same = offered.slice(0, same).replace(/\w+$/, '').length;
  return { saved: same, all: wanted.length };
}

/** 1 for the same text, 0 where nothing is shared: 1 - edit distance / length of the longer. */
export function editSimilarity(a: string, b: string): number {
  const longest = Math.max(a.length, b.length);
  return longest === 0 ? 1 : 1 - distance(a, b) / longest;
}

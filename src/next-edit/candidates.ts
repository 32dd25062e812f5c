/** Lines similar to the one just edited, for which no rule has an answer. */
import { byLine, similarity, piecesOf } from './by-line.ts';
import type { Edit } from './edit.ts';
import { TASK_CONTEXT } from './edit-task.ts';
import type { SearchedText } from './find.ts';
import { endOfLine } from './lines.ts';

/** A line with its context. */
export interface LineInContext {
  path: string;
  above: readonly string[];
  line: string;
  below: readonly string[];
}

/** A line that may need the same edit as another one. */
export interface Candidate {
  example: LineInContext & { after: string };
  place: LineInContext;
  /** The line's 0-based number, and its offsets in UTF-16 units. */
  at: number;
  start: number;
  end: number;
}

export interface CandidateOptions {
  /** The active document, and the cursor's offset in it. */
  path: string;
  place: number;
  most?: number;
}

/** Minimum similarity to the line before the edit. */
const MIN_SIMILARITY = 0.6;
const MAX_CHARACTERS = 200;
const MIN_PIECES = 4;
/** Maximum lines that a model is asked about after one edit. */
export const MAX_CANDIDATES = 2;

/**
 * The lines most similar to the newest edited line before its edit, and not yet like it is now; those in the active
 * document first. None if the newest edit is not of a single line.
 */
export function candidatesIn(
  edits: readonly Edit[],
  texts: readonly SearchedText[],
  { path, place, most = MAX_CANDIDATES }: CandidateOptions,
): Candidate[] {
  const newest = edits.reduce<Edit | undefined>((a, b) => (a && a.time > b.time ? a : b), undefined);
  const edit = newest && byLine(newest).at(-1);
  const own = texts.find((text) => text.path === edit?.path);
  if (!edit || !own || !isLine(edit.before) || !isLine(edit.after)) return [];
  const [line, after] = [edit.before, edit.after].map(withoutCarriageReturn) as [string, string];
  const example = { ...inContext(own, edit.at), line, after };
  const others = texts.filter((text) => text.path !== path);
  const found = [...texts.filter((text) => text.path === path), ...others].map((text) =>
    similarLines(edit, text, edits, text.path === path ? place : 0).map(({ start, end, at }) => ({
      example,
      place: inContext(text, start),
      at,
      start,
      end,
    })),
  );
  return found.flat().slice(0, most);
}

const isLine = (text: string) => !text.includes('\n') && text.trim() !== '' && text.length <= MAX_CHARACTERS;

/**
 * Similarity of a line to an edited one before its edit; 0 if it is dissimilar, or more similar to the line after the
 * edit.
 */
export function similarityToEdited(line: string, { before, after }: Pick<Edit, 'before' | 'after'>): number {
  if (!isLine(line) || piecesOf(line).length < MIN_PIECES) return 0;
  const kept = new Set(piecesOf(after));
  const removedPieces = piecesOf(before).filter((piece) => /[\p{L}\p{N}]/u.test(piece) && !kept.has(piece));
  if (removedPieces.length > 0 && !removedPieces.some((piece) => line.includes(piece))) return 0;
  const like = similarity(line, before);
  return like >= MIN_SIMILARITY && like > similarity(line, after) ? like : 0;
}

/** Most similar first, then nearest. */
function similarLines(edit: Edit, { path, text }: SearchedText, edits: readonly Edit[], near: number) {
  const edited = edits.filter((edit) => edit.path === path);
  const isEdited = (start: number, end: number) =>
    edited.some((edit) => start <= edit.at + edit.after.length && edit.at <= end);
  const found: { start: number; end: number; at: number; like: number }[] = [];
  let start = 0;
  for (const [at, whole] of text.split('\n').entries()) {
    const line = withoutCarriageReturn(whole);
    const end = start + line.length;
    const like = isEdited(start, end) ? 0 : similarityToEdited(line, edit);
    if (like > 0) found.push({ start, end, at, like });
    start += whole.length + 1;
  }
  const distance = (region: { start: number }) => Math.abs(region.start - near);
  return found.sort((a, b) => b.like - a.like || distance(a) - distance(b));
}

function inContext({ path, text }: SearchedText, start: number): LineInContext {
  const end = endOfLine(text, start);
  const before = text.slice(0, Math.max(0, start - 1)).split('\n');
  const above = start > 0 ? before.slice(-TASK_CONTEXT) : [];
  const below = end < text.length ? text.slice(end + 1).split('\n', TASK_CONTEXT) : [];
  return {
    path,
    above: above.map(withoutCarriageReturn),
    line: withoutCarriageReturn(text.slice(start, end)),
    below: below.map(withoutCarriageReturn),
  };
}

/** Without the carriage return of a Windows line end, which no model should see. */
const withoutCarriageReturn = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line);

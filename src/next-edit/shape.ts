/**
 * Lines of the same shape: the same tokens except for some names. If two were changed alike, the others need the same
 * change.
 */
import { leadingWhitespace } from '../completion/code/text.ts';
import type { Edit, Replacement, TextRange } from './edit.ts';
import { endOfLine, startOfLine } from './lines.ts';
import { tokensOf, type TextWithTokens, type Token } from './tokens.ts';

/** A token's text, or the index of the differing name in its place. */
type Part = string | number;

/** Lines that are the same except for names, and their replacement. */
export interface ShapePattern {
  kind: 'shape';
  why: 'same-shape';
  old: readonly Part[];
  /** White space before each token but the first. */
  gaps: readonly string[];
  /** The new line in pieces: the differing names, and the text between them. */
  now: readonly Part[];
  seen?: TextRange;
}

const MAX_TOKENS = 60;
const MAX_NAMES = 4;
/** Minimum of unchanged letters and signs, and of names among them: fewer would match unrelated lines. */
const MIN_CHARACTERS = 12;
const MIN_NAMES = 2;
/** Words that occur in most lines. */
export const commonWords = new Set(
  'const let var val return await async export import from function def class new if else elif for while in of not and or is None null undefined true false True False self this public private static readonly type'.split(
    ' ',
  ),
);

/** Whether a word of three letters or more occurs in few lines. */
export const isUncommonName = (text: string): boolean =>
  /^[\p{L}_$][\p{L}\p{N}_$]{2,}$/u.test(text) && !commonWords.has(text);

interface Line {
  tokens: readonly Token[];
  gaps: readonly string[];
}

const lineOf = (text: string, languageId: string): Line => {
  const tokens = tokensOf(text, languageId);
  const gaps = tokens.slice(1).map(({ start }, index) => text.slice(tokens[index]!.end, start));
  return { tokens, gaps };
};

/** An edit of one line, in tokens. */
export interface LineEdit {
  edit: Edit;
  was: Line;
  is: Line;
}

/** Undefined for an edit of several lines, or of an empty line. */
export function lineEditOf(edit: Edit): LineEdit | undefined {
  const texts = [edit.before.trim(), edit.after.trim()];
  if (texts.some((text) => !text || text.includes('\n'))) return undefined;
  const [was, is] = texts.map((text) => lineOf(text, edit.languageId)) as [Line, Line];
  return was.tokens.length <= MAX_TOKENS && is.tokens.length <= MAX_TOKENS ? { edit, was, is } : undefined;
}

/** The pattern of two edits; undefined if they are not alike, or if it is too unspecific. */
export function commonShape(first: LineEdit, other: LineEdit): ShapePattern | undefined {
  const { edit, was, is } = first;
  const { was: otherWas, is: otherIs } = other;
  if (!isSameForm(was, otherWas) || !isSameForm(is, otherIs)) return undefined;
  const names = new Map<string, number>();
  const old = was.tokens.map((token, index) => {
    const twin = otherWas.tokens[index]!;
    if (token.text === twin.text) return token.text;
    const key = pairOf(token, twin);
    if (!names.has(key)) names.set(key, isName(token) && isName(twin) ? names.size : -1);
    return names.get(key)!;
  });
  if (names.size === 0 || names.size > MAX_NAMES || [...names.values()].includes(-1)) return undefined;
  const now = piecesOf(is, otherIs, names);
  if (!now || !isDistinctive(old)) return undefined;
  const { path, at } = other.edit;
  const seen =
    edit.path === path ? { path, from: Math.min(edit.at, at), to: Math.max(edit.at, at) } : undefined;
  return { kind: 'shape', why: 'same-shape', old, gaps: was.gaps, now, ...(seen && { seen }) };
}

const isSameForm = (a: Line, b: Line) =>
  a.tokens.length === b.tokens.length && a.gaps.every((gap, index) => gap === b.gaps[index]);

const pairOf = (a: Token, b: Token) => `${a.text}\n${b.text}`;
const isName = ({ text }: Token) => /^[\p{L}\p{N}_$]/u.test(text);

/** Undefined if something differs in the new lines but not in the old ones. */
function piecesOf(is: Line, otherIs: Line, names: ReadonlyMap<string, number>): Part[] | undefined {
  const pieces: Part[] = [];
  for (const [index, token] of is.tokens.entries()) {
    const gap = index > 0 ? is.gaps[index - 1]! : '';
    const twin = otherIs.tokens[index]!;
    const name = token.text === twin.text ? undefined : names.get(pairOf(token, twin));
    if (name === undefined && token.text !== twin.text) return undefined;
    const text = gap + (name === undefined ? token.text : '');
    if (typeof pieces.at(-1) === 'string') pieces.push(`${pieces.pop()}${text}`);
    else if (text) pieces.push(text);
    if (name !== undefined) pieces.push(name);
  }
  return pieces;
}

function isDistinctive(old: readonly Part[]): boolean {
  const kept = old.filter((part) => typeof part === 'string');
  const names = kept.filter(isUncommonName);
  return kept.join('').length >= MIN_CHARACTERS && names.length >= MIN_NAMES;
}

/** The lines of that shape. */
export function linesOfShape(pattern: ShapePattern, { text, tokens }: TextWithTokens): Replacement[] {
  const { old } = pattern;
  const found: Replacement[] = [];
  for (let at = 0; at + old.length <= tokens.length; at += 1) {
    if (typeof old[0] === 'string' && tokens[at]!.text !== old[0]) continue;
    const names = namesAt(pattern, text, tokens, at);
    if (!names) continue;
    const [start, end] = [tokens[at]!.start, tokens[at + old.length - 1]!.end];
    const newText = pattern.now.map((part) => (typeof part === 'string' ? part : names[part]!)).join('');
    if (isWholeLine(text, start, end) && newText !== text.slice(start, end))
      found.push({ start, end, text: newText });
    at += old.length - 1;
  }
  return found;
}

/** The differing names as they are at a place; undefined if the place does not match. */
function namesAt(
  { old, gaps }: ShapePattern,
  text: string,
  tokens: readonly Token[],
  at: number,
): string[] | undefined {
  const names: string[] = [];
  for (const [index, part] of old.entries()) {
    const token = tokens[at + index]!;
    if (index > 0 && text.slice(tokens[at + index - 1]!.end, token.start) !== gaps[index - 1])
      return undefined;
    if (typeof part === 'string') {
      if (token.text !== part) return undefined;
      continue;
    }
    if (!isName(token) || commonWords.has(token.text)) return undefined;
    if (names[part] !== undefined && names[part] !== token.text) return undefined;
    names[part] = token.text;
  }
  return names;
}

function isWholeLine(text: string, start: number, end: number): boolean {
  const from = startOfLine(text, start);
  const line = text.slice(from, endOfLine(text, end));
  return leadingWhitespace(line).length === start - from && line.trimEnd().length === end - from;
}

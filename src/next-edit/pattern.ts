/** Generalises edits to patterns: what is replaced by what, and in which context. */
import type { TokenChange } from './changes.ts';
import type { Edit, TextRange } from './edit.ts';
import type { Scope } from './rename.ts';
import { isUncommonName, type ShapePattern } from './shape.ts';
import type { Token } from './tokens.ts';

/** The origin of an offer. Renames are limited to the scope of the renamed name; imports have no pattern. */
export type Why = 'rename' | 'repeated' | 'argument' | 'same-shape' | 'same-lines' | 'import';

/** Tokens that are replaced by others. */
export interface Step {
  old: readonly string[];
  /** White space that must be there, and is replaced as well. */
  leftGap?: string;
  rightGap?: string;
  text: string;
  /** The new tokens: where they are already present, there is nothing to do. */
  now: readonly string[];
}

/** Tokens that are replaced where they have the same neighbours. */
export interface TokenPattern {
  kind: 'tokens';
  why: Why;
  /** What is replaced, in order. */
  steps: readonly Step[];
  /** The unchanged tokens between the steps; undefined allows any tokens with balanced brackets. */
  between: readonly (readonly string[] | undefined)[];
  /** The tokens before (nearest last) and after. */
  left: readonly string[];
  right: readonly string[];
  /** Number of arbitrary call arguments between `left` and the first step. */
  args?: number;
  /** Whether it applies in strings and comments, or in code. */
  quoted: boolean;
  scope?: Scope;
  /** Applies only where enough tokens are as around one of these, and in no further texts: the pattern says little. */
  alike?: readonly Surroundings[];
  /** Restricts the pattern to these parts of the documents' current texts, because its context is small. */
  near?: readonly TextRange[];
  /** The range where it was observed: the user skipped the places in between. */
  seen?: TextRange;
}

/** Tokens before (nearest last) and after a place. */
export interface Surroundings {
  left: readonly string[];
  right: readonly string[];
}

/** Whole lines that are replaced wherever the same lines occur. */
export interface LinePattern {
  kind: 'lines';
  why: Why;
  /** Without their common indentation. */
  old: readonly string[];
  now: readonly string[];
  /** A text with more such places says that not all of them are meant. */
  most: number;
  seen?: TextRange;
}

export type Pattern = TokenPattern | ShapePattern | LinePattern;

/** Maximum number of context tokens compared; for a replaced name, fewer are enough. */
const CONTEXT = 6;
const CONTEXT_OF_NAME = 2;
/** With so few neighbours, insertions and changes in strings and comments are meant in places that are alike. */
const CONTEXT_OF_INSERTION = 4;
const CONTEXT_OF_QUOTED = 3;

/** Types and keywords that are found in most files. `any` is not among them: taking it away is meant everywhere. */
const frequentWords = new Set(['string', 'number', 'void', 'override', 'throw']);

const isDistinctive = (text: string) => isUncommonName(text) && !frequentWords.has(text);

/** The pattern of a name that was changed at its definition. */
export const renamePattern = (change: TokenChange, scope: Scope): TokenPattern => ({
  kind: 'tokens',
  why: 'rename',
  steps: [stepOf(change)],
  between: [],
  left: [],
  right: [],
  quoted: false,
  scope,
});

const texts = (tokens: readonly Token[]) => tokens.map(({ text }) => text);

/** Which white space belongs to the change; the rest may differ elsewhere. */
function stepOf({ old, now, text, gaps }: TokenChange): Step {
  const [left, right] = gaps.before;
  const [leftNow, rightNow] = gaps.after;
  const sides = { old: texts(old), now: texts(now) };
  if (old.length === 0) {
    if (leftNow === left) return { ...sides, text: text + rightNow, rightGap: '' };
    if (rightNow === left) return { ...sides, text: leftNow + text, leftGap: '' };
    return { ...sides, text: leftNow + text + rightNow, leftGap: left };
  }
  if (now.length === 0) {
    if (leftNow === left) return { ...sides, text: '', rightGap: right };
    if (leftNow === right) return { ...sides, text: '', leftGap: left };
    return { ...sides, text: leftNow, leftGap: left, rightGap: right };
  }
  return {
    ...sides,
    text: (leftNow === left ? '' : leftNow) + text + (rightNow === right ? '' : rightNow),
    ...(leftNow === left ? {} : { leftGap: left }),
    ...(rightNow === right ? {} : { rightGap: right }),
  };
}

/** Changes of one edit that are made together, in order, with the tokens between them. */
export interface ChangeGroup {
  path: string;
  /** Where the first one begins in the document's text now. */
  at: number;
  changes: readonly TokenChange[];
  between: readonly (readonly string[])[];
}

/**
 * The pattern that two groups have in common: the same replacement, and all the neighbours that they share. Undefined
 * if it is too unspecific.
 */
export function commonPattern(group: ChangeGroup, other: ChangeGroup): TokenPattern | undefined {
  const { changes } = group;
  if (changes.length !== other.changes.length) return undefined;
  if (!changes.every((change, index) => isSameChange(change, other.changes[index]!))) return undefined;
  const added = changes.length === 1 ? argumentPattern(group, other) : undefined;
  if (added) return added;
  const [first, last] = [changes[0]!, changes.at(-1)!];
  const [otherFirst, otherLast] = [other.changes[0]!, other.changes.at(-1)!];
  const isName = changes.some(({ old }) => old.some(({ text }) => isDistinctive(text)));
  const most = isName && !first.quoted ? CONTEXT_OF_NAME : CONTEXT;
  const pattern: TokenPattern = {
    kind: 'tokens',
    why: 'repeated',
    quoted: first.quoted,
    steps: changes.map(stepOf),
    between: group.between.map((kept, index) => (isSame(kept, other.between[index]!) ? kept : undefined)),
    left: commonEnd(texts(first.left), texts(otherFirst.left), most),
    right: commonEnd(texts(last.right).reverse(), texts(otherLast.right).reverse(), most).reverse(),
  };
  if (!isSpecific(pattern)) return undefined;
  const alike = saysLittle(pattern) ? { alike: [surroundingsOf(group), surroundingsOf(other)] } : {};
  return { ...pattern, ...alike, ...observedRange(group, other) };
}

const surroundingsOf = ({ changes }: ChangeGroup): Surroundings => ({
  left: texts(changes[0]!.left),
  right: texts(changes.at(-1)!.right),
});

type Placed = Pick<ChangeGroup, 'path' | 'at'>;

function observedRange({ path, at }: Placed, other: Placed): { seen?: TextRange } {
  if (path !== other.path) return {};
  return { seen: { path, from: Math.min(at, other.at), to: Math.max(at, other.at) } };
}

/** The pattern of an argument that was added to two calls of the same function, as the last one. */
function argumentPattern(group: ChangeGroup, other: ChangeGroup): TokenPattern | undefined {
  const [[change], [second]] = [group.changes, other.changes] as [[TokenChange], [TokenChange]];
  if (change.old.length > 0 || change.quoted || change.text.includes('\n')) return undefined;
  const [call, otherCall] = [enclosingCall(change), enclosingCall(second)];
  if (!call || call.name !== otherCall?.name || call.args !== otherCall.args) return undefined;
  const pattern: TokenPattern = {
    kind: 'tokens',
    why: 'argument',
    steps: [stepOf(change)],
    between: [],
    left: [call.name, '('],
    right: [],
    quoted: false,
    ...observedRange(group, other),
  };
  const ends = change.right[0]?.text === ')' && second.right[0]?.text === ')';
  return ends ? { ...pattern, right: [')'], args: call.args } : undefined;
}

/** The call to which an argument was added, and how many arguments precede that. */
function enclosingCall({ left }: TokenChange): { name: string; args: number } | undefined {
  let [depth, args] = [0, 0];
  for (let at = left.length - 1; at > 0; at -= 1) {
    const { text, quoted } = left[at]!;
    if (quoted) continue;
    if (/^[)\]}]$/.test(text)) depth += 1;
    else if (/^[([{]$/.test(text) && depth-- === 0) {
      const name = left[at - 1]!;
      const begins = at === left.length - 1;
      return text === '(' && isDistinctive(name.text)
        ? { name: name.text, args: args + (begins ? 0 : 1) }
        : undefined;
    } else if (text === ',' && depth === 0) args += 1;
  }
  return undefined;
}

/** Whether the context is so small that the same tokens may have another meaning elsewhere. */
export const isVague = ({ why, steps, left, right, quoted }: TokenPattern): boolean =>
  why === 'repeated' && !quoted && steps.length === 1 && left.length + right.length < CONTEXT_OF_NAME;

/** Whether the same tokens were replaced in the same way. */
export const isSameChange = (a: TokenChange, b: TokenChange) =>
  isSame(texts(a.old), texts(b.old)) && isSame(texts(a.now), texts(b.now)) && a.quoted === b.quoted;

/** Whether a pattern is specific enough: it replaces a name, or signs with names around them. */
function isSpecific({ steps, between, left, right, quoted }: TokenPattern): boolean {
  const old = steps.flatMap((step) => step.old);
  const around = [...left, ...right, ...between.flatMap((kept) => kept ?? [])];
  // One bracket of a pair: the other one is elsewhere.
  if (balance(old) !== balance(steps.flatMap((step) => step.now))) return false;
  if (old.length === 0)
    return Math.min(left.length, right.length) > 0 && isContext(around, CONTEXT_OF_INSERTION);
  if (quoted) return around.length >= CONTEXT_OF_QUOTED;
  if (old.some(isDistinctive)) return true;
  return isContext(around, 3);
}

const isContext = (around: readonly string[], fewest: number) =>
  around.length >= fewest && around.some(isDistinctive);

/** An insertion says little about where else it is missing, and in prose a word fits many places. */
const saysLittle = ({ steps, between, left, right, quoted }: TokenPattern): boolean =>
  steps.every(({ old }) => old.length === 0) ||
  (quoted && left.length + right.length + between.flatMap((kept) => kept ?? []).length < CONTEXT);

const balance = (tokens: readonly string[]) =>
  tokens.reduce((sum, text) => sum + (/^[([{]$/.test(text) ? 1 : /^[)\]}]$/.test(text) ? -1 : 0), 0);

/** Whether a change is one of those that the pattern makes. */
export const isStep = ({ steps }: TokenPattern, { old, now }: TokenChange): boolean =>
  steps.some((step) => isSame(step.old, texts(old)) && isSame(step.now, texts(now)));

const isSame = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((text, index) => text === b[index]);

function commonEnd(a: readonly string[], b: readonly string[], most: number): string[] {
  let length = 0;
  while (length < most && length < a.length && length < b.length && a.at(-1 - length) === b.at(-1 - length))
    length += 1;
  return a.slice(a.length - length);
}

/** Minimum number of letters and signs in lines that are found by equality, if they were replaced once, or again. */
const MIN_CHARACTERS = { once: 36, again: 24 };
const MAX_LINES = 6;
/** Maximum number of other places in a text with the same lines. */
const MAX_COPIES = { once: 4, again: 12 };

/**
 * The pattern of an edit that replaces whole lines; undefined if they are too unspecific, or for an insertion. `edits`:
 * all edits, among which this one may have been made before.
 */
export function linePattern(edit: Edit, edits: readonly Edit[]): LinePattern | undefined {
  const { before, after } = edit;
  const [old, now] = [withoutIndent(before), withoutIndent(after)];
  // A change in the number of lines is mostly specific to one place: wrapping, indenting, adding a block.
  if (old.length > MAX_LINES || now.length !== old.length) return undefined;
  if (old.every((line, index) => line.trim() === now[index]!.trim())) return undefined;
  const written = old.join('').replace(/\s+/g, '');
  const words = new Set((written.match(/[\p{L}_$][\p{L}\p{N}_$]{2,}/gu) ?? []).map((word) => word));
  if (written.length < MIN_CHARACTERS.again || words.size < 2) return undefined;
  const again = edits.filter((other) => other !== edit && isSameEdit(other, edit));
  if (written.length < MIN_CHARACTERS.once && again.length === 0) return undefined;
  const most = again.length > 0 ? MAX_COPIES.again : MAX_COPIES.once;
  const other = again.find(({ path }) => path === edit.path);
  return { kind: 'lines', why: 'same-lines', old, now, most, ...(other && observedRange(edit, other)) };
}

type Lines = Pick<Edit, 'before' | 'after'>;

/** Whether both replace the same lines, whatever their indentation. */
export const isSameEdit = (a: Lines, b: Lines): boolean =>
  isSame(withoutIndent(a.before), withoutIndent(b.before)) &&
  isSame(withoutIndent(a.after), withoutIndent(b.after));

/** Lines without their common indentation. */
export function withoutIndent(text: string): string[] {
  const lines = text.replaceAll('\r', '').split('\n');
  const indents = lines.filter((line) => line.trim()).map((line) => /^[ \t]*/.exec(line)![0]);
  const common = indents.reduce((a, b) => (b.startsWith(a) ? a : a.startsWith(b) ? b : ''), indents[0] ?? '');
  return lines.map((line) => (line.startsWith(common) ? line.slice(common.length) : line.trimStart()));
}

/** A key that is equal for patterns with the same change, wherever they were observed. */
export const keyOf = (pattern: Pattern): string =>
  pattern.kind !== 'tokens'
    ? JSON.stringify([pattern.old, pattern.now])
    : JSON.stringify([pattern.steps, pattern.scope?.path, pattern.args]);

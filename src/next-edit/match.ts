/** Finds where a pattern matches in a document, and what to replace there. */
import { leadingWhitespace } from '../completion/code/text.ts';
import { MAX_TOKENS_BETWEEN } from './changes.ts';
import type { Replacement } from './edit.ts';
import { lineAt, startOfLine } from './lines.ts';
import type { LinePattern, Pattern, Step, Surroundings, TokenPattern } from './pattern.ts';
import { withoutIndent } from './pattern.ts';
import { isInScope, isMethod, reaches, shadowsOf } from './reach.ts';
import { closing, functions, languageAt } from './rename.ts';
import { linesOfShape } from './shape.ts';
import type { TextWithTokens, Token } from './tokens.ts';

const MAX_ARGUMENT_TOKENS = 100;

/** The places that need the pattern's change, ordered and without overlaps; those that already have it are left out. */
export function findPlaces(pattern: Pattern, document: TextWithTokens): Replacement[] {
  if (pattern.kind === 'lines') return findLines(pattern, document.text);
  return pattern.kind === 'shape' ? linesOfShape(pattern, document) : findTokens(pattern, document);
}

function findTokens(pattern: TokenPattern, document: TextWithTokens): Replacement[] {
  const { left, steps, scope } = pattern;
  if (!reaches(pattern, document)) return [];
  const { tokens } = document;
  const found: Replacement[] = [];
  const first = left[0] ?? steps[0]!.old[0] ?? pattern.between[0]?.[0] ?? pattern.right[0];
  for (let at = 0; at < tokens.length; at += 1) {
    if (tokens[at]!.text !== first || !fits(left, tokens, at)) continue;
    const from = afterArguments(pattern, tokens, at + left.length);
    const begins = from === undefined ? undefined : stepsAt(pattern, tokens, from);
    if (!begins) continue;
    if (pattern.why === 'argument' && isDefinition(document, at, begins[0]!)) continue;
    const [begin] = begins as [number];
    const end = begins.at(-1)! + steps.at(-1)!.old.length;
    if (pattern.alike && !pattern.alike.some((around) => isAlike(around, tokens, begin, end))) continue;
    // For an insertion, a neighbour.
    const about = tokens[steps[0]!.old.length || pattern.right.length ? begin : Math.max(0, begin - 1)]!;
    if (pattern.near && !isNear(pattern.near, document.path, about.start)) continue;
    if (about.quoted !== pattern.quoted || (scope && !isInScope(pattern, document, begin))) continue;
    const places = begins.map((place, index) => replacementAt(pattern, steps[index]!, document, place));
    if (places.every((place) => place && place.start >= (found.at(-1)?.end ?? 0)))
      found.push(...(places as Replacement[]));
  }
  const shadows = found.length > 0 ? shadowsOf(pattern, document) : [];
  return found.filter(({ start, end }) => !shadows.some(({ from, to }) => start < to && end > from));
}

const isNear = (parts: NonNullable<TokenPattern['near']>, path: string, place: number) =>
  parts.some((part) => part.path === path && place >= part.from && place < part.to);

const fits = (wanted: readonly string[], tokens: readonly Token[], at: number) =>
  wanted.every((text, i) => tokens[at + i]?.text === text);

/** Minimum number of tokens around a place that are as around another. */
const MIN_ALIKE = 8;

/** Whether tokens `begin` to `end` have such surroundings. */
function isAlike(
  { left, right }: Surroundings,
  tokens: readonly Token[],
  begin: number,
  end: number,
): boolean {
  let [before, after] = [0, 0];
  while (before < left.length && tokens[begin - 1 - before]?.text === left.at(-1 - before)) before += 1;
  while (after < right.length && tokens[end + after]?.text === right[after]) after += 1;
  return before + after >= MIN_ALIKE;
}

/** Whether the name at `at` with its brackets, which close at `close`, is not a call: `function f()`, `f(): void {`. */
const isDefinition = (document: TextWithTokens, at: number, close: number): boolean =>
  functions.has(document.tokens[at - 1]?.text ?? '') || isMethod(document, at, close);

/** The closing bracket of a call with as many arguments as the pattern has; `from` if it does not count them. */
function afterArguments({ args }: TokenPattern, tokens: readonly Token[], from: number): number | undefined {
  if (args === undefined) return from;
  let [depth, count] = [0, tokens[from]?.text === ')' ? 0 : 1];
  for (let at = from; at < tokens.length && at - from <= MAX_ARGUMENT_TOKENS; at += 1) {
    const { text, quoted } = tokens[at]!;
    if (quoted) continue;
    if (text === ')' && depth === 0) return count === args && tokens[at - 1]!.text !== ',' ? at : undefined;
    if (/^[([{]$/.test(text)) depth += 1;
    else if (/^[)\]}]$/.test(text)) depth -= 1;
    else if (text === ',' && depth === 0) count += 1;
  }
  return undefined;
}

/** Where each step begins if the first one is at token `begin`; undefined if one does not match, or is already done. */
function stepsAt(
  { steps, between, right }: TokenPattern,
  tokens: readonly Token[],
  begin: number,
): number[] | undefined {
  const begins: number[] = [];
  let at = begin;
  for (const [index, step] of steps.entries()) {
    if (!fits(step.old, tokens, at) || isAlreadyApplied(step, tokens, at, at + step.old.length))
      return undefined;
    begins.push(at);
    at += step.old.length;
    const kept = between[index];
    if (index === steps.length - 1) continue;
    if (kept) {
      if (!fits(kept, tokens, at)) return undefined;
      at += kept.length;
    } else {
      const next = afterHole(tokens, at, steps[index + 1]!.old);
      if (next === undefined) return undefined;
      at = next;
    }
  }
  return fits(right, tokens, at) ? begins : undefined;
}

/** The index of `wanted` after at least one token on the same line, with balanced brackets in between. */
function afterHole(tokens: readonly Token[], from: number, wanted: readonly string[]): number | undefined {
  if (wanted.length === 0) return undefined;
  let depth = 0;
  for (let at = from; at < tokens.length && at - from <= MAX_TOKENS_BETWEEN; at += 1) {
    const { text } = tokens[at]!;
    if (at > from && depth === 0 && fits(wanted, tokens, at)) return at;
    if (/^[([{]$/.test(text)) depth += 1;
    else if (/^[)\]}]$/.test(text) && depth-- === 0) return undefined;
  }
  return undefined;
}

/** Whether the new tokens are already there, around tokens `begin` to `end`. */
function isAlreadyApplied({ old, now }: Step, tokens: readonly Token[], begin: number, end: number): boolean {
  for (let before = 0; before + old.length <= now.length; before += 1) {
    if (!old.every((text, i) => text === now[before + i])) continue;
    const from = begin - before;
    if (now.length > old.length && now.every((text, i) => tokens[from + i]?.text === text)) return true;
  }
  return old.length === 0 && now.length > 0 && fits(now, tokens, end);
}

function replacementAt(
  { scope }: TokenPattern,
  { old, text, leftGap, rightGap }: Step,
  document: TextWithTokens,
  begin: number,
): Replacement | undefined {
  const end = begin + old.length;
  const { tokens, text: whole } = document;
  const last = tokens[begin - 1]?.end ?? 0;
  const following = tokens[end]?.start ?? whole.length;
  const [first, final] = [tokens[begin]?.start ?? whole.length, tokens[end - 1]?.end ?? 0];
  const written = reindented(text, leadingWhitespace(lineAt(whole, first)));
  if (old.length === 0) {
    if (rightGap !== undefined) return { start: following, end: following, text: written };
    if (leftGap === '') return { start: last, end: last, text: written };
    return whole.slice(last, following) === leftGap
      ? { start: last, end: following, text: written }
      : undefined;
  }
  const gaps = [whole.slice(last, first), whole.slice(final, following)];
  if (leftGap !== undefined && !hasSameWhitespace(leftGap, gaps[0]!)) return undefined;
  if (rightGap !== undefined && !hasSameWhitespace(rightGap, gaps[1]!)) return undefined;
  const short = scope !== undefined && isShorthand(document, begin);
  return {
    start: leftGap === undefined ? first : last,
    end: rightGap === undefined ? final : following,
    text: short ? `${old[0]}: ${written}` : written,
  };
}

/** Whether white space is equal, or breaks the same number of lines. */
const hasSameWhitespace = (a: string, b: string) =>
  a === b || (a.includes('\n') && a.split('\n').length === b.split('\n').length);

/** Indents the lines after the first like the place's own line; `text` comes without that indentation. */
function reindented(text: string, indent: string): string {
  if (!text.includes('\n')) return text;
  const [first, ...rest] = text.split('\n');
  const depths = rest.filter((line) => line.trim()).map((line) => leadingWhitespace(line));
  const common = depths.reduce((a, b) => (a.length <= b.length ? a : b), depths[0] ?? '');
  if (common === indent || !rest.every((line) => !line.trim() || line.startsWith(common))) return text;
  return [first, ...rest.map((line) => (line.trim() ? indent + line.slice(common.length) : line))].join('\n');
}

/** In `{ a, name }` of JavaScript and `Page { name }` of Rust, the name is a key as well. */
function isShorthand(document: TextWithTokens, at: number): boolean {
  const { tokens, languageId } = document;
  const [before, next] = [tokens[at - 1]?.text ?? '', tokens[at + 1]?.text ?? ''];
  if (!/^[{,]$/.test(before) || !/^[},]$/.test(next)) return false;
  const { templates } = languageAt(document, tokens[at]!.start);
  if (!templates && languageId !== 'rust') return false;
  let depth = 0;
  for (let i = at - 1; i >= 0 && at - i < 400; i -= 1) {
    const { text, quoted } = tokens[i]!;
    if (quoted) continue;
    if (/^[)\]}]$/.test(text)) depth += 1;
    else if (/^[([{]$/.test(text) && depth-- === 0)
      return text === '{' && (templates ? opensObject(document, i) : structHead.test(headOf(document, i)));
  }
  return false;
}

/** Before the brace of a struct in Rust. In `-> Page {` and `== Page {` it begins a block. */
const structHead = /(?:^|[{([,;|]|(?<![=!<>])=|=>|\b(?:return|let))\s*&?(?:\w+::)*\p{Lu}\w*\s*$/u;
/** Before the brace of an object or of a pattern; others begin blocks, or stand in the text of a tag. */
const beforeObject = /^(?:[([{,=:?&|]|const|let|var|return|default|yield|throw)$/;
/** Before the brace of an object whose members are copied: `{ ...{ name } }`. In the text of a tag, `...` ends a word. */
const beforeSpread = /(?:^|[\s[({,])\.{3}\s*$/;
/** Before the brace of a value in tags: `name={name}`, `<p>Name: {name}`. */
const beforeValue =
  /(?:(?<!\b(?:const|let|var)\s+)\b[\w$-]+=|<[\w.]+(?:\s[^<>]*)?>[^<>{}()=]*\w[^<>{}()=]*)$/;

/** Whether a brace of JavaScript begins an object or a pattern, other than a module's list of names. */
function opensObject(document: TextWithTokens, open: number): boolean {
  const { tokens, languageId } = document;
  let before = open - 1;
  while (tokens[before]?.quoted) before -= 1;
  const sign = tokens[before]?.text ?? '';
  const head = headOf(document, open);
  if (isModuleList(document, open)) return false;
  if (beforeSpread.test(head)) return true;
  if (languageId !== 'typescript') return beforeObject.test(sign) && !beforeValue.test(head);
  // Without tags, `>` ends a cast or an arrow.
  return beforeObject.test(sign) || (sign === '>' && tokens[before - 1]?.text !== '=');
}

/** The text before a token in its line. */
function headOf({ tokens, text }: TextWithTokens, at: number): string {
  const { start } = tokens[at]!;
  return text.slice(startOfLine(text, start), start);
}

/** Whether a module imports or exports what these braces list. */
function isModuleList(document: TextWithTokens, open: number): boolean {
  const { tokens, text } = document;
  const head = headOf(document, open);
  if (/^\s*(?:import\b[^(]*|(?:module\.)?exports\s*=\s*)$/.test(head)) return true;
  const end = tokens[closing(open, tokens) ?? open]!.end;
  return /^\s*=\s*\(?(?:await\s+import|require)\b/.test(text.slice(end, end + 40));
}

function findLines({ old, now }: LinePattern, text: string): Replacement[] {
  const lines = text.split('\n');
  const starts: number[] = [];
  for (let at = 0, i = 0; i < lines.length; i += 1) {
    starts.push(at);
    at += lines[i]!.length + 1;
  }
  const found: Replacement[] = [];
  for (let at = 0; at + old.length <= lines.length; at += 1) {
    if (lines[at]!.trim() !== old[0]!.trim()) continue;
    const here = lines.slice(at, at + old.length);
    const plain = withoutIndent(here.join('\n'));
    if (!plain.every((line, i) => line.trimEnd() === old[i]!.trimEnd())) continue;
    if (hasNewLines(now, old, lines, at)) continue;
    const indent = leadingWhitespace(here.find((line) => line.trim()) ?? '');
    const start = starts[at]!;
    const end = starts[at + old.length - 1]! + here.at(-1)!.replace(/\r$/, '').length;
    const lineEnd = here[0]!.endsWith('\r') ? '\r\n' : '\n';
    found.push({ start, end, text: now.map((line) => (line ? indent + line : line)).join(lineEnd) });
    at += old.length - 1;
  }
  return found;
}

/** Whether the new lines are already there, if they contain the old ones. */
function hasNewLines(
  now: readonly string[],
  old: readonly string[],
  lines: readonly string[],
  at: number,
): boolean {
  for (let before = 0; before + old.length <= now.length; before += 1) {
    if (!old.every((line, i) => line === now[before + i])) continue;
    if (now.every((line, i) => lines[at - before + i]?.trim() === line.trim())) return true;
  }
  return false;
}

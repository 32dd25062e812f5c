/**
 * Chooses spans of code like those for which completions are requested, by lines, indentation and brackets. This works
 * in nearly all languages, and in fragments that no parser could read. Offsets are in UTF-16 units.
 */

export interface Span {
  from: number;
  /** Exclusive. */
  to: number;
}

/** Returns the next random number in [0, 1). */
export type Draw = () => number;

/** Longest span: nobody requests more at once. */
const MAX_LINES = 12;
const MAX_CHARACTERS = 480;
/** Minimum length of a line whose rest is chosen, and of the rest. */
const MIN_LINE_LENGTH = 8;
const MIN_REST = 3;
/** Fraction of cuts inside words: completions are requested there too, but less often than at word starts. */
const INSIDE_WORDS = 0.15;

/** How often each kind of span is chosen, if the text has one: most completions end at the line end. */
const kinds: readonly { share: number; find: (page: Page, draw: Draw) => Span | undefined }[] = [
  { share: 0.4, find: restOfLine },
  { share: 0.25, find: block },
  { share: 0.1, find: statement },
  { share: 0.1, find: insideBrackets },
  { share: 0.15, find: completeLines },
];

interface Line extends Span {
  /** Characters of white space before its text. */
  indent: number;
  blank: boolean;
}

interface Page {
  text: string;
  lines: readonly Line[];
  /** Whether a span may end there. */
  mayEnd(at: number): boolean;
}

/** A span that ends between `ends.from` and `ends.to`; undefined if there is none. */
export function chooseSpan(text: string, ends: Span, draw: Draw): Span | undefined {
  const page = { text, lines: splitLines(text), mayEnd: (at: number) => at >= ends.from && at <= ends.to };
  const remaining = [...kinds];
  while (remaining.length > 0) {
    const [kind] = remaining.splice(pickWeighted(remaining, draw()), 1);
    const span = kind!.find(page, draw);
    if (span && isWorthCompleting(text.slice(span.from, span.to))) return span;
  }
  return undefined;
}

const isWorthCompleting = (middle: string) =>
  /\w/.test(middle) && middle.length <= MAX_CHARACTERS && middle.split('\n').length <= MAX_LINES + 1;

function pickWeighted(items: readonly { share: number }[], drawn: number): number {
  let remaining = drawn * items.reduce((sum, { share }) => sum + share, 0);
  const index = items.findIndex(({ share }) => (remaining -= share) < 0);
  return index < 0 ? items.length - 1 : index;
}

const pick = <T>(items: readonly T[], draw: Draw): T | undefined => items[Math.floor(draw() * items.length)];

function splitLines(text: string): Line[] {
  let at = 0;
  return text.split('\n').map((line) => {
    const from = at;
    at += line.length + 1;
    const indent = /^[ \t]*/.exec(line)![0].length;
    return { from, to: from + line.length, indent, blank: indent === line.trimEnd().length || !line.trim() };
  });
}

/** From a space, a bracket, a dot or sometimes the middle of a word to the end of the line. */
function restOfLine(page: Page, draw: Draw): Span | undefined {
  const eligible = page.lines.filter(
    ({ from, to, indent }) => to - from - indent >= MIN_LINE_LENGTH && page.mayEnd(to),
  );
  const line = pick(eligible, draw);
  const from = line && cursorPosition(page.text, line, line.to - MIN_REST, draw);
  return from === undefined ? undefined : { from, to: line!.to };
}

/** A position in a line's text, up to `last`, where somebody might stop typing. */
function cursorPosition(text: string, line: Line, last: number, draw: Draw): number | undefined {
  const inside = draw() < INSIDE_WORDS;
  const places: number[] = [];
  for (let at = line.from + line.indent + 1; at <= last; at += 1) {
    const [before, after] = [text[at - 1]!, text[at]!];
    const mayStop = inside
      ? /[A-Za-z]/.test(before) && /\w/.test(after)
      : /[ ([{.=,:'"]/.test(before) || after === ' ';
    if (mayStop) places.push(at);
  }
  return pick(places, draw);
}

/** The lines that are indented more than the line above them, up to a blank line; or these from some line on. */
function block(page: Page, draw: Draw): Span | undefined {
  const { lines } = page;
  const bodies: { opening: number; last: number }[] = [];
  for (const [opening, { indent, blank }] of lines.entries()) {
    let last = opening;
    const isInside = (line: Line | undefined) => line && !line.blank && line.indent > indent;
    while (!blank && isInside(lines[last + 1])) last += 1;
    if (last > opening && page.mayEnd(lines[last]!.to)) bodies.push({ opening, last });
  }
  const body = pick(bodies, draw);
  if (!body) return undefined;
  const { opening, last } = body;
  const to = lines[last]!.to;
  const fromStart = draw() < 0.5 && last - opening <= MAX_LINES;
  if (fromStart) return { from: lines[opening]!.to, to };
  const first = Math.max(opening + 1, last - MAX_LINES + 1);
  const line = lines[first + Math.floor(draw() * (last - first + 1))]!;
  return { from: line.from + line.indent, to };
}

/** One to four lines, without the first line's indentation. */
function completeLines(page: Page, draw: Draw): Span | undefined {
  const ends = [...page.lines.entries()].filter(([, { blank, to }]) => !blank && page.mayEnd(to));
  const last = pick(ends, draw);
  if (!last) return undefined;
  const first = page.lines[Math.max(0, last[0] - Math.floor(4 * draw()))]!;
  return { from: first.from + first.indent, to: last[1].to };
}

/** Arguments, elements, a short body. */
function insideBrackets(page: Page, draw: Draw): Span | undefined {
  const inner = bracketPairs(page.text).filter(({ from, to }) => to > from && page.mayEnd(to));
  return pick(inner, draw);
}

/** From a position in a line that opens a bracket to the end of the line that closes it. */
function statement(page: Page, draw: Draw): Span | undefined {
  const { text, lines } = page;
  const lineAt = (at: number) => lines.find(({ to }) => at <= to)!;
  const eligible = bracketPairs(text).filter((pair) => {
    const count = text.slice(pair.from, pair.to).split('\n').length;
    return count > 1 && count <= MAX_LINES && page.mayEnd(lineAt(pair.to).to);
  });
  const pair = pick(eligible, draw);
  const from = pair && cursorPosition(text, lineAt(pair.from), pair.from, draw);
  return from === undefined ? undefined : { from, to: lineAt(pair!.to).to };
}

const closers: Record<string, string> = { '(': ')', '[': ']', '{': '}' };

/** The text between matching brackets, ignoring brackets in single-line strings. */
function bracketPairs(text: string): Span[] {
  const pairs: Span[] = [];
  const open: { closer: string; from: number }[] = [];
  for (const { 0: sign, index } of text.matchAll(/(["'`])(?:\\.|(?!\1)[^\\\n])*\1|[()[\]{}]/g)) {
    const closer = closers[sign];
    if (closer) open.push({ closer, from: index + 1 });
    else if (sign.length === 1) {
      const at = open.findLastIndex((bracket) => bracket.closer === sign);
      if (at < 0) continue;
      pairs.push({ from: open[at]!.from, to: index });
      open.length = at;
    }
  }
  return pairs;
}

/**
 * Finds secrets by their format, by their name, by the place where they are passed, and by third-party rules (gitleaks,
 * secretlint).
 */
import { Clues } from './clues.ts';
import type { Finding } from './finding.ts';
import { formats, unknownTokens } from './formats.ts';
import { findByGitleaks, keywords } from './gitleaks.ts';
import { passed } from './passed-values.ts';
import { findNamed } from './named-values.ts';
import { findByRules, type ScanInput } from './rule.ts';
import { findBySecretlint } from './secretlint.ts';

export interface Secret {
  rule: string;
  /** From 1. */
  line: number;
}

/** The first secret in a text: the rule and the line, never the secret itself. Undefined if there is none. */
export async function findSecret(path: string, text: string): Promise<Secret | undefined> {
  const plain = withPlainQuotes(path, text);
  const finding = findFirst(path, plain) ?? (await findBySecretlint(path, text)) ?? findInJoined(path, plain);
  return finding && { rule: finding.rule, line: text.slice(0, finding.index).split('\n').length };
}

let built: Clues | undefined;
/** Built on first use, because many processes that import this never look for secrets. */
const clues = (): Clues =>
  (built ??= new Clues([
    ...keywords,
    ...[...formats, ...passed, ...unknownTokens].flatMap((rule) => rule.clues),
  ]));

function findFirst(path: string, text: string, finders: readonly Finder[] = allFinders): Finding | undefined {
  const input = { path, text, clues: clues().within(text) };
  for (const find of finders) for (const finding of find(input)) return finding;
  return undefined;
}

const findByFormat = (input: ScanInput) => findByRules(formats, input);
const findPassed = (input: ScanInput) => findByRules([...passed, ...unknownTokens], input);

type Finder = (input: ScanInput) => Iterable<Finding>;
const allFinders: readonly Finder[] = [findByGitleaks, findByFormat, findNamed, findPassed];

/**
 * Finds a key that a program concatenates from pieces. In lists only by format, because they also contain names and
 * other values.
 */
function findInJoined(path: string, text: string): Finding | undefined {
  for (const [lists, finders] of [
    [false, allFinders],
    [true, [findByFormat]],
  ] as const) {
    const joined = joinLiterals(text, { lists });
    const finding = joined && findFirst(path, joined.text, finders);
    if (finding) return { rule: finding.rule, index: joined.indexOf(finding.index) };
  }
  return undefined;
}

/** `"ab" + "cd"`, `'ab' 'cd'`: a closing quote, an optional operator, the same quote. */
const seam = /(["'`])[ \t]*(?:[+.&]|\|\||\.\.|<>)?[ \t]*\\?(?:\r?\n[ \t]*(?:[+.&]|\|\||\.\.|<>)?[ \t]*)?\1/g;
/** Also joins the elements of a list, such as the lines of a PEM. */
const seamOrComma = new RegExp(seam.source.replace('[+.&]', '[+.&,]'), 'g');

interface Joined {
  text: string;
  /** Index in the original text of a character of `text`. */
  indexOf(index: number): number;
}

/**
 * Joins adjacent string literals of a text, to find secrets that a program concatenates from pieces. Undefined if there
 * is nothing to join. `lists`: also the literals of a list.
 */
function joinLiterals(text: string, { lists }: { lists: boolean }): Joined | undefined {
  const cuts: { at: number; removed: number }[] = [];
  let removed = 0;
  const joined = text.replace(lists ? seamOrComma : seam, (match, _quote, offset: number) => {
    // Leave an empty literal alone.
    if (match.length === 2) return match;
    removed += match.length;
    cuts.push({ at: offset + match.length - removed, removed });
    return '';
  });
  if (!cuts.length) return undefined;
  const before = (index: number) => cuts.findLast(({ at }) => at <= index)?.removed ?? 0;
  return { text: joined, indexOf: (index) => index + before(index) };
}

/**
 * Converts XML's `&quot;`, Ruby's `%q{}`, `"""`, and notebook cells, in which each line is a JSON literal, to plain
 * quotes, so that the patterns need not know them. Every character stays on its line.
 */
function withPlainQuotes(path: string, text: string): string {
  let plain = text;
  if (path.endsWith('.ipynb')) plain = plain.replace(/^[ \t]*("(?:[^"\\\n]|\\.)*"),?$/gm, decodeCellLine);
  if (plain.includes('&quot;')) plain = plain.replaceAll('&quot;', '"     ');
  if (/%q/i.test(plain))
    plain = plain.replace(
      /%[qQ]?(?:\{([^\n"}]{4,200})\}|\[([^\n"\]]{4,200})\]|\(([^\n")]{4,200})\)|([|!])([^\n"]{4,200}?)\4)/g,
      (all, a, b, c, _sign, d) => `"${a ?? b ?? c ?? d}"`.padStart(all.length),
    );
  return plain.replace(
    /("{3}|'{3})(?:([^\n]{0,2000}?)\1)?/g,
    (_, [quote], line?: string) => `  ${quote}${line === undefined ? '' : `${line}${quote}  `}`,
  );
}

function decodeCellLine(line: string, literal: string): string {
  try {
    return (JSON.parse(literal) as string).trimEnd().replaceAll('\n', ' ').padEnd(line.length);
  } catch {
    return line;
  }
}

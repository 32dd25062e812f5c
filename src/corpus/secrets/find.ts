/**
 * Finds secrets by their format, by their name, by the place where they are passed, and by third-party rules (gitleaks,
 * secretlint).
 */
import { Clues } from './clues.ts';
import type { Finding } from './finding.ts';
import { formats, unknownTokens } from './formats.ts';
import { findByGitleaks, keywords } from './gitleaks.ts';
import { joinLiterals } from './literals.ts';
import { passed } from './passed-values.ts';
import { findNamed } from './named-values.ts';
import { findByRules, type ScanInput } from './rule.ts';
import { withPlainQuotes } from './plain-text.ts';
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

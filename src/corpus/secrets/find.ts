/**
 * Finds secrets by what they are (formats), by the name that they have (places) and by where they are passed, and by
 * rules that others maintain (gitleaks, secretlint).
 */
import { Clues } from './clues.ts';
import type { Finding } from './finding.ts';
import { formats, unknownTokens } from './formats.ts';
import { findByGitleaks, keywords } from './gitleaks.ts';
import { joinLiterals } from './literals.ts';
import { passed } from './passed.ts';
import { findNamed } from './places.ts';
import { findByRules, type Sought } from './rule.ts';
import { withPlainQuotes } from './plain-text.ts';
import { findBySecretlint } from './secretlint.ts';

export interface Secret {
  rule: string;
  /** From 1. */
  line: number;
}

/** The first secret found in a text: the rule and the line, never the secret itself. Undefined if there is none. */
export async function findSecret(path: string, text: string): Promise<Secret | undefined> {
  const plain = withPlainQuotes(path, text);
  const found = findPlace(path, plain) ?? (await findBySecretlint(path, text)) ?? findInJoined(path, plain);
  return found && { rule: found.rule, line: text.slice(0, found.index).split('\n').length };
}

const clues = new Clues([
  ...keywords,
  ...[...formats, ...passed, ...unknownTokens].flatMap((rule) => rule.clues),
]);

function findPlace(path: string, text: string, finders: readonly Finder[] = all): Finding | undefined {
  const sought = { path, text, clues: clues.within(text) };
  for (const find of finders) for (const found of find(sought)) return found;
  return undefined;
}

const findByFormat = (sought: Sought) => findByRules(formats, sought);
const findPassed = (sought: Sought) => findByRules([...passed, ...unknownTokens], sought);

type Finder = (sought: Sought) => Iterable<Finding>;
const all: readonly Finder[] = [findByGitleaks, findByFormat, findNamed, findPassed];

/** Finds a key that a program joins from pieces. In a list, only by its form: names and other values stand there, too. */
function findInJoined(path: string, text: string): Finding | undefined {
  for (const [lists, finders] of [
    [false, all],
    [true, [findByFormat]],
  ] as const) {
    const joined = joinLiterals(text, { lists });
    const place = joined && findPlace(path, joined.text, finders);
    if (place) return { rule: place.rule, index: joined.indexOf(place.index) };
  }
  return undefined;
}

/** Finds secrets by rules that others maintain (gitleaks, secretlint), and by our own for what those do not know. */
import { findByGitleaks } from './gitleaks.ts';
import { joinLiterals } from './literals.ts';
import { findByOwnRules } from './own-rules.ts';
import type { Finding } from './finding.ts';
import { findBySecretlint } from './secretlint.ts';

export interface Secret {
  rule: string;
  /** From 1. */
  line: number;
}

/** The first secret found in a text: the rule and the line, never the secret itself. Undefined if there is none. */
export async function findSecret(path: string, text: string): Promise<Secret | undefined> {
  const found = findPlace(path, text) ?? (await findBySecretlint(path, text)) ?? findInJoined(path, text);
  return found && { rule: found.rule, line: text.slice(0, found.index).split('\n').length };
}

const findPlace = (path: string, text: string) => findByOwnRules(path, text) ?? findByGitleaks(path, text);

/** Finds a key that a program joins from pieces. */
function findInJoined(path: string, text: string): Finding | undefined {
  const joined = joinLiterals(text);
  const place = joined && findPlace(path, joined.text);
  return place && { rule: place.rule, index: joined.indexOf(place.index) };
}

/** Finds secrets by rules that others maintain (gitleaks', secretlint's) and by our own for what those don't know. */
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

/** A secret in a text: which rule found it and where, never what it is. */
export async function findSecret(path: string, text: string): Promise<Secret | undefined> {
  const found = findPlace(path, text) ?? (await findBySecretlint(path, text)) ?? findInJoined(path, text);
  return found && { rule: found.rule, line: text.slice(0, found.index).split('\n').length };
}

const findPlace = (path: string, text: string) => findByOwnRules(path, text) ?? findByGitleaks(path, text);

/** A key that the program puts together from pieces. */
function findInJoined(path: string, text: string): Finding | undefined {
  const joined = joinLiterals(text);
  const place = joined && findPlace(path, joined.text);
  return place && { rule: place.rule, index: joined.indexOf(place.index) };
}

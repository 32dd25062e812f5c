/** A pattern that finds secrets, and how tables of rules are applied. */
import type { Finding } from './finding.ts';

export interface Rule {
  id: string;
  /** Global. The first capture group that matched is the value; without groups, the whole match. */
  pattern: RegExp;
  /** In lower case. The pattern is tried only if the text contains one of these, which is many times faster. */
  clues: readonly string[];
  /** A further condition on the value. */
  isMatch?: ((value: string, match: RegExpExecArray) => boolean) | undefined;
}

/** A row of a table of rules. */
export const rule = (id: string, clues: Rule['clues'], pattern: RegExp, isMatch?: Rule['isMatch']): Rule => ({
  id,
  clues,
  pattern,
  isMatch,
});

export interface ScanInput {
  path: string;
  text: string;
  /** The clues that the text contains. */
  clues: ReadonlySet<string>;
}

export function* findByRules(
  rules: readonly Rule[],
  { text, clues: present }: ScanInput,
): Generator<Finding> {
  for (const { id, pattern, clues, isMatch } of rules) {
    if (!clues.some((clue) => present.has(clue))) continue;
    for (const match of text.matchAll(pattern)) {
      const value = match.slice(1).find((group) => group !== undefined) ?? match[0];
      if (!isMatch || isMatch(value, match)) yield { rule: id, index: match.index };
    }
  }
}

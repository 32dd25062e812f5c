/** gitleaks' rules: patterns with keywords, entropy, and what is allowed. */
import written, { type Allowance, type Rule } from 'gitleaks-rules';
import { entropy } from './randomness.ts';
import type { Finding } from './finding.ts';
import type { Sought } from './rule.ts';
import { isPlaceholder } from './values.ts';

/**
 * Replaced by our own rules, which examine the value more closely. The first reports half of all files that mention
 * keys and tokens; the others take the square of a text's length where it repeats their keyword.
 */
const LEFT_OUT = [
  'generic-api-key',
  'curl-auth-header',
  'curl-auth-user',
  'kubernetes-secret-yaml',
  'nuget-config-password',
];
const rules = written.rules.filter(({ id }) => !LEFT_OUT.includes(id));

export const keywords = rules.flatMap((rule) => rule.keywords);

const compiled = new Map<string, RegExp>();

export function* findByGitleaks({ path, text, clues }: Sought): Generator<Finding> {
  for (const rule of rules) {
    if (!rule.keywords.some((word) => clues.has(word))) continue;
    if (rule.path && !patternOf(rule.path).test(path)) continue;
    for (const match of text.matchAll(patternOf(rule.pattern)))
      if (isSecret(rule, match, path)) yield { rule: rule.id, index: match.index };
  }
}

function isSecret(rule: Rule, match: RegExpExecArray, path: string): boolean {
  const secret = rule.secretGroup ? match[rule.secretGroup] : (match.slice(1).find(Boolean) ?? match[0]);
  if (!secret || (rule.entropy !== undefined && entropy(secret) <= rule.entropy)) return false;
  if (secret.length < 60 && isPlaceholder(secret.slice(secret.lastIndexOf(':') + 1))) return false;
  const seen = { secret, match: match[0], line: lineAround(match), path };
  // Without its paths: they are of binary and vendored files, which corpus/names.ts leaves out.
  const general = { ...written.allow, paths: [] };
  return ![general, ...(rule.allow ?? [])].some((allowance) => allows(allowance, seen));
}

function allows(
  { every, of = 'secret', patterns, words = [], paths = [] }: Allowance,
  seen: Record<'secret' | 'match' | 'line' | 'path', string>,
): boolean {
  const matches = (list: string[], text: string) => list.some((one) => patternOf(one).test(text));
  const lower = seen.secret.toLowerCase();
  const kinds: [given: boolean, holds: () => boolean][] = [
    [patterns.length > 0, () => matches(patterns, seen[of])],
    [words.length > 0, () => words.some((word) => lower.includes(word))],
    [paths.length > 0, () => matches(paths, seen.path)],
  ];
  const given = kinds.filter(([there]) => there).map(([, holds]) => holds);
  return every ? given.every((holds) => holds()) : given.some((holds) => holds());
}

/** The compiled pattern, cached. It keeps no position: `matchAll` copies it, and lastIndex is reset for `test`. */
function patternOf(source: string): RegExp {
  let pattern = compiled.get(source);
  if (!pattern) compiled.set(source, (pattern = new RegExp(source, 'g')));
  pattern.lastIndex = 0;
  return pattern;
}

function lineAround({ 0: match, index, input }: RegExpExecArray): string {
  const end = input.indexOf('\n', index + match.length);
  return input.slice(input.lastIndexOf('\n', index) + 1, end < 0 ? undefined : end);
}

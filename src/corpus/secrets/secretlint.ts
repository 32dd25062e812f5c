/**
 * secretlint's recommended rules, except for passwords in URLs, because our rule distinguishes examples from secrets.
 */
import type { lintSource } from '@secretlint/core';
import type { Finding } from './finding.ts';
import { isPlaceholder } from './values.ts';
import { visible } from '../../text/foreign-text.ts';

type SecretLintConfig = Parameters<typeof lintSource>[0]['options']['config'];

/**
 * A text must match this for secretlint to find anything; the rules themselves are a hundred times slower. In the order
 * of the rules of @secretlint/secretlint-rule-preset-recommend; a test runs a sample of each.
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
    'T3BlbkFJ',
    'sk-ant-',
    'lin_api_',
    String.raw`SG\.\w`,
    'shp(?:pa|ca|at|ss)_',
    'gh[pousr]_|github_pat_',
    'ops_ey',
  ].join('|'),
  'i',
);

/** The first secret in secretlint's own order; undefined if there is none. */
export async function findBySecretlint(path: string, text: string): Promise<Finding | undefined> {
  if (!clue.test(text)) return undefined;
  const [{ lintSource }, config] = await Promise.all([import('@secretlint/core'), loadConfig()]);
  // secretlint names its performance measurements after the file, and a line break in the name crashes the process.
  const filePath = visible(path);
  const name = filePath.slice(filePath.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  const result = await lintSource({
    source: { filePath, content: text, contentType: 'text', ext: dot > 0 ? name.slice(dot) : '' },
    options: { config, noPhysicFilePath: true, maskSecrets: true },
  });
  const first = result.messages.find(
    ({ range: [from, to] }) => to - from > 60 || !isPlaceholder(text.slice(from, to)),
  );
  return first && { rule: first.ruleId.replace(/^@secretlint\/secretlint-rule-/, ''), index: first.range[0] };
}

let loaded: SecretLintConfig | undefined;
async function loadConfig(): Promise<SecretLintConfig> {
  const preset = await import('@secretlint/secretlint-rule-preset-recommend');
  loaded ??= {
    rules: [
      {
        id: '@secretlint/secretlint-rule-preset-recommend',
        rule: preset.creator,
        rules: [
          { id: '@secretlint/secretlint-rule-basicauth', disabled: true },
          { id: '@secretlint/secretlint-rule-database-connection-string', disabled: true },
        ],
      },
    ],
  };
  return loaded;
}

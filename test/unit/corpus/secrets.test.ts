import { lintSource } from '@secretlint/core';
import { creator } from '@secretlint/secretlint-rule-preset-recommend';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildCorpus, surveyCorpus } from '../../../src/corpus/index.ts';
import { findSecret } from '../../../src/corpus/secrets/find.ts';
import { findBySecretlint } from '../../../src/corpus/secrets/secretlint.ts';
import { harmless, noise, planted } from '../../support/planted-secrets.ts';
import { byteTokenizer, code, useTemporaryFolder } from './help.ts';

const folder = useTemporaryFolder();

const upper = (length: number) => noise(length, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567');
const pem = (kind: string) =>
  [
    `-----BEGIN ${kind}PRIVATE KEY-----`,
    `MI${noise(62)}`,
    noise(64),
    noise(64),
    `-----END ${kind}PRIVATE KEY-----`,
  ].join('\n');

/** Put together here, so that no scanner finds one in this file. */
const secrets: Record<string, string> = {
  'aws id': `key = "${'AK' + 'IA'}${upper(16)}"`,
  'aws secret': `${'AWS_SECRET_' + 'ACCESS_KEY'}=${noise(40)}`,
  'aws secret in code': `const ${'aws_secret_' + 'access_key'} = "${noise(40)}";`,
  'aws account': `${'AWS_ACCOUNT' + '_ID'}=1234-5678-9012`,
  'rsa key': pem('RSA '),
  'openssh key': pem(''),
  'npm access token': `${'np' + 'm_'}${noise(36)}`,
  slack: `${'xo' + 'xb'}-${noise(12, '0123456789')}-${noise(12, '0123456789')}-${noise(24)}`,
  'slack hook': `https://hooks.${'slack'}.com/services/T${upper(8)}/B${upper(8)}/${noise(24)}`,
  'basic auth': `fetch("https://person:${noise(14)}@example.com/path")`,
  openai: `${'s' + 'k-'}${noise(20)}${'T3Blbk' + 'FJ'}${noise(20)}`,
  anthropic: `${'sk-' + 'ant-api03-'}${noise(93)}AA`,
  linear: `${'lin_' + 'api_'}${noise(40)}`,
  sendgrid: `${'S' + 'G.'}${noise(22)}.${noise(43)}`,
  shopify: `${'shp' + 'at_'}${noise(32, '0123456789abcdef')}`,
  github: `${'gh' + 'p_'}${noise(36)}`,
  'github fine-grained': `${'github' + '_pat_'}${noise(82)}`,
  mongodb: `mongodb+srv://person:${noise(14)}@cluster0.mongodb.net/db`,
  mysql: `mysql://person:${noise(14)}@db.internal:3306/shop`,
  postgres: `postgresql://person:${noise(14)}@db.internal:5432/shop`,
};
const others: Record<string, string> = {
  google: `${'AI' + 'za'}${noise(35)}`,
  stripe: `${'sk_' + 'live_'}${noise(24)}`,
  gitlab: `${'gl' + 'pat-'}${noise(20)}`,
  'hugging face': `${'h' + 'f_'}${noise(34)}`,
};

const within = (secret: string) => `${code(1)}\n${secret}\n${code(2)}`;

describe('findSecret', () => {
  it.each(Object.entries(secrets))(
    'finds what secretlint finds, with no rule skipped: %s',
    async (_, secret) => {
      const content = within(secret);
      const whole = await lintSource({
        source: { filePath: 'a.ts', content, contentType: 'text', ext: '.ts' },
        options: {
          config: {
            rules: [
              {
                id: '@secretlint/secretlint-rule-preset-recommend',
                rule: creator,
                rules: [{ id: '@secretlint/secretlint-rule-aws', options: { enableIDScanRule: true } }],
              },
            ],
          },
          noPhysicFilePath: true,
        },
      });
      expect(whole.messages.length, 'secretlint itself finds the sample').toBeGreaterThan(0);
      const first = whole.messages[0]!;
      expect(await findSecret('a.ts', content)).toMatchObject({ line: first.loc.start.line });
      // Passwords in URLs are found by a rule of ours.
      if (/basicauth|database/.test(first.ruleId)) return;
      const found = await findBySecretlint('a.ts', content);
      expect(found).toMatchObject({ index: first.range[0] });
      expect(first.ruleId).toContain(found!.rule);
    },
  );

  it.each(Object.entries(others))('finds what secretlint does not know: %s', async (_, secret) => {
    expect(await findSecret('a.ts', within(secret))).toMatchObject({ line: 8 });
  });

  it.each(Object.entries(planted))('finds a planted secret: %s', async (path, text) => {
    expect(await findSecret(path, text)).toBeDefined();
  });

  it.each(Object.entries(harmless))('finds none in %s', async (path, text) => {
    expect(await findSecret(path, text)).toBeUndefined();
  });

  // secretlint names its measurements after the file, and a line end in one ended the process.
  it.each(['a\n.ts', 'a\r.ts', 'a\u2028b/c.ts'])('finds one in the file %j', async (path) => {
    const token = `ghp_${'a1B2c3'.repeat(6)}`;
    const found = await findBySecretlint(path, within(token));
    expect(found).toMatchObject({ rule: 'github' });
    // What goes wrong there does so later.
    await new Promise((done) => setImmediate(done));
  });

  it('tells the line of a secret that is put together from pieces', async () => {
    expect(await findSecret('a.js', `${code(1)}\n${planted['keys/joined.js']}`)).toMatchObject({ line: 9 });
  });

  it('is not held up by text that is made to hold it up', async () => {
    const began = performance.now();
    for (const one of [
      '-----BEGIN PRIVATE KEY-----\n',
      'a.b-c_',
      'password',
      "'' + ",
      'https://a:',
      'kind: Secret data: ',
    ])
      await findSecret('a.yaml', one.repeat(100_000 / one.length));
    expect(performance.now() - began).toBeLessThan(15_000);
  });

  it('finds nothing in ordinary code, near misses included', async () => {
    const content = [
      code(1),
      'const accessKey = process.env.ACCESS_KEY;',
      'const url = "https://example.com/a:b@c";',
      'db = connect("postgres://localhost/test")',
      'account = 1234',
      '// npm_config_cache, ghp_ and sk-ant- are prefixes',
    ].join('\n');
    expect(await findSecret('a.ts', content)).toBeUndefined();
  });
});

describe('a file with a secret', () => {
  it('stays out; rule and line are told, the secret is written nowhere', async () => {
    const secret = secrets['github']!;
    folder.write({ 'a.ts': code(1), 'b.ts': code(2), 'c.ts': within(secret) });
    const summary = await buildCorpus({
      folder: folder.in(),
      out: folder.out(),
      tokenizer: byteTokenizer,
      seed: 0,
    });
    expect(summary.leftOut).toEqual({ secret: 1 });
    const manifest = readFileSync(join(folder.out(), 'manifest.jsonl'), 'utf8');
    const entry = manifest.split('\n').find((line) => line.includes('c.ts'))!;
    expect(JSON.parse(entry)).toEqual({
      in: false,
      path: 'c.ts',
      reason: 'secret',
      detail: 'github-pat',
      line: 8,
    });
    expect(manifest).not.toContain(secret.slice(4));
  });

  it('a service account in JSON', async () => {
    const account = { type: 'service_account', private_key_id: noise(40), private_key: `${pem('')}\n` };
    folder.write({ 'a.ts': code(1), 'account.json': JSON.stringify(account, null, 2) });
    const { leftOut } = await surveyCorpus({ folder: folder.in(), seed: 0 });
    expect(leftOut).toMatchObject([{ path: 'account.json', reason: 'secret' }]);
  });
});

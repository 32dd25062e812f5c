import { lintSource } from '@secretlint/core';
import { creator } from '@secretlint/secretlint-rule-preset-recommend';
import rules from 'gitleaks-rules';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildCorpus, surveyCorpus } from '../../../src/corpus/index.ts';
import { formats as formatRules, unknownTokens } from '../../../src/corpus/secrets/formats.ts';
import { passed } from '../../../src/corpus/secrets/passed-values.ts';
import { findSecret } from '../../../src/corpus/secrets/find.ts';
import { findBySecretlint } from '../../../src/corpus/secrets/secretlint.ts';
import { harmless, noise, planted } from '../../support/planted-secrets.ts';
import { Random } from '../../support/random.ts';
import { byteTokenizer, code, useTemporaryFolder } from './help.ts';
import { lookalikes, places } from './secret-samples.ts';

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

/** Assembled here, so that no scanner finds one in this file. */
const secrets: Record<string, string> = {
  'aws secret': `${'AWS_SECRET_' + 'ACCESS_KEY'}=${noise(40)}`,
  'aws secret in code': `const ${'aws_secret_' + 'access_key'} = "${noise(40)}";`,
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
  'aws id': `key = "${'AK' + 'IA'}${upper(16)}"`,
  google: `${'AI' + 'za'}${noise(35)}`,
  stripe: `${'sk_' + 'live_'}${noise(24)}`,
  gitlab: `${'gl' + 'pat-'}${noise(20)}`,
  'hugging face': `${'h' + 'f_'}${noise(34)}`,
};

const within = (secret: string) => `${code(1)}\n${secret}\n${code(2)}`;

const remembered = [
  'rabbit-summer-timber-98',
  'Tablet#Thunder95',
  'salmon.pocket.planet-86',
  'mirror_bridge_tunnel42',
];
const chosen = ['Sommer2024!', 'P@ssKaffee77', 'winter-Tiger42', 'Purpl3_Falcon'];

/**
 * Replaces P by a random password, H by one chosen by a person, W by words and a number, K by a key, and so on
 * (secret-places.ts).
 */
function planting(seed: number) {
  const random = new Random(seed);
  const drawn = (length: number, alphabet?: string) => noise(length, alphabet, random.integer(2 ** 31));
  const values: Record<string, () => string> = {
    P: () => drawn(14),
    H: () => chosen[random.integer(chosen.length)]!,
    W: () => remembered[random.integer(remembered.length)]!,
    K: () => drawn(36),
    B: () => Buffer.from(`shop:${drawn(12)}`).toString('base64'),
    B64: () => drawn(64),
    HEX40: () => drawn(40, '0123456789abcdef'),
    HEX64: () => drawn(64, '0123456789abcdef'),
    UUID: () => [8, 4, 4, 4, 12].map((length) => drawn(length, '0123456789abcdef')).join('-'),
  };
  return (text: string) =>
    text.replace(
      /(?<![A-Za-z])(-p)?(P|H|W|K|B64|B|HEX40|HEX64|UUID)(?![A-Za-z\d])/g,
      (_, option = '', name: string) => option + values[name]!(),
    );
}

const hex = (length: number) => noise(length, '0123456789abcdef');
const jwt = [
  { alg: 'HS256', typ: 'JWT' },
  { sub: 'ann', iat: 1700000000 },
].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
/** Always the same: one in a few hundred random ones looks like a secret by chance. */
const publicKey = createPublicKey({
  key: { kty: 'RSA', n: Buffer.from(`c${hex(254)}1`, 'hex').toString('base64url'), e: 'AQAB' },
  format: 'jwk',
});
const body = (key: KeyObject, type: 'pkcs8' | 'spki') =>
  (key.export({ type, format: 'pem' } as never) as unknown as string).split('\n').slice(1, -2).join('\n');

const formats: Record<string, string> = {
  openrouter: `call("${'sk-' + 'or-v1-'}${hex(64)}")`,
  replicate: `call("${'r' + '8_'}${noise(37)}")`,
  docker: `call("${'dckr' + '_pat_'}${noise(27)}")`,
  atlassian: `call("${'ATATT' + '3x'}${noise(180)}")`,
  mailgun: `call("${'ke' + 'y-'}${hex(32)}")`,
  mailchimp: `call("${hex(32)}${'-u' + 's12'}")`,
  square: `call("${'sq0' + 'csp-'}${noise(43)}")`,
  google: `call("${'ya' + '29.'}${noise(80)}")`,
  fcm: `call("${'AAAA'}${noise(7)}:${'APA' + '91b'}${noise(134)}")`,
  'a token of an unknown provider': `call("${'acme' + '_live_'}${noise(36)}")`,
  wallet: `call("${'xp' + 'rv'}${noise(107, '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz')}")`,
  jwk: JSON.stringify(privateKey.export({ format: 'jwk' })),
  "a key's body": `const key = \`${body(privateKey, 'pkcs8')}\`;`,
  'PEM in base64': `key: ${Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })).toString('base64')}`,
  'a JWT in pieces': `const head = "${jwt[0]}";\nconst body = "${jwt[1]}";\nsend([head, body, sign()].join("."));`,
  netlify: `call("${'nf' + 'p_'}${noise(36)}")`,
  dropbox: `call("${'s' + 'l.'}${noise(130)}")`,
  yandex: `call("${'AQ' + 'VN'}${noise(36)}")`,
  airtable: `call("${'pa' + 't'}${noise(14)}.${hex(64)}")`,
  figma: `call("${'fi' + 'gd_'}${noise(40)}")`,
  asana: `call("${'1' + '/'}${noise(16, '123456789')}:${hex(32)}")`,
  'a card': 'const paid = "4539148803436467";',
  'a card in groups': 'const paid = "5425 2334 3010 9903";',
};
const notSecret: Record<string, string> = {
  'a public key in JWK': JSON.stringify(publicKey.export({ format: 'jwk' })),
  "a public key's body": `const key = \`${body(publicKey, 'spki')}\`;`,
  'a public key in base64': `key: ${Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })).toString('base64')}`,
  'the head of a JWT': `const head = "${jwt[0]}";`,
  'a test card': 'const paid = "4242424242424242", other = "378282246310005";',
  'a number that is not a card': 'const at = "4539148803436468";',
};

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
              },
            ],
          },
          noPhysicFilePath: true,
        },
      });
      expect(whole.messages.length, 'secretlint itself finds the sample').toBeGreaterThan(0);
      const first = whole.messages[0]!;
      expect(await findSecret('a.ts', content)).toMatchObject({ line: first.loc.start.line });
      // Passwords in URLs are found by our own rule.
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

  // secretlint names its measurements after the file, and a line break in the name ended the process.
  it.each(['a\n.ts', 'a\r.ts', 'a\u2028b/c.ts'])('finds one in the file %j', async (path) => {
    const token = `ghp_${'a1B2c3'.repeat(6)}`;
    const found = await findBySecretlint(path, within(token));
    expect(found).toMatchObject({ rule: 'github' });
    // It fails asynchronously.
    await new Promise((done) => setImmediate(done));
  });

  it.each(places)('finds a secret in context: %s %s', async (path, text) => {
    for (const seed of [1, 2, 3])
      expect(await findSecret(path, planting(seed)(text)), planting(seed)(text)).toBeDefined();
  });

  it.each(lookalikes)('finds none in lookalikes: %s %s', async (path, text) => {
    expect(await findSecret(path, planting(1)(text))).toBeUndefined();
  });

  it.each(Object.entries(formats))('finds by its form: %s', async (_, text) => {
    expect(await findSecret('a.js', within(text))).toBeDefined();
  });

  it.each(Object.entries(notSecret))('finds none by its form in %s', async (_, text) => {
    expect(await findSecret('a.js', within(text))).toBeUndefined();
  });

  it('gives the line of a secret that is concatenated from pieces', async () => {
    expect(await findSecret('a.js', `${code(1)}\n${planted['keys/joined.js']}`)).toMatchObject({ line: 9 });
  });

  it.each([
    'okta',
    'sumo ',
    'meraki',
    'a.b-c_',
    'password',
    'password=',
    'sha2a',
    "'' + ",
    'https://a:',
    'kind: Secret data: ',
    'curl -u ',
    'login("a", ',
    'name: password ',
    'insert into a (',
    '-----BEGIN1234sk-',
  ])('terminates on a text that repeats %j', async (one) => {
    // A pattern that takes exponential time would not, on any machine; one that took cubic time needed minutes.
    expect(await findSecret('a.yaml', one.repeat(20_000 / one.length))).toBeUndefined();
  });

  it('no gitleaks rule starts with a match-all, which takes quadratic time', () => {
    // Optional at the start: a match is then attempted from every position, each scanning to the end.
    const optional = rules.rules.filter(({ pattern }) =>
      /^[(?:]*(?:\[[^\]]+\]|\\w|\\S|\.)(?:\*|\{0,|\?)/.test(pattern),
    );
    expect(optional.map(({ id }) => id)).toEqual([]);
  });

  it('no alternative of our rules starts by matching any word', () => {
    const rules = [...formatRules, ...passed, ...unknownTokens];
    const begins = rules.filter(({ pattern }) => /(?:^|\(\?:|\|)\\w\*/.test(pattern.source));
    expect(begins.map(({ id }) => id)).toEqual([]);
  });

  it('finds nothing in ordinary code, including near misses', async () => {
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
  it('is left out; rule and line are reported, and the secret is not written anywhere', async () => {
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

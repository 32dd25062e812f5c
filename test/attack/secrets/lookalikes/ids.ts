/** Random characters that are no secrets: checksums, ids, numbers, versions. */
import type { Draw } from '../draw.ts';
import {
  c,
  code,
  csharp,
  dockerfile,
  everything,
  go,
  hcl,
  java,
  javascript,
  json,
  kotlin,
  markdown,
  notebook,
  php,
  properties,
  python,
  ruby,
  rust,
  scripts,
  settings,
  shell,
  sql,
  swift,
  toml,
  typescript,
  xml,
  yaml,
} from '../languages/index.ts';
import { assigned, kindsOf, shaped, whole } from '../model.ts';
import { cardNumber, luhnDigit } from '../kinds/keys.ts';
import { mixed } from '../values.ts';

const inPrograms = [...code, ...scripts, ...settings];
/** Not those in which a value is a default or a comparison of something secret. */
const plainForms = (form: string) => !['written to a file', 'option apart', 'for a command'].includes(form);
const value = (names: readonly string[], make: (draw: Draw) => string, languages = inPrograms) =>
  assigned(languages, { names, value: make, forms: plainForms });

const sri = (draw: Draw) =>
  draw.pick([
    () => `sha512-${draw.base64(64)}`,
    () => `sha256-${draw.base64(32)}`,
    () => `sha384-${draw.base64(48)}`,
  ])();

export const ids = kindsOf('checksums and ids', {
  checksum: value(['checksum', 'sha256', 'file checksum', 'sha256sum', 'expected checksum'], (draw) =>
    draw.hex(64),
  ),
  digest: value(
    ['digest', 'image digest', 'expected digest', 'content hash'],
    (draw) => `sha256:${draw.hex(64)}`,
  ),
  'short checksum': value(['md5', 'sha1', 'etag', 'md5 checksum', 'git sha', 'content md5'], (draw) =>
    draw.hex(draw.pick([32, 40])),
  ),
  integrity: value(['integrity', 'sri', 'subresource integrity'], sri),
  'commit id': value(['commit', 'git commit', 'revision', 'ref', 'git head', 'commit sha', 'rev'], (draw) =>
    draw.hex(40),
  ),
  UUID: value(
    [
      'id',
      'uuid',
      'request id',
      'tenant id',
      'subscription id',
      'correlation id',
      'product id',
      'guid',
      'device id',
    ],
    (draw) => draw.uuid(),
  ),
  'object id': value(
    ['object id', 'document id', 'user id', 'parent id', 'mongo id'],
    (draw) => `6${draw.hex(23)}`,
  ),
  'build id': value(['build id', 'build number', 'release', 'deployment id', 'bundle hash'], (draw) =>
    draw.pick([
      () => `${draw.digits(8)}.${draw.between(1, 20)}-${draw.hex(7)}`,
      () => mixed(draw, 21),
      () => draw.hex(20),
    ])(),
  ),
  'trace id': value(['trace id', 'span id', 'traceparent', 'session id for logs'], (draw) =>
    draw.pick([() => `00-${draw.hex(32)}-${draw.hex(16)}-01`, () => draw.hex(32)])(),
  ),
  'cache key': value(['cache key', 'partition key', 'sort key', 'idempotency key', 'routing key'], (draw) =>
    draw.pick([
      () => `${draw.word()}:${draw.word()}:${draw.digits(5)}`,
      () => `${draw.word()}-v2-${draw.hex(8)}`,
      () => `${draw.word()}.${draw.word()}.created`,
    ])(),
  ),
  'file name with a hash': value(
    ['file', 'asset', 'bundle', 'src', 'entry', 'main script'],
    (draw) => `/assets/${draw.word()}.${draw.hex(draw.pick([8, 20, 32]))}.${draw.pick(['js', 'css', 'png'])}`,
  ),
  'path to a file': value(
    [
      'key file',
      'password file',
      'token path',
      'private key path',
      'ssl key',
      'credentials file',
      'secret file',
    ],
    (draw) =>
      draw.pick([
        `/etc/${draw.word()}/${draw.word()}.key`,
        `/run/secrets/${draw.word()}_password`,
        `./certs/${draw.word()}-key.pem`,
        `~/.ssh/id_ed25519`,
        `config/${draw.word()}/credentials.json`,
      ]),
  ),
  'ARN or resource id': value(
    ['arn', 'role arn', 'resource id', 'vpc', 'subnet id', 'ami', 'key id'],
    (draw) =>
      draw.pick([
        `arn:aws:s3:::${draw.word()}-${draw.word()}`,
        `subnet-0${draw.hex(16)}`,
        `ami-0${draw.hex(16)}`,
        `sg-0${draw.hex(16)}`,
        `vpc-${draw.hex(17)}`,
      ]),
  ),
  'id of a client': value(['client id', 'oauth client id', 'app id'], (draw) =>
    draw.pick([
      () =>
        `${draw.digits(12)}-${mixed(draw, 32, 'abcdefghijklmnopqrstuvwxyz0123456789')}.apps.googleusercontent.com`,
      () => draw.uuid(),
      () => `${draw.word()}-${draw.word()}-web`,
    ])(),
  ),
  'locked packages': [
    ...shaped([json], {
      npm: (draw) =>
        `"node_modules/${draw.word()}": {\n  "version": "4.${draw.between(1, 20)}.0",\n  "resolved": "https://registry.${draw.word()}.org/${draw.word()}/-/${draw.word()}-4.1.0.tgz",\n  "integrity": "${sri(draw)}"\n}`,
      composer: (draw) =>
        `"packages": [{ "name": "${draw.word()}/${draw.word()}", "source": { "type": "git", "reference": "${draw.hex(40)}" } }]`,
      pipfile: (draw) =>
        `"${draw.word()}": { "hashes": ["sha256:${draw.hex(64)}", "sha256:${draw.hex(64)}"], "version": "==2.1.0" }`,
    }),
    ...shaped([yaml], {
      pnpm: (draw) =>
        `  /${draw.word()}@4.1.${draw.between(0, 9)}:\n    resolution: {integrity: ${sri(draw)}}\n    engines: {node: '>=18'}`,
      'pods of iOS': (draw) =>
        `SPEC CHECKSUMS:\n  ${draw.capital()}: ${draw.hex(40)}\n  ${draw.capital()}Kit: ${draw.hex(40)}`,
      'pinned action': (draw) => `      - uses: actions/${draw.word()}@${draw.hex(40)} # v4`,
      'image by digest': (draw) => `    image: acme/${draw.word()}@sha256:${draw.hex(64)}`,
    }),
    ...shaped([toml], {
      cargo: (draw) =>
        `[[package]]\nname = "${draw.word()}"\nversion = "1.0.${draw.between(1, 90)}"\nchecksum = "${draw.hex(64)}"`,
      poetry: (draw) =>
        `files = [\n    {file = "${draw.word()}-1.2-py3-none-any.whl", hash = "sha256:${draw.hex(64)}"},\n]`,
    }),
    ...shaped([dockerfile], {
      'image by digest': (draw) => `FROM acme/${draw.word()}@sha256:${draw.hex(64)}`,
      'checked download': (draw) => `RUN echo "${draw.hex(64)}  ${draw.word()}.tar.gz" | sha256sum -c -`,
    }),
    ...shaped([shell], {
      'checked download': (draw) =>
        `curl -fsSLO https://get.${draw.word()}.org/${draw.word()}.tar.gz\necho "${draw.hex(64)} *${draw.word()}.tar.gz" | sha256sum --check`,
      variable: (draw) => `${draw.word().toUpperCase()}_SHA256="${draw.hex(64)}"`,
    }),
    ...shaped([ruby], {
      formula: (draw) =>
        `url "https://${draw.word()}.org/${draw.word()}-1.2.tar.gz"\nsha256 "${draw.hex(64)}"`,
    }),
    ...shaped([hcl], {
      'lock of providers': (draw) =>
        `provider "registry.acme.io/acme/${draw.word()}" {\n  version = "5.1.0"\n  hashes = [\n    "h1:${draw.base64(32)}",\n    "zh:${draw.hex(64)}",\n  ]\n}`,
    }),
    ...shaped([python], {
      'requirement with hashes': (draw) => `HASHES = {"${draw.word()}.whl": "sha256:${draw.hex(64)}"}`,
    }),
    ...shaped([markdown], {
      'sums of a release': (draw) =>
        `| file | SHA-256 |\n| --- | --- |\n| ${draw.word()}.zip | \`${draw.hex(64)}\` |`,
    }),
    ...whole('go.sum', ['docs/go.sum.txt'], {
      lines: (draw) =>
        Array.from(
          { length: 3 },
          () => `github.com/${draw.word()}/${draw.word()} v1.${draw.between(0, 9)}.0 h1:${draw.base64(32)}`,
        ).join('\n'),
    }),
    ...whole('requirements', ['requirements.txt'], {
      hashes: (draw) =>
        `${draw.word()}==2.${draw.between(0, 9)}.1 \\\n    --hash=sha256:${draw.hex(64)} \\\n    --hash=sha256:${draw.hex(64)}`,
    }),
    ...whole('Bazel', ['WORKSPACE', 'bazel/{w}.bzl'], {
      archive: (draw) =>
        `http_archive(\n    name = "${draw.word()}",\n    sha256 = "${draw.hex(64)}",\n    urls = ["https://${draw.word()}.org/${draw.hex(40)}.zip"],\n)`,
    }),
    ...whole('Nix', ['default.nix', 'nix/{w}.nix'], {
      fetched: (draw) =>
        `fetchFromGitHub {\n  owner = "${draw.word()}";\n  repo = "${draw.word()}";\n  rev = "${draw.hex(40)}";\n  hash = "sha256-${draw.base64(32)}";\n}`,
    }),
    ...whole('HTML', ['public/{w}.html'], {
      script: (draw) =>
        `<script src="https://cdn.${draw.word()}.org/${draw.word()}.js"\n        integrity="${sri(draw)}"\n        crossorigin="anonymous"></script>`,
    }),
  ],
  'expected value of a test': [
    ...shaped([javascript, typescript], {
      expect: (draw) => `expect(hash('${draw.word()}')).toBe('${draw.hex(64)}');`,
      snapshot: (draw) => `assert.equal(digest.toString('base64'), '${draw.base64(32)}');`,
    }),
    ...shaped([python, notebook], {
      assert: (draw) => `assert hashlib.md5(b"${draw.word()}").hexdigest() == "${draw.hex(32)}"`,
      vectors: (draw) =>
        `VECTORS = [\n    ("${draw.word()}", "${draw.hex(64)}"),\n    ("${draw.word()}", "${draw.hex(64)}"),\n]`,
    }),
    ...shaped([go, java, kotlin, csharp, rust], {
      assert: (draw) => `assertEquals("${draw.hex(40)}", sha1("${draw.word()}"));`,
    }),
  ],
});

/** 16 digits that are no card: the last one is wrong for one. */
function noCard(draw: Draw): string {
  const body = draw.digits(15);
  return body + ((Number(luhnDigit(body)) + draw.between(1, 9)) % 10);
}

/** The numbers that providers of payments publish for tests. */
const TEST_CARDS = [
  '4242 4242 4242 4242',
  '4111 1111 1111 1111',
  '5555 5555 5555 4444',
  '3782 822463 10005',
  '4000 0566 5566 5556',
  '6011 1111 1111 1117',
];

export const numbers = kindsOf('numbers', {
  'number that is no card': value(
    ['order number', 'reference', 'tracking number', 'invoice number', 'customer number', 'serial'],
    noCard,
    everything,
  ),
  'id of 16 to 19 digits': value(
    ['id', 'snowflake', 'channel id', 'message id', 'tweet id', 'account id'],
    (draw) => `1${draw.chars(draw.between(15, 18), '0123456789')}`,
    everything,
  ),
  'card number for tests': value(
    ['test card', 'card number', 'visa test card', 'pan'],
    (draw) =>
      draw.pick([(card: string) => card, (card: string) => card.replaceAll(' ', '')])(draw.pick(TEST_CARDS)),
    [...code, json, yaml],
  ),
  'masked card': value(
    ['card number', 'card', 'masked pan', 'pan'],
    (draw) =>
      draw.pick([
        `**** **** **** ${draw.digits(4)}`,
        `XXXX-XXXX-XXXX-${draw.digits(4)}`,
        `${cardNumber(draw, false).slice(0, 6)}******${draw.digits(4)}`,
      ]),
    [...code, json, yaml, xml],
  ),
  'time in microseconds': value(
    ['timestamp', 'created at', 'started', 'expires'],
    (draw) => `17${draw.chars(14, '0123456789')}`,
  ),
  'numbers in a table': [
    ...shaped([c, csharp, java, go, rust, javascript, typescript, swift], {
      'constants of a hash': (draw) =>
        `// round constants\n${Array.from({ length: 8 }, () => `0x${draw.hex(8)}`).join(', ')},`,
      'table of CRC': (draw) =>
        `/* crc table */\n${Array.from({ length: 2 }, () => Array.from({ length: 6 }, () => `0x${draw.hex(8)}`).join(', ')).join(',\n')},`,
    }),
    ...shaped([python, notebook], {
      weights: (draw) => `weights = [${Array.from({ length: 8 }, () => draw.next().toFixed(16)).join(', ')}]`,
      coordinates: (draw) => `POINTS = [(${draw.next() * 90}, ${draw.next() * 180})]`,
    }),
  ],
});

export const versions = kindsOf('versions and packages', {
  'package about secrets': [
    ...shaped([json], {
      dependencies: (draw) =>
        `"dependencies": {\n  "jsonwebtoken": "^9.0.${draw.between(0, 9)}",\n  "password-hash": "1.2.2",\n  "passport-${draw.word()}": "~0.${draw.between(1, 9)}.0",\n  "secret-${draw.word()}": "github:${draw.word()}/${draw.word()}#${draw.hex(40)}"\n}`,
    }),
    ...shaped([toml], {
      dependencies: (draw) =>
        `[dependencies]\nsecrecy = "0.8"\ntoken-${draw.word()} = { version = "0.${draw.between(1, 90)}.1", features = ["api-key"] }`,
    }),
    ...shaped([python], {
      imports: (draw) =>
        `from secrets import token_urlsafe\nfrom passlib.hash import bcrypt\nfrom ${draw.word()}.tokens import AccessToken, RefreshToken`,
    }),
    ...shaped([javascript, typescript], {
      imports: (draw) =>
        `import { verifyPassword, hashPassword } from './${draw.word()}/password-hash.js';\nimport jwt, { type Secret } from 'jsonwebtoken';`,
    }),
    ...shaped([ruby], {
      gems: (draw) =>
        `gem 'bcrypt', '~> 3.1.${draw.between(1, 20)}'\ngem 'secret_token_${draw.word()}', '>= 1.0'`,
    }),
    ...shaped([go], {
      imports: (draw) => `import (\n\t"github.com/${draw.word()}/password-validator/v2"\n\t"crypto/hmac"\n)`,
    }),
    ...shaped([xml], {
      dependency: (draw) =>
        `<dependency>\n  <groupId>com.acme.secrets</groupId>\n  <artifactId>token-${draw.word()}</artifactId>\n  <version>2.${draw.between(0, 9)}.1-SNAPSHOT</version>\n</dependency>`,
    }),
  ],
  version: value(
    ['version', 'token version', 'api version', 'key version', 'password policy version', 'secret version'],
    (draw) =>
      draw.pick([
        `v${draw.between(1, 9)}.${draw.between(0, 30)}.${draw.between(0, 9)}-beta.${draw.between(1, 9)}+${draw.hex(7)}`,
        `2024-0${draw.between(1, 9)}-15-preview`,
        `${draw.between(1, 9)}.${draw.between(0, 9)}.${draw.between(0, 9)}`,
      ]),
  ),
  'image tag': value(
    ['image', 'container image', 'tag', 'base image'],
    (draw) =>
      `registry.${draw.word()}.net/${draw.word()}/${draw.word()}:${draw.pick([`1.${draw.between(0, 9)}.${draw.between(0, 9)}-${draw.hex(7)}`, draw.hex(40)])}`,
    [yaml, json, shell, hcl, properties, xml, sql, php],
  ),
});

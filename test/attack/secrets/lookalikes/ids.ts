/** Random characters that are not secrets: checksums, ids, locked packages. */
import type { Draw } from '../draw.ts';
import {
  code,
  settings,
  scripts,
  csharp,
  dockerfile,
  go,
  hcl,
  java,
  javascript,
  json,
  kotlin,
  markdown,
  notebook,
  python,
  ruby,
  rust,
  shell,
  toml,
  typescript,
  yaml,
} from '../languages/index.ts';
import { shaped, whole, assigned, kindsOf } from '../model.ts';
import { mixed } from '../values.ts';

const inPrograms = [...code, ...scripts, ...settings];
/** Except where a value is a default for or a comparison with something secret. */
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

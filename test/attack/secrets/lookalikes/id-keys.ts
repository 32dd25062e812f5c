/** Values called a key, a token or a secret that are none, with random characters: the hard ones. */
import type { Draw } from '../draw.ts';
import {
  code,
  csharp,
  markdown,
  scripts,
  settings,
  typescript,
  javascript,
  python,
  yaml,
  xml,
  hcl,
  go,
  java,
  notebook,
  php,
  ruby,
} from '../languages/index.ts';
import { assigned, kindsOf, shaped, whole } from '../model.ts';
import { base64Of, host, mixed } from '../values.ts';

const inPrograms = [...code, ...scripts, ...settings];
const value = (names: readonly string[], make: (draw: Draw) => string, languages = inPrograms) =>
  assigned(languages, {
    names,
    value: make,
    forms: (form) => !['comparison', 'option apart', 'for a command'].includes(form),
  });

/** Base64 of text that is obviously not a password. */
const KNOWN_BASIC = [
  'user:password',
  'username:password',
  'user:pass',
  'Aladdin:open sesame',
  'admin:changeme',
  '<user>:<password>',
];

export const idKeys = kindsOf('keys that are none', {
  'id of a key': value(
    ['kms key id', 'key id', 'kid', 'signing key id', 'api key id', 'encryption key arn'],
    (draw) =>
      draw.pick([() => draw.uuid(), () => `arn:aws:kms:eu-west-1::key/${draw.uuid()}`, () => draw.hex(8)])(),
  ),
  'id of a token or secret': value(
    ['token id', 'secret version id', 'jti', 'credential id', 'access token id', 'password reset id'],
    (draw) => draw.uuid(),
  ),
  'key of a cache': value(
    ['cache key', 'storage key name', 'object key', 's3 key', 'lookup key', 'map key', 'query key'],
    (draw) =>
      draw.pick([
        () => `npm-linux-${draw.hex(64)}`,
        () => `${draw.word()}/${draw.uuid()}.png`,
        () => `${draw.word()}:${draw.hex(32)}`,
        () => `v3/${draw.word()}/${draw.hex(40)}.tar.gz`,
      ])(),
  ),
  'key of a request': value(
    ['idempotency key', 'dedup key', 'deduplication id', 'request key', 'nonce for csp'],
    (draw) =>
      draw.pick([
        () => draw.uuid(),
        () => `${draw.word()}-${draw.digits(13)}`,
        () => `nonce-${draw.base64(16)}`,
      ])(),
  ),
  'checksum of a secret thing': value(
    [
      'keystore sha256',
      'secrets file checksum',
      'token list digest',
      'password dictionary md5',
      'key file sha1',
    ],
    (draw) =>
      draw.pick([
        () => draw.hex(64),
        () => draw.hex(40),
        () => draw.hex(32),
        () => `sha256:${draw.hex(64)}`,
      ])(),
  ),
  'vector of a cipher': value(
    ['iv', 'initialization vector', 'aes iv', 'gcm nonce'],
    (draw) => draw.hex(draw.pick([24, 32])),
    [...code],
  ),
  'name of a key': value(
    [
      'primary key',
      'foreign key',
      'sort key',
      'translation key',
      'key prefix',
      'hot key',
      'key path',
      'key column',
      'token class',
      'secret label',
      'key binding',
    ],
    (draw) =>
      draw.pick([
        () => `${draw.word()}_${draw.word()}_id`,
        () => `${draw.word()}.${draw.word()}.title`,
        () => `fk_${draw.word()}_${draw.word()}`,
        () => 'ctrl+shift+p',
        () => `${draw.word()}${draw.capital()}${draw.capital()}`,
        () => `/properties/${draw.word()}/items/0`,
      ])(),
  ),
  'token of an assembly': [
    ...shaped([xml], {
      reference: (draw) =>
        `<assemblyIdentity name="${draw.capital()}.${draw.capital()}" publicKeyToken="${draw.hex(16)}" culture="neutral" />`,
      include: (draw) =>
        `<Reference Include="${draw.capital()}, Version=4.0.0.0, Culture=neutral, PublicKeyToken=${draw.hex(16)}" />`,
    }),
    ...shaped([csharp], {
      friend: (draw) =>
        `[assembly: InternalsVisibleTo("${draw.capital()}.Tests, PublicKey=0024000004800000940000000602000000240000525341310004000001000100${draw.hex(256)}")]`,
    }),
  ],
  'ids of a project': [
    ...whole('solution', ['{W}.sln'], {
      projects: (draw) =>
        `Microsoft Visual Studio Solution File, Format Version 12.00\nProject("{${draw.uuid().toUpperCase()}}") = "${draw.capital()}", "src\\${draw.capital()}.csproj", "{${draw.uuid().toUpperCase()}}"\nEndProject`,
    }),
    ...whole('Xcode', ['{W}.xcodeproj/project.pbxproj'], {
      objects: (draw) =>
        Array.from(
          { length: 4 },
          () =>
            `\t\t${draw.hex(24).toUpperCase()} /* ${draw.capital()}.swift in Sources */ = {isa = PBXBuildFile; fileRef = ${draw.hex(24).toUpperCase()}; };`,
        ).join('\n'),
    }),
    ...shaped([xml], {
      GUID: (draw) =>
        `<UserSecretsId>${draw.uuid()}</UserSecretsId>\n<ProjectGuid>{${draw.uuid()}}</ProjectGuid>`,
    }),
  ],
  'challenge of HTTP': [
    ...shaped([javascript, typescript], {
      realm: (draw) => `reply.header('WWW-Authenticate', 'Basic realm="${draw.word()}", charset="UTF-8"');`,
      error: () => `reply.header('WWW-Authenticate', 'Bearer error="invalid_token"');`,
      scheme: () =>
        `if (!header.startsWith('Bearer ')) return reply.code(401).send({ error: 'missing_token' });`,
    }),
    ...shaped([python, notebook], {
      realm: (draw) => `response.headers["WWW-Authenticate"] = 'Basic realm="${draw.capital()}"'`,
      scheme: () => 'token = request.headers["Authorization"].removeprefix("Bearer ")',
    }),
    ...shaped([go, java, ruby, php], {
      scheme: () => 'token = trimPrefix(headers.get("Authorization"), "Bearer ");',
    }),
  ],
  'known example in base64': [
    ...shaped([markdown], {
      header: (draw) =>
        `\`\`\`http\nGET /${draw.word()}\nHost: example.com\nAuthorization: Basic ${base64Of(draw.pick(KNOWN_BASIC))}\n\`\`\``,
    }),
    ...shaped([python, javascript, typescript, ruby], {
      test: (draw) => `basic = "Basic ${base64Of(draw.pick(KNOWN_BASIC))}"`,
    }),
    ...whole('YAML', ['k8s/{w}-secret.example.yaml', 'docs/{w}-secret.yaml'], {
      secret: (draw) =>
        `apiVersion: v1\nkind: Secret\nmetadata:\n  name: ${draw.word()}-example\ndata:\n  username: ${base64Of('admin')}\n  password: ${base64Of(draw.pick(['changeme', 'password', '<password>', 'your-password']))}`,
      empty: (draw) =>
        `apiVersion: v1\nkind: Secret\nmetadata:\n  name: ${draw.word()}\n  annotations:\n    kubernetes.io/service-account.name: ${draw.word()}\ntype: kubernetes.io/service-account-token`,
    }),
  ],
  'shortened token': [
    ...shaped([markdown], {
      sentence: (draw) =>
        `The answer has \`"access_token": "${'ey' + 'J'}hbGciOi..."\`, the key begins with \`${draw.pick(['sk_live_', 'ghp_', 'xoxb-', 'AKIA'])}...\`.`,
    }),
    ...shaped([javascript, typescript, python, yaml], {
      comment: (draw) =>
        `# tokens look like ${draw.pick(['ghp_...', 'xoxb-…', 'sk-…', 'eyJhbGciOi...', 'AKIA****************'])}`.replace(
          '#',
          draw.pick(['#', '#']),
        ),
    }),
  ],
  'prefix that is checked': [
    ...shaped([javascript, typescript], {
      starts: (draw) =>
        `if (key.startsWith('${draw.pick(['sk_live_', 'ghp_', 'xoxb-', 'glpat-', 'AKIA'])}')) warn('${draw.word()}');`,
    }),
    ...shaped([python, notebook], {
      prefixes: () =>
        'PREFIXES = ("ghp_", "gho_", "github_pat_", "xoxb-", "xoxp-", "sk_live_", "AKIA", "glpat-")',
    }),
    ...shaped([go], {
      prefixes: () => 'var prefixes = []string{"ghp_", "sk_live_", "xoxb-", "npm_", "hvs."}',
    }),
  ],
  'argument that is an id': [
    ...shaped([javascript, typescript, python, notebook, ruby], {
      find: (draw) =>
        `client.find("${draw.pick([draw.uuid(), draw.hex(24), mixed(draw, 21), draw.hex(40)])}")`,
      subscribe: (draw) => `subscribe("${draw.word()}/${draw.uuid()}/events")`,
    }),
    ...shaped([go, java, csharp], { parse: (draw) => `id := uuid.MustParse("${draw.uuid()}")` }),
    ...shaped([hcl], {
      import: (draw) =>
        `import {\n  to = acme_${draw.word()}.${draw.word()}\n  id = "${draw.pick([draw.hex(32), draw.uuid()])}"\n}`,
    }),
  ],
  'user of a service': value(['db user', 'login name', 'service account', 'auth user', 'smtp user'], (draw) =>
    draw.pick([
      `svc_${draw.word()}`,
      `${draw.word()}@${draw.word()}.iam.gserviceaccount.com`,
      `${draw.word()}@${draw.word()}.net`,
    ]),
  ),
  'server of secrets': value(
    ['secret store host', 'token issuer', 'auth host', 'password server', 'key server'],
    (draw) => draw.pick([() => host(draw), () => `https://login.${draw.word()}.net/${draw.uuid()}/v2.0`])(),
  ),
});

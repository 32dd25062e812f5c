/** Names of things related to secrets: fields, headers, permissions, flags, algorithms. */
import { fill, type Draw } from '../draw.ts';
import {
  code,
  c,
  csharp,
  go,
  ini,
  java,
  javascript,
  json,
  kotlin,
  notebook,
  php,
  properties,
  python,
  ruby,
  rust,
  swift,
  toml,
  typescript,
  xml,
  yaml,
} from '../languages/index.ts';
import { shaped, assigned, kindsOf, whole } from '../model.ts';

const OF_NAMES = [
  'reset',
  'changed',
  'expired',
  'policy',
  'field',
  'input',
  'form',
  'strength',
  'confirmation',
  'rotation',
  'refresh',
  'lookup',
];
const dashed = (draw: Draw, separator: string) =>
  [
    draw.pick(['password', 'token', 'secret', 'api key', 'access token']).replaceAll(' ', separator),
    draw.pick(OF_NAMES),
  ].join(separator);

export const thingNames = kindsOf('names of things', {
  'name in a value': assigned([...code, json, yaml, toml, ini, xml], {
    names: [
      'password field',
      'token type',
      'password reset',
      'secret kind',
      'key name',
      'token event',
      'password topic',
      'credential type',
      'password route',
      'auth method',
      'grant type',
    ],
    value: (draw) =>
      draw.pick([
        () => dashed(draw, '-'),
        () => dashed(draw, '_'),
        () => dashed(draw, '.'),
        () => `/auth/${dashed(draw, '-')}`,
        () => 'Bearer',
        () => 'client_credentials',
        () => 'authorization_code',
        () => `user.${dashed(draw, '.')}`,
        () => 'client_secret_post',
      ])(),
  }),
  'test id': assigned([javascript, typescript, json, java, python, kotlin, swift], {
    names: ['password test id', 'token selector', 'password input id', 'api key element', 'secret locator'],
    value: (draw) =>
      draw.pick([
        `[data-testid="${dashed(draw, '-')}"]`,
        `#${draw.word()}-password`,
        `login-${dashed(draw, '-')}-button`,
        `input[name="password"]`,
        `.${dashed(draw, '-')}__${draw.word()}`,
      ]),
  }),
  'name of a header or cookie': assigned([...code, yaml, json, properties], {
    names: [
      'token header',
      'api key header',
      'csrf cookie',
      'session cookie name',
      'auth header',
      'xsrf token name',
      'token parameter',
    ],
    value: (draw) =>
      draw.pick([
        'X-Api-Key',
        'X-Auth-Token',
        'Authorization',
        'XSRF-TOKEN',
        'csrftoken',
        'connect.sid',
        'access_token',
        'X-CSRF-Token',
        `X-${draw.capital()}-Signature`,
        '__Host-session',
        'Ocp-Apim-Subscription-Key',
      ]),
    forms: (form) => form !== 'comparison',
  }),
  permission: [
    ...shaped([javascript, typescript, python, ruby, php, go, java, csharp, notebook], {
      list: (draw) =>
        fill(`permissions = ["secrets:read", "api_keys:write", "{a}", "{b}"];`, draw, {
          a: dashed(draw, ':'),
          b: dashed(draw, '.'),
        }),
    }),
    ...shaped([yaml], {
      rbac: () =>
        'rules:\n  - apiGroups: [""]\n    resources: ["secrets", "serviceaccounts/token"]\n    verbs: ["get", "list"]',
      actions: (draw) => `permissions:\n  id-token: write\n  contents: read\n  ${draw.word()}: none`,
      scopes: () => 'scopes:\n  - secretmanager.versions.access\n  - iam.serviceAccountTokenCreator',
    }),
    ...shaped([json], {
      policy: () => '"Action": ["secretsmanager:GetSecretValue", "kms:Decrypt", "sts:GetSessionToken"]',
    }),
  ],
  'feature flag': assigned([json, yaml, toml, typescript, javascript, python, java, csharp], {
    names: [
      'password reset enabled',
      'token rotation',
      'secret scanning',
      'api key login',
      'password less',
      'require token',
      'secrets enabled',
      'use auth token',
    ],
    expression: true,
    value: (draw) => draw.pick(['true', 'false']),
    forms: (form) =>
      !['comparison', 'characters', 'environment set', 'environment default', 'builder'].includes(form),
  }),
  'number about secrets': assigned(
    [json, yaml, toml, ini, properties, python, javascript, typescript, go, java, csharp, rust],
    {
      names: [
        'max tokens',
        'password min length',
        'token ttl',
        'token lifetime seconds',
        'secret rotation days',
        'password history',
        'api key limit',
        'token count',
        'password attempts',
      ],
      value: (draw) =>
        String(draw.pick([3, 5, 8, 12, 16, 30, 60, 90, 300, 900, 3600, 4096, 8192, 86_400, 128_000])),
    },
  ),
  'name of an algorithm': assigned([...code, yaml, json, properties], {
    names: [
      'password hasher',
      'token algorithm',
      'signing algorithm',
      'key type',
      'secret engine',
      'password encoder',
      'encryption algorithm',
      'key derivation',
    ],
    value: (draw) =>
      draw.pick([
        'argon2id',
        'pbkdf2_sha256',
        'HS256',
        'RS256',
        'AES/GCM/NoPadding',
        'bcrypt',
        'ecdsa-sha2-nistp256',
        'kv-v2',
        'PBKDF2WithHmacSHA256',
        'ed25519',
        'aes-256-gcm',
        'chacha20-poly1305@openssh.com',
      ]),
  }),
  'address of tokens': assigned([...code, yaml, json, properties, toml, xml], {
    names: [
      'token url',
      'token endpoint',
      'password reset url',
      'secret server',
      'auth url',
      'api key page',
      'jwks uri',
    ],
    value: (draw) =>
      draw.pick([
        `https://${draw.word()}.net/oauth2/v2.0/token`,
        `https://login.${draw.word()}.net/${draw.uuid()}/oauth2/token`,
        `https://${draw.word()}.net/account/password/reset`,
        `https://${draw.word()}.net/.well-known/jwks.json`,
        `https://vault.${draw.word()}.internal:8200`,
      ]),
  }),
  'token of a tokenizer': assigned([python, notebook, json, yaml, toml, rust, javascript], {
    names: [
      'pad token',
      'eos token',
      'bos token',
      'unk token',
      'mask token',
      'sep token',
      'chat token',
      'token pattern',
      'stop token',
    ],
    value: (draw) =>
      draw.pick([
        '<|endoftext|>',
        '<pad>',
        '</s>',
        '[MASK]',
        '<|im_start|>',
        '[SEP]',
        '\u2581',
        '<unk>',
        '<|reserved_12|>',
        '##ing',
      ]),
  }),
  'token of a parser': [
    ...shaped([javascript, typescript, java, csharp, kotlin, swift], {
      enum: () =>
        "enum Token {\n  Identifier = 'identifier',\n  StringLiteral = 'stringLiteral',\n  TemplateHead = 'templateHead',\n}",
      compared: (draw) =>
        `if (token.kind === 'closeBracketToken' && lastToken !== '${draw.word()}Keyword') advance();`,
    }),
    ...shaped([python, notebook], {
      dictionary: () => 'TOKENS = {"NUMBER": r"\\d+(\\.\\d*)?", "ASSIGN": r":=", "ID": r"[A-Za-z]+"}',
      compared: () => 'while token != "END" and next_token == "STRING_LITERAL":\n    token = next(tokens)',
    }),
    ...shaped([rust, go, c], {
      constants: () => '/* tokens */\n#define TOKEN_IDENTIFIER "identifier"\n#define TOKEN_KEYWORD "keyword"',
    }),
  ],
  'error of an enum': [
    ...shaped([typescript, java, csharp, kotlin, swift], {
      enum: () =>
        'enum AuthError {\n  InvalidPassword = "auth/wrong-password",\n  TokenExpired = "auth/id-token-expired",\n  MissingApiKey = "auth/invalid-api-key",\n}',
    }),
    ...shaped([python, ruby, php, javascript, go], {
      constants: () =>
        'PASSWORD_INCORRECT = "password_incorrect"\nTOKEN_REVOKED = "token_revoked"\nAPI_KEY_MISSING = "api-key-missing"',
    }),
  ],
  'style sheet': whole('CSS', ['src/{w}.css', 'styles/{w}.scss'], {
    classes: (draw) =>
      `.password-field,\n.token-input__${draw.word()} {\n  color: #${draw.hex(6)};\n  background: #${draw.hex(6)};\n}\n\n#secret-panel { margin: 0 ${draw.between(1, 30)}px; }`,
    modules: (draw) =>
      `._${draw.chars(5, 'abcdefXYZ0123')}_${draw.between(1, 99)} .api-key { font: 12px/1.5 monospace; }\n:root { --token-color-${draw.word()}: #${draw.hex(8)}; }`,
  }),
});

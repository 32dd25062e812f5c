/** Numbers that are not cards, and versions. */
import type { Draw } from '../draw.ts';
import {
  code,
  scripts,
  settings,
  c,
  csharp,
  everything,
  go,
  hcl,
  java,
  javascript,
  json,
  notebook,
  php,
  properties,
  python,
  ruby,
  rust,
  shell,
  sql,
  swift,
  toml,
  typescript,
  xml,
  yaml,
} from '../languages/index.ts';
import { shaped, assigned, kindsOf } from '../model.ts';
import { cardNumber, luhnDigit } from '../kinds/cards.ts';

const inPrograms = [...code, ...scripts, ...settings];
/** Except where a value is a default for or a comparison with something secret. */
const plainForms = (form: string) => !['written to a file', 'option apart', 'for a command'].includes(form);
const value = (names: readonly string[], make: (draw: Draw) => string, languages = inPrograms) =>
  assigned(languages, { names, value: make, forms: plainForms });

/** 16 digits that are not a card: the last digit is wrong. */
function notACard(draw: Draw): string {
  const body = draw.digits(15);
  return body + ((Number(luhnDigit(body)) + draw.between(1, 9)) % 10);
}

/** The test numbers published by payment providers. */
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
    notACard,
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

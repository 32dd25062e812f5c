/** Private keys of ciphers, signed tokens, card numbers. */
import { BASE32, BASE58, fill, type Draw } from '../draw.ts';
import { doubleQuoted } from '../languages/quoting.ts';
import {
  c,
  code,
  csharp,
  env,
  everything,
  go,
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
  shell,
  swift,
  typescript,
  yaml,
} from '../languages/index.ts';
import { assigned, kindsOf, shaped, whole, type Cell, type Language } from '../model.ts';
import { base64Of, pieces } from '../values.ts';

const PRIVATE = 'PRIVATE' + ' KEY';

/** An ASN.1 integer. */
function integer(bytes: Buffer): Buffer {
  const positive = bytes[0]! > 127 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
  return tagged(2, positive);
}

function tagged(tag: number, body: Buffer): Buffer {
  const length = body.length;
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.of(tag, ...head), body]);
}

/** Bytes in the form of an RSA key; its numbers are random, so it is the key of nothing. */
function rsaBytes(draw: Draw): Buffer {
  const size = draw.pick([128, 256]);
  const half = () => integer(draw.bytes(size / 2));
  return tagged(
    0x30,
    Buffer.concat([
      integer(Buffer.of(0)),
      integer(draw.bytes(size)),
      integer(Buffer.of(1, 0, 1)),
      integer(draw.bytes(size)),
      half(),
      half(),
      half(),
      half(),
      half(),
    ]),
  );
}

const RSA_ALGORITHM = Buffer.from('300d06092a864886f70d0101010500', 'hex');
const CURVE = Buffer.from('a00a06082a8648ce3d030107', 'hex');

/** The label of a PEM block and its bytes. */
const FORMS: Readonly<Record<string, (draw: Draw) => [string, Buffer]>> = {
  RSA: (draw) => [`RSA ${PRIVATE}`, rsaBytes(draw)],
  PKCS8: (draw) => [
    PRIVATE,
    tagged(0x30, Buffer.concat([integer(Buffer.of(0)), RSA_ALGORITHM, tagged(4, rsaBytes(draw))])),
  ],
  EC: (draw) => [
    `EC ${PRIVATE}`,
    tagged(
      0x30,
      Buffer.concat([
        integer(Buffer.of(1)),
        tagged(4, draw.bytes(32)),
        CURVE,
        tagged(0xa1, Buffer.concat([Buffer.of(3, 66, 0, 4), draw.bytes(64)])),
      ]),
    ),
  ],
  OpenSSH: (draw) => [
    `OPENSSH ${PRIVATE}`,
    Buffer.concat([
      Buffer.from('openssh-key-v1\0'),
      Buffer.from('00000004', 'hex'),
      Buffer.from('none'),
      draw.bytes(draw.between(300, 400)),
    ]),
  ],
  encrypted: (draw) => [
    `ENCRYPTED ${PRIVATE}`,
    tagged(0x30, Buffer.concat([Buffer.from('303e06092a864886f70d01050d', 'hex'), draw.bytes(600)])),
  ],
  PGP: (draw) => [`PGP ${PRIVATE} BLOCK`, Buffer.concat([Buffer.of(0x95, 0x03), draw.bytes(700)])],
};

const lines = (bytes: Buffer) => bytes.toString('base64').match(/.{1,64}/g)!;

interface Pem {
  begin: string;
  body: string[];
  end: string;
}

function pem(draw: Draw, form = draw.pick(Object.keys(FORMS))): Pem {
  const [label, bytes] = FORMS[form]!(draw);
  return { begin: `-----BEGIN ${label}-----`, body: lines(bytes), end: `-----END ${label}-----` };
}

const all = ({ begin, body, end }: Pem) => [begin, ...body, end];
const text = (draw: Draw, form?: string) => all(pem(draw, form)).join('\n');

/** A multi-line text as a multi-line literal. */
const LONG: readonly (readonly [readonly Language[], (text: string) => string])[] = [
  [[python, notebook], (long) => `PRIVATE = """${long}\n"""`],
  [[javascript, typescript], (long) => `const signer = \`${long}\n\`;`],
  [[go], (long) => `const signer = \`${long}\n\``],
  [[rust], (long) => `const SIGNER: &str = r#"${long}"#;`],
  [[csharp], (long) => `var signer = @"${long}";`],
  [[ruby], (long) => `SIGNER = <<~TEXT\n${long}\nTEXT`],
  [[php], (long) => `$signer = <<<TEXT\n${long}\nTEXT;`],
  [[kotlin, swift, java], (long) => `val signer = """\n${long}\n"""`],
  [[shell], (long) => `cat > /etc/ssl/server.txt <<EOF\n${long}\nEOF`],
  [[yaml], (long) => `tls:\n  server: |\n${long.replace(/^/gm, '    ')}`],
  [[markdown], (long) => `\`\`\`\n${long}\n\`\`\``],
];

const inLongText = (write: (draw: Draw) => string): Cell[] =>
  LONG.flatMap(([languages, wrap]) =>
    shaped(languages, { 'text of several lines': (draw) => wrap(write(draw)) }),
  );

const oneLine = (
  names: readonly string[],
  value: (draw: Draw) => string,
  languages = everything as readonly Language[],
) =>
  assigned(languages, {
    names,
    value,
    extents: ['alone', 'prefixed'],
    forms: (form) => !['comparison', 'ternary', 'LABEL'].includes(form),
  });

const NEUTRAL = ['signer', 'cert', 'server', 'pem', 'key file', 'identity'];
const KEYS = ['private key', 'ssh key', 'signing key', 'tls key', 'deploy key'];

/** Strings of one line each, concatenated in the language. */
const joinedIn = (write: (draw: Draw) => string[]): Cell[] => [
  ...shaped([python, notebook], {
    'side by side': (draw) =>
      `SIGNER = (\n${write(draw)
        .map((part) => `    ${doubleQuoted(part)}`)
        .join('\n')}\n)`,
    'joined list': (draw) =>
      `signer = "".join([\n${write(draw)
        .map((part) => `    ${doubleQuoted(part)},`)
        .join('\n')}\n])`,
    plus: (draw) => `signer = ${write(draw).map(doubleQuoted).join(' + ')}`,
  }),
  ...shaped([javascript, typescript], {
    plus: (draw) => `const signer =\n  ${write(draw).map(doubleQuoted).join(' +\n  ')};`,
    'joined list': (draw) =>
      `const signer = [\n${write(draw)
        .map((part) => `  ${doubleQuoted(part)},`)
        .join('\n')}\n].join('');`,
  }),
  ...shaped([java, kotlin, csharp, go, swift], {
    plus: (draw) =>
      fill('{w}({name} = ', draw, { name: 'signer' }) + `${write(draw).map(doubleQuoted).join(' +\n    ')});`,
  }),
  ...shaped([php], { dots: (draw) => `$signer = ${write(draw).map(doubleQuoted).join('\n    . ')};` }),
  ...shaped([c], {
    'side by side': (draw) =>
      `static const char signer[] =\n${write(draw)
        .map((part) => `    ${doubleQuoted(part)}`)
        .join('\n')};`,
  }),
];

const withBreaks = (pemOf: Pem) => all(pemOf).map((line) => `${line}\n`);

const jwt = (draw: Draw, algorithm: string = draw.pick(['HS256', 'RS256', 'ES256'])) => {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    sub: draw.digits(10),
    name: `${draw.capital()} ${draw.capital()}`,
    iat: 1_600_000_000 + draw.between(0, 1e8),
  };
  return `${encode({ alg: algorithm, typ: 'JWT' })}.${encode(claims)}.${draw.base64url(algorithm === 'RS256' ? 256 : 32)}`;
};

const coordinate = (draw: Draw) => draw.base64url(32);
const jwk = (draw: Draw) =>
  draw.pick([
    () => ({
      kty: 'EC',
      crv: 'P-256',
      x: coordinate(draw),
      y: coordinate(draw),
      d: coordinate(draw),
      kid: draw.word(),
    }),
    () => ({ kty: 'OKP', crv: 'Ed25519', d: coordinate(draw), x: coordinate(draw), use: 'sig' }),
    () => ({
      kty: 'RSA',
      n: draw.base64url(256),
      e: 'AQAB',
      d: draw.base64url(256),
      p: draw.base64url(128),
      q: draw.base64url(128),
    }),
    () => ({ kty: 'oct', alg: 'HS256', k: draw.base64url(32), kid: draw.hex(8) }),
  ])();

const SEED_WORDS =
  'abandon ability absent absorb abstract accident acoustic actor adapt adjust advance afford airport alcohol alien angle animal ankle antique apart apple arctic armor arrow artist aspect athlete atom auction august autumn average avocado awake balance balcony bamboo banner barrel basket beauty become behave believe benefit bicycle blanket blossom border bounce bracket breeze bridge bronze brother bubble buffalo burden butter cabin cactus camera canal canvas captain carbon cargo castle catalog'.split(
    ' ',
  );

export const keys = kindsOf('keys', {
  ...Object.fromEntries(
    Object.keys(FORMS).map((form) => [`${form} key in PEM`, inLongText((draw) => text(draw, form))]),
  ),
  'PEM in a file of its own': whole(
    'PEM',
    ['certs/{w}.txt', 'keys/{w}', 'docker/{w}_key'],
    Object.fromEntries(Object.keys(FORMS).map((form) => [form, (draw: Draw) => text(draw, form)])),
  ),
  'PEM with escaped line ends': oneLine([...NEUTRAL, ...KEYS], (draw) => `${text(draw)}\n`, [
    python,
    javascript,
    typescript,
    go,
    java,
    json,
    c,
    kotlin,
  ]),
  'PEM on one line of settings': shaped([env, properties], {
    'escaped line ends': (draw) =>
      `${draw.pick(['TLS_KEY', 'GH_APP_KEY', 'SIGNER'])}="${text(draw).replaceAll('\n', '\\n')}"`,
  }),
  'key without its head': inLongText((draw) =>
    pem(draw, draw.pick(['RSA', 'PKCS8', 'OpenSSH', 'EC'])).body.join('\n'),
  ),
  'key without its head, on one line': oneLine(KEYS, (draw) =>
    pem(draw, draw.pick(['RSA', 'PKCS8', 'EC'])).body.join(''),
  ),
  'PEM in base64': oneLine([...NEUTRAL, ...KEYS], (draw) => base64Of(`${text(draw)}\n`)),
  'PEM in pieces': joinedIn((draw) => withBreaks(pem(draw))),
  'PEM in pieces, without its head': joinedIn((draw) => pem(draw, draw.pick(['RSA', 'PKCS8'])).body),
  'service account': whole('JSON', ['config/{w}-service-account.json', 'gcp/{w}.json'], {
    account: (draw) =>
      JSON.stringify(
        {
          type: 'service_account',
          project_id: draw.word(),
          private_key_id: draw.hex(40),
          private_key: `${text(draw, 'PKCS8')}\n`,
          client_email: `${draw.word()}@${draw.word()}.iam.gserviceaccount.com`,
        },
        null,
        2,
      ),
  }),
  'PuTTY key': whole('PuTTY', ['keys/{w}.txt'], {
    'version 2': (draw) =>
      `PuTTY-User-${'Key'}-File-2: ssh-rsa\nEncryption: none\nComment: ${draw.word()}\nPublic-Lines: 2\n${lines(draw.bytes(90)).join('\n')}\nPrivate-Lines: 3\n${lines(draw.bytes(140)).join('\n')}\nPrivate-MAC: ${draw.hex(40)}`,
  }),
  'private JWK': [
    ...shaped([javascript, typescript], {
      object: (draw) => `const {w} = ${JSON.stringify(jwk(draw), null, 2)};`.replace('{w}', draw.word()),
      'on one line': (draw) => `importJWK(${JSON.stringify(jwk(draw))});`,
    }),
    ...shaped([python, notebook], { dictionary: (draw) => `signer = ${JSON.stringify(jwk(draw), null, 4)}` }),
    ...shaped([json], {
      'set of keys': (draw) => `"keys": [${JSON.stringify(jwk(draw), null, 2)}]`,
      alone: (draw) => `"jwk": ${JSON.stringify(jwk(draw))}`,
    }),
    ...shaped([go], { text: (draw) => `var signer = \`${JSON.stringify(jwk(draw))}\`` }),
    ...shaped([shell], { variable: (draw) => `export SIGNER='${JSON.stringify(jwk(draw))}'` }),
  ],
  'key of a wallet (xprv)': oneLine(
    ['wallet', 'root', 'account', 'hd node', 'master'],
    (draw) => `${'xpr' + 'v9s21ZrQH143K'}${draw.chars(98, BASE58)}`,
  ),
  'key of a wallet (WIF)': oneLine(
    ['wif', 'wallet wif', 'private key wif'],
    (draw) => `${draw.pick(['5', 'K', 'L'])}${draw.chars(51, BASE58)}`,
  ),
  'words of a wallet': oneLine(
    ['mnemonic', 'seed phrase', 'recovery phrase', 'wallet mnemonic'],
    (draw) => Array.from({ length: draw.pick([12, 24]) }, () => draw.pick(SEED_WORDS)).join(' '),
    [...code, json, yaml, env],
  ),
  'age key': oneLine(
    ['identity', 'age', 'sops key'],
    (draw) => `AGE-SECRET-${'KEY-1'}${draw.chars(58, 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L')}`,
  ),
  'address of a one-time password': oneLine(
    ['qr code', 'enrolment', 'uri', 'link'],
    (draw) =>
      `otpauth://totp/${draw.capital()}:${draw.word()}@${draw.word()}.net?secret=${draw.chars(32, BASE32)}&issuer=${draw.capital()}`,
  ),
  'key of WireGuard': oneLine(['wireguard private key', 'wg private key'], (draw) => draw.base64(32)),
  'bytes of a key': [
    ...shaped([c], {
      array: (draw) => `static const uint8_t aes_key[16] = { ${bytesOf(draw, 16)} };`,
      'private key': (draw) => `const unsigned char private_key[32] = {\n    ${bytesOf(draw, 32)}\n};`,
    }),
    ...shaped([java, csharp], { array: (draw) => `byte[] encryptionKey = { ${bytesOf(draw, 16)} };` }),
    ...shaped([python, notebook], {
      escapes: (draw) =>
        `AES_KEY = b"${[...draw.bytes(16)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}"`,
      hex: (draw) => `secret_key = bytes.fromhex("${draw.hex(64)}")`,
    }),
    ...shaped([go], { array: (draw) => `var signingKey = []byte{${bytesOf(draw, 32)}}` }),
    ...shaped([rust], { array: (draw) => `const SECRET_KEY: [u8; 32] = [${bytesOf(draw, 32)}];` }),
  ],
  'signed token': oneLine(['session', 'jwt', 'id', 'user', 'value', 'cookie'], (draw) => jwt(draw)),
  'signed token in a URL': oneLine(
    ['url', 'link', 'callback'],
    (draw) => `https://${draw.word()}.net/in?${draw.pick(['token', 'jwt', 'state', 't'])}=${jwt(draw)}`,
  ),
  'signed token in pieces': joinedIn((draw) =>
    draw.chance(0.5) ? jwt(draw).split(/(?<=\.)/) : pieces(draw, jwt(draw), draw.between(2, 4)),
  ),
});

const bytesOf = (draw: Draw, count: number) =>
  [...draw.bytes(count)].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(', ');

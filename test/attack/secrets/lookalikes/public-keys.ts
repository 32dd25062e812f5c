/** Public keys, certificates and addresses. */
import { BASE58, type Draw } from '../draw.ts';
import {
  everything,
  go,
  hcl,
  java,
  javascript,
  json,
  markdown,
  notebook,
  python,
  ruby,
  shell,
  toml,
  typescript,
  yaml,
} from '../languages/index.ts';
import { assigned, kindsOf, shaped, whole, type Language } from '../model.ts';
import { host } from '../values.ts';

const wrapped = (bytes: Buffer) =>
  bytes
    .toString('base64')
    .match(/.{1,64}/g)!
    .join('\n');
const block = (label: string, bytes: Buffer) =>
  `-----BEGIN ${label}-----\n${wrapped(bytes)}\n-----END ${label}-----`;
const publicText = (draw: Draw) =>
  draw.pick([
    () =>
      block(
        'PUBLIC KEY',
        Buffer.concat([
          Buffer.from('30820122300d06092a864886f70d01010105000382010f00', 'hex'),
          draw.bytes(260),
        ]),
      ),
    () =>
      block(
        'CERTIFICATE',
        Buffer.concat([Buffer.from('308203a53082028da003020102020900', 'hex'), draw.bytes(600)]),
      ),
    () => block('RSA PUBLIC KEY', Buffer.concat([Buffer.from('3082010a0282010100', 'hex'), draw.bytes(260)])),
    () => block('CERTIFICATE REQUEST', draw.bytes(400)),
    () => block('PGP PUBLIC KEY BLOCK', Buffer.concat([Buffer.of(0x99, 0x01), draw.bytes(500)])),
    () => block('DH PARAMETERS', draw.bytes(260)),
    () => block('PGP SIGNATURE', draw.bytes(300)),
  ])();
const ssh = (draw: Draw) =>
  draw.pick([
    () =>
      `ssh-ed25519 ${Buffer.concat([Buffer.from('0000000b', 'hex'), Buffer.from('ssh-ed25519'), Buffer.from('00000020', 'hex'), draw.bytes(32)]).toString('base64')} ${draw.word()}@${draw.word()}`,
    () =>
      `ssh-rsa ${Buffer.concat([Buffer.from('00000007', 'hex'), Buffer.from('ssh-rsa'), Buffer.from('0000000301000100000181', 'hex'), draw.bytes(270)]).toString('base64')} ${draw.word()}@${draw.word()}`,
  ])();

const PUBLIC_NAMES = [
  'public key',
  'certificate',
  'verification key',
  'ca cert',
  'trusted cert',
  'signing public key',
];
const BLOCKS: readonly (readonly [readonly Language[], (text: string) => string])[] = [
  [[python, notebook], (text) => `PUBLIC_KEY = """${text}\n"""`],
  [[javascript, typescript], (text) => `export const publicKey = \`${text}\n\`;`],
  [[go], (text) => `const certificate = \`${text}\n\``],
  [[yaml], (text) => `tls:\n  ca: |\n${text.replace(/^/gm, '    ')}`],
  [[markdown], (text) => `\`\`\`\n${text}\n\`\`\``],
  [[ruby], (text) => `CERTIFICATE = <<~PEM\n${text}\nPEM`],
  [[shell], (text) => `cat > ca.crt <<'EOF'\n${text}\nEOF`],
];

/** Where values of public keys are tried. */
const shared = [json, yaml, toml, typescript, javascript, python, go];
const once = {
  extents: ['alone'] as const,
  forms: (form: string) => !['comparison', 'flow mapping'].includes(form),
};

export const publicKeys = kindsOf('public keys', {
  'public key or certificate in PEM': [
    ...BLOCKS.flatMap(([languages, wrap]) =>
      shaped(languages, { 'text of several lines': (draw) => wrap(publicText(draw)) }),
    ),
    ...whole('PEM', ['certs/{w}-ca.txt', 'keys/{w}.pub.txt'], { file: publicText }),
  ],
  'public key on one line': assigned([json, javascript, typescript, python, java, go], {
    names: PUBLIC_NAMES,
    value: publicText,
    extents: ['alone'],
    forms: (form) => !['comparison'].includes(form),
  }),
  'SSH public key': assigned([yaml, json, hcl, shell, python, typescript, markdown], {
    names: ['ssh public key', 'public key', 'authorized key', 'ssh authorized keys', 'host key'],
    value: ssh,
    extents: ['alone', 'prefixed'],
    forms: (form) => form !== 'comparison' && form !== 'flow mapping',
  }),
  'known hosts': whole('known_hosts', ['ci/known_hosts', 'ssh/known_hosts.txt'], {
    lines: (draw) =>
      `${draw.word()}.net,${host(draw)} ${ssh(draw).split(' ').slice(0, 2).join(' ')}\n|1|${draw.base64(20)}|${draw.base64(20)} ${ssh(draw).split(' ').slice(0, 2).join(' ')}`,
  }),
  fingerprint: assigned(everything, {
    names: [
      'fingerprint',
      'key fingerprint',
      'thumbprint',
      'cert fingerprint',
      'host key fingerprint',
      'certificate sha1',
    ],
    value: (draw) =>
      draw.pick([
        () => `SHA256:${draw.base64(32).replace(/=+$/, '')}`,
        () => Array.from({ length: 20 }, () => draw.hex(2).toUpperCase()).join(':'),
        () => draw.hex(40).toUpperCase(),
      ])(),
    extents: ['alone', 'prefixed'],
  }),
  'public JWK': [
    ...shaped([json], {
      set: (draw) =>
        `"keys": [{ "kty": "RSA", "use": "sig", "kid": "${draw.hex(16)}", "n": "${draw.base64url(256)}", "e": "AQAB" }]`,
      EC: (draw) =>
        `"jwk": { "kty": "EC", "crv": "P-256", "x": "${draw.base64url(32)}", "y": "${draw.base64url(32)}" }`,
    }),
    ...shaped([javascript, typescript, python, notebook], {
      object: (draw) =>
        `key = {"kty": "OKP", "crv": "Ed25519", "x": "${draw.base64url(32)}", "kid": "${draw.word()}"}`,
    }),
  ],
  'public key of others': assigned(shared, {
    names: ['vapid public key', 'public key', 'wg public key', 'peer public key', 'verify public key'],
    value: (draw) => draw.pick([() => `B${draw.base64url(64)}`, () => draw.base64(32)])(),
    ...once,
  }),
  'public record': assigned(shared, {
    names: ['age recipient', 'recipient', 'public', 'account xpub', 'dns record'],
    value: (draw) =>
      draw.pick([
        () => `age1${draw.chars(58, 'qpzry9x8gf2tvdw0s3jn54khce6mua7l')}`,
        () => `v=DKIM1; k=rsa; p=${draw.base64(162)}`,
        () => `xpub6${draw.chars(106, BASE58)}`,
      ])(),
    ...once,
  }),
  'address of a wallet': assigned(shared, {
    names: ['contract address', 'wallet address', 'recipient', 'token address', 'owner'],
    value: (draw) =>
      draw.pick([
        () => `0x${draw.hex(40)}`,
        () => `bc1q${draw.chars(38, 'qpzry9x8gf2tvdw0s3jn54khce6mua7l')}`,
      ])(),
    ...once,
  }),
  'id of a transaction': assigned(shared, {
    names: ['tx hash', 'transaction hash', 'block hash'],
    value: (draw) => `0x${draw.hex(64)}`,
    ...once,
  }),
});

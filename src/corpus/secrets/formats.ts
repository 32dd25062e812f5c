/** Secrets recognised by their format, wherever they occur: tokens with a prefix, keys, cards. */
import { entropy, randomBits } from './randomness.ts';
import type { Rule } from './rule.ts';
import { isAlphabet, isPassedPassword } from './values.ts';

/** As opposed to `xxxx` or the like, by gitleaks' limit for most tokens; random tokens are well above it. */
const isRandom = (token: string) => entropy(token) > 3;

/** Words that precede the random part of a token. */
const TOKEN_PREFIX =
  'sk|pat|oat|token|tkn|secret|api|apikey|key|live|prod|pw|auth|access|refresh|svc|sat|aat|deploy|bot|session|v1|v2';

/** gitleaks knows some of these, but only before a quote, space or semicolon. The comments say what it would miss. */
const tokens: readonly Rule[] = [
  // In a URL: `js?key=AIza...&callback=`.
  { id: 'google-api-key', clues: ['aiza'], pattern: /\bAIza[\w-]{35}(?![\w-])/g, isMatch: isRandom },
  { id: 'google-oauth-secret', clues: ['gocspx-'], pattern: /\bGOCSPX-[\w-]{24,}/g, isMatch: isRandom },
  {
    id: 'google-oauth-token',
    clues: ['ya29.', '1//0'],
    pattern: /\bya29\.[\w-]{20,}|\b1\/\/0[\w-]{35,}/g,
    isMatch: isRandom,
  },
  {
    id: 'fcm-key',
    clues: ['aaaa', 'apa91b'],
    pattern: /\bAAAA[\w-]{7}:[\w-]{100,}|\bAPA91b[\w-]{60,}/g,
    isMatch: isRandom,
  },
  // As an option of curl: `-u sk_live_...:`.
  {
    id: 'stripe-live-key',
    clues: ['k_live_'],
    pattern: /\b[rs]k_live_[A-Za-z0-9]{16,}\b/g,
    isMatch: isRandom,
  },
  { id: 'webhook-secret', clues: ['whsec_'], pattern: /\bwhsec_[A-Za-z0-9+/=]{24,}/g, isMatch: isRandom },
  { id: 'square-secret', clues: ['sq0'], pattern: /\bsq0(?:csp|atp)-[\w-]{20,}/g, isMatch: isRandom },
  // With digits in it.
  { id: 'hugging-face-token', clues: ['hf_'], pattern: /\bhf_[A-Za-z0-9]{30,}\b/g, isMatch: isRandom },
  { id: 'replicate-token', clues: ['r8_'], pattern: /\br8_[A-Za-z0-9]{30,}\b/g, isMatch: isRandom },
  { id: 'groq-key', clues: ['gsk_'], pattern: /\bgsk_[A-Za-z0-9]{40,}\b/g, isMatch: isRandom },
  {
    id: 'telegram-bot-token',
    clues: [':aa'],
    pattern: /\b\d{8,10}:AA[\w-]{33}(?![\w-])/g,
    isMatch: isRandom,
  },
  {
    id: 'discord-token',
    clues: ['.'],
    pattern: /\b[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}(?![\w-])/g,
    isMatch: isRandom,
  },
  {
    id: 'discord-webhook',
    clues: ['/api/webhooks/'],
    pattern: /\bdiscord(?:app)?\.com\/api\/webhooks\/\d{16,20}\/[\w-]{60,}/g,
  },
  { id: 'twilio-key', clues: ['sk', 'ac'], pattern: /\b(?:SK|AC)[\da-f]{32}\b/g, isMatch: isRandom },
  {
    id: 'mailgun-key',
    clues: ['key-'],
    pattern: /\bkey-[\da-f]{32}\b/g,
    isMatch: (value) => entropy(value.slice(4)) > 3,
  },
  { id: 'mailchimp-key', clues: ['-us'], pattern: /\b[\da-f]{32}-us\d{1,2}\b/g, isMatch: isRandom },
  { id: 'docker-token', clues: ['dckr_'], pattern: /\bdckr_[a-z]{3}_[\w-]{20,}/g, isMatch: isRandom },
  {
    id: 'atlassian-token',
    clues: ['atatt3', 'atctt3', 'atbb'],
    pattern: /\b(?:AT[AC]TT3x[\w=-]{40,}|ATBB[A-Za-z0-9]{28,})/g,
    isMatch: isRandom,
  },
  { id: 'databricks-token', clues: ['dapi'], pattern: /\bdapi[\da-f]{32}\b/g, isMatch: isRandom },
  // For an index other than pypi.org.
  { id: 'pypi-token', clues: ['pypi-'], pattern: /\bpypi-[A-Za-z0-9_-]{50,}/g, isMatch: isRandom },
  // A root token, which is short, and a recovery token.
  {
    id: 'vault-token',
    clues: ['hvs.', 'hvb.', 'hvr.'],
    pattern: /\bhv[sbr]\.[\w-]{24,}/g,
    isMatch: isRandom,
  },
  { id: 'azure-key', clues: ['key='], pattern: /\b(?:Account|SharedAccess)Key=[A-Za-z0-9+/]{43,86}={1,2}/g },
  { id: 'azure-sas', clues: ['sig='], pattern: /[?&;]sig=[A-Za-z0-9%+/]{40,}(?:%3D|=)/gi },
  {
    id: 'azure-client-secret',
    clues: ['q~'],
    pattern: /(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~-])/g,
    isMatch: isRandom,
  },
  { id: 'artifactory-key', clues: ['akcp'], pattern: /\bAKCp[A-Za-z\d]{60,}\b/g, isMatch: isRandom },
  {
    id: 'crates-token',
    clues: ['cio'],
    pattern: /\bcio[A-Za-z\d]{32}\b/g,
    isMatch: (value) => isRandom(value) && randomBits(value) > 20,
  },
  {
    id: 'circleci-token',
    clues: ['ccipat_', 'cciprj_'],
    pattern: /\bCCIP(?:AT|RJ)_[A-Za-z\d]{22}_[\da-f]{40}\b/g,
  },
  { id: 'asana-token', clues: ['1/', '2/'], pattern: /\b[12]\/\d{12,20}(?:\/\d{12,20})?:[\da-f]{32}\b/g },
  {
    id: 'new-relic-key',
    clues: ['ffffnral', 'nra'],
    pattern: /\b[\da-f]{32,36}FFFFNRAL\b|\bNRA[A-Z]{1,2}-[A-Z\d]{24,}\b/g,
    isMatch: isRandom,
  },
  {
    id: 'flutterwave-key',
    clues: ['flwsec'],
    pattern: /\bFLWSECK(?:_TEST)?-[\da-f]{32}-X\b/g,
    isMatch: isRandom,
  },
  { id: 'dropbox-token', clues: ['sl.'], pattern: /(?<![\w.])sl\.(?:u\.)?[\w-]{60,}/g, isMatch: isRandom },
  { id: 'airtable-token', clues: ['pat'], pattern: /\bpat[A-Za-z\d]{14}\.[\da-f]{64}\b/g },
  {
    id: 'yandex-key',
    clues: ['aqvn', 'ycaj', 'y0_', 't1.'],
    pattern: /\bAQVN[\w-]{35,}|\bYC[AM][\w-]{30,}|\by0_[\w-]{50,}|\bt1\.[\w-]{20,}={0,2}\.[\w-]{60,}/g,
    isMatch: isRandom,
  },
  { id: 'mapbox-token', clues: ['sk.eyj'], pattern: /\bsk\.eyJ[\w-]{20,}\.[\w-]{20,}/g },
  {
    id: 'launchdarkly-key',
    clues: ['sdk-', 'mob-', 'api-', 'pat-'],
    pattern: /\b(?:sdk|mob|api|pat-[a-z]{2}\d)-[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b/g,
  },
  { id: 'postman-key', clues: ['pmak-'], pattern: /\bPMAK-[\da-f]{24}-[\da-f]{34}\b/g },
  { id: 'cloudflare-ca-key', clues: ['v1.0-'], pattern: /\bv1\.0-[\da-f]{24}-[\da-f]{100,}\b/g },
  { id: 'nuget-key', clues: ['oy2'], pattern: /\boy2[a-z2-7]{43}\b/g, isMatch: isRandom },
  {
    id: 'wallet-key',
    clues: ['k', 'l', '5', 'c', '9'],
    pattern: /(?<![\w+/=-])(?:[5KL9c][1-9A-HJ-NP-Za-km-z]{50,51})(?![\w+/=-])/g,
    isMatch: (value) => randomBits(value) > 30 && /\d/.test(value) && entropy(value) > 4,
  },
  {
    id: 'extended-private-key',
    clues: ['prv'],
    pattern: /\b[tuvxyz]prv[1-9A-HJ-NP-Za-km-z]{90,}/g,
    isMatch: isRandom,
  },
  {
    id: 'token',
    clues: ['_', '-'],
    pattern: new RegExp(
      String.raw`(?<![\w./+-])(?:[A-Za-z][A-Za-z\d]{1,11}[-_]){0,2}(?:${TOKEN_PREFIX})[-_](?:[a-z]{1,6}[-_]?v?\d{1,2}[-_]|v?\d[-_])?([A-Za-z\d_-]{20,300})(?![\w.])`,
      'g',
    ),
    isMatch: (value) => randomBits(value) > 30 && /\d/.test(value) && isRandom(value),
  },
];

/** Not applied to concatenated pieces, which only look random. */
export const unknownTokens: readonly Rule[] = [
  // An unknown issuer's prefix, and a body that is too long for an id. No token is longer than 300.
  {
    id: 'token',
    clues: ['_', '-'],
    pattern:
      /(?<![\w./+]|(?<!:)-)(?!(?:sha|md|rev|commit|chunk|build|img|image|asset|css|file|msg|chatcmpl|thread|run|resp|call|req|evt)\d{0,3}[-_])(?:[a-z][a-z\d]{2,7}|[A-Z]{2,8})[-_]([A-Za-z\d_-]{32,300})(?![\w./+-])/g,
    isMatch: (body, [token]) =>
      randomBits(body) > 30 && /\d/.test(body) && isRandom(body) && !isId(token) && !isAlphabet(token),
  },
];

/** Words followed by a UUID or a checksum. */
function isId(value: string): boolean {
  if (/[\da-f]{8}(?:[-_][\da-f]{4}){3}/i.test(value)) return true;
  const words = value.replace(/[\da-f]{32,}$/, '');
  return words !== value && /[_-].*[g-zG-Z_-]/.test(words);
}

const decode = (value: string) => Buffer.from(value, 'base64').toString('latin1');

/** The header of a token, with its payload nearby: `head + "." + body`. */
const isSplitToken = (value: string, { input, index }: RegExpExecArray) =>
  /"alg"/.test(decode(value)) &&
  /["'`.]eyJ[\w-]{10,}/.test(input.slice(index + value.length, index + value.length + 1000));

const webTokens: readonly Rule[] = [
  // In a URL, and with "-" or "_" in its first part.
  { id: 'jwt', clues: ['eyj'], pattern: /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}/g, isMatch: isRandom },
  { id: 'jwt', clues: ['eyj'], pattern: /\beyJ[\w-]{10,}/g, isMatch: isSplitToken },
  {
    id: 'jwk',
    clues: ['kty'],
    pattern: /(?<![\w-])(?:d|k)["']?\s{0,4}:\s{0,4}["']([\w-]{20,})["']/g,
    isMatch: (value, { input, index }) =>
      /\bkty\b/.test(input.slice(Math.max(0, index - 3000), index + 3000)) && isRandom(value),
  },
];

const BASE64 = String.raw`[A-Za-z\d+/]`;
/** Between the lines of a key: line ends (also escaped), quotes, concatenation operators, indentation, comments. */
const SEAM = String.raw`(?:\\[nr]|[\s"'\`+.,\\#*/]){1,40}`;

/** Whether DER begins with a version, as in private keys, as opposed to certificates and public keys. */
function beginsPrivateKey(base64: string): boolean {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes[0] !== 0x30) return false;
  const at = bytes[1]! & 0x80 ? 2 + (bytes[1]! & 0x7f) : 2;
  if (bytes[at] === 0x02) return bytes[at + 1] === 1;
  // Encrypted by a method of PKCS #5 or #12.
  return (
    bytes.subarray(at, at + 24).includes(Buffer.from('2a864886f70d01', 'hex')) &&
    [5, 12].includes(bytes[bytes.indexOf(Buffer.from('2a864886f70d01', 'hex')) + 7]!)
  );
}

const keys: readonly Rule[] = [
  { id: 'putty-key', clues: ['putty-user-key'], pattern: /\bPuTTY-User-Key-File-\d/g },
  // Without its end, which a program may add.
  {
    id: 'private-key',
    clues: ['private key'],
    pattern: /-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|[^\w-]){0,200}[\w+/=]{16}/g,
  },
  // A PGP block and an encrypted PEM begin with headers.
  {
    id: 'private-key',
    clues: ['private key'],
    pattern:
      /-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|[^\w-]){0,200}(?:Version|Comment|Proc-Type|DEK-Info): /g,
  },
  // Without its first line.
  {
    id: 'private-key',
    clues: ['mi', 'mhcca', 'mhqca', 'mdecaq', 'mc4caq', 'b3blbnnzac1rzxktdjE'.toLowerCase()],
    pattern: new RegExp(
      String.raw`(?<![\w+/=-])(?:M[ICH][A-Za-z\d]${BASE64}{35,}|b3BlbnNzaC1rZXktdjE${BASE64}{20,})`,
      'g',
    ),
    isMatch: (value) => value.startsWith('b3') || beginsPrivateKey(value),
  },
  {
    id: 'private-key',
    clues: ['mi'],
    pattern: new RegExp(String.raw`(?<![\w+/=-])MI${BASE64}{62}${SEAM}${BASE64}{64}(?!${BASE64})`, 'g'),
    isMatch: (value, { input, index }) =>
      !isPublic(value) && !/-----BEGIN|cert|public|data:/i.test(input.slice(Math.max(0, index - 120), index)),
  },
  // A PEM file in base64.
  {
    id: 'private-key',
    clues: ['ls0tls1crudjti'],
    pattern: /LS0tLS1CRUdJTi[\w+/]{20,}/g,
    isMatch: (value) => decode(value).includes('PRIVATE KEY'),
  },
];

/** A certificate or a public key: the length is followed by another sequence. */
const isPublic = (base64: string) => {
  const bytes = Buffer.from(base64.slice(0, 16), 'base64');
  return bytes[2 + (bytes[1]! & 0x7f)] === 0x30;
};

const files: readonly Rule[] = [
  {
    id: 'kubeconfig',
    clues: ['client-key-data'],
    pattern: /\bclient-key-data["']?:\s*["']?[A-Za-z0-9+/=]{40,}/g,
  },
  {
    id: 'kubernetes-secret',
    clues: ['secret'],
    pattern:
      /\bkind["']?:\s*["']?Secret\b[^]{0,2000}?\b(?:stringData|data)["']?:\s*\{?(?:\s*["']?[\w.-]+["']?:\s*["']?(?:[\w+/=-]{8,})["']?,?)/g,
  },
  { id: 'docker-auth', clues: ['"auth"'], pattern: /"auth"\s*:\s*"[A-Za-z0-9+/]{12,}={0,2}"/g },
  {
    id: 'netrc',
    clues: ['machine'],
    pattern: /\bmachine\s+\S+\s+login\s+\S+\s+password\s+(\S+)/g,
    isMatch: isPassedPassword,
  },
  // host:port:database:user:password
  {
    id: 'pgpass',
    clues: [':'],
    pattern: /^[\w.*-]{1,80}:(?:\d{2,5}|\*):[\w*-]{1,60}:[\w.*-]{1,60}:(\S{4,100})$/gm,
    isMatch: isPassedPassword,
  },
  // Lines of user:password: of cloud-init, and for chpasswd.
  {
    id: 'chpasswd',
    clues: ['chpasswd'],
    pattern:
      /\bchpasswd\b[^\n]{0,60}\n(?:[ \t]*(?:list|users|expire|type):[^\n]{0,20}\n){0,3}(?:[ \t]*(?:- )?[\w.-]{1,40}:(?:R|RANDOM)\n){0,5}[ \t]*(?:- )?["']?[\w.-]{1,40}:([^\s"']{4,100})/g,
    isMatch: isPassedPassword,
  },
  {
    id: 'htpasswd',
    clues: [':$', ':{ssha', ':{sha'],
    pattern: /^[\w.@-]+:(?:\$(?:apr1|2[abxy]|5|6)\$\S{20,}|\{SSHA?\}[\w+/=]{20,})/gm,
  },
  {
    id: 'terraform-state',
    clues: ['random_password', 'random_string', 'terraform_version'],
    pattern: /"(?:result|bcrypt_hash|private_key_pem|secret_string|value)"\s*:\s*"([^"\n]{8,400})"/g,
    isMatch: isPassedPassword,
  },
];

/** Published test card numbers, except those with many equal digits. */
const TEST_CARDS = new Set([
  '378282246310005',
  '371449635398431',
  '378734493671000',
  '30569309025904',
  '38520000023237',
  '36227206271667',
  '6011000990139424',
  '3530111333300000',
  '3566002020360505',
  '2223003122003222',
  '2223000048410010',
  '6011981111111113',
  '4012888888881881',
  '4917610000000000',
  '5019717010103742',
  '6304000000000000',
]);

/** Payment card numbers by prefix and length. */
const CARD =
  /^(?:4\d{15}|(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)\d+|3[47]\d{13}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11})$/;

function isCard(written: string, { input, index }: RegExpExecArray): boolean {
  const number = written.replace(/\D/g, '');
  if (!CARD.test(number) || (/^[52]/.test(number) && number.length !== 16)) return false;
  if (new Set(number).size <= 4 || TEST_CARDS.has(number) || /^4000\d{2}0{2}|(\d)\1{5}/.test(number))
    return false;
  const digits = [...number].reverse().map(Number);
  const sum = digits.reduce(
    (total, digit, at) => total + (at % 2 ? (digit * 2 > 9 ? digit * 2 - 9 : digit * 2) : digit),
    0,
  );
  if (sum % 10 !== 0) return false;
  // One number in ten passes the checksum by chance, so one without spaces needs a word or quotes.
  const line = input
    .slice(Math.max(0, index - 100), index)
    .split('\n')
    .at(-1)!;
  const after = input[index + written.length];
  return (
    written !== number ||
    (/["'`]$/.test(line) && /["'`]/.test(after ?? '')) ||
    /card|\bcc\b|ccn|\bpan\b|visa|master|amex|karte|tarjeta|carte|carta|cartao|kredi|credit/i.test(line)
  );
}

const cards: readonly Rule[] = [
  {
    id: 'card-number',
    clues: ['3', '4', '5', '6', '2'],
    pattern:
      /(?<![\w.,+-]|\d )[2-6]\d{3}(?:(?: \d{4}){3}|(?:-\d{4}){3}|\d{9,12}|[ -]\d{6}[ -]\d{5})(?![\w.+-]| \d)/g,
    isMatch: isCard,
  },
];

export const formats: readonly Rule[] = [...tokens, ...webTokens, ...keys, ...files, ...cards];

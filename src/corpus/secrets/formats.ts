/** Secrets recognised by their format, wherever they occur: tokens with a prefix, keys, cards. */
import { entropy, randomBits } from './randomness.ts';
import { rule, type Rule } from './rule.ts';
import { isAlphabet, isPassedPassword } from './values.ts';

/** As opposed to `xxxx` or the like, by gitleaks' limit for most tokens; random tokens are well above it. */
const isRandom = (token: string) => entropy(token) > 3;

/** Words that precede the random part of a token. */
const TOKEN_PREFIX =
  'sk|pat|oat|token|tkn|secret|api|apikey|key|live|prod|pw|auth|access|refresh|svc|sat|aat|deploy|bot|session|v1|v2';

/** gitleaks knows some of these, but only before a quote, space or semicolon. The comments say what it would miss. */
const tokens: readonly Rule[] = [
  // In a URL: `js?key=AIza...&callback=`.
  rule('google-api-key', ['aiza'], /\bAIza[\w-]{35}(?![\w-])/g, isRandom),
  rule('google-oauth-secret', ['gocspx-'], /\bGOCSPX-[\w-]{24,}/g, isRandom),
  rule('google-oauth-token', ['ya29.', '1//0'], /\bya29\.[\w-]{20,}|\b1\/\/0[\w-]{35,}/g, isRandom),
  rule('fcm-key', ['aaaa', 'apa91b'], /\bAAAA[\w-]{7}:[\w-]{100,}|\bAPA91b[\w-]{60,}/g, isRandom),
  // As an option of curl: `-u sk_live_...:`.
  rule('stripe-live-key', ['k_live_'], /\b[rs]k_live_[A-Za-z0-9]{16,}\b/g, isRandom),
  rule('webhook-secret', ['whsec_'], /\bwhsec_[A-Za-z0-9+/=]{24,}/g, isRandom),
  rule('square-secret', ['sq0'], /\bsq0(?:csp|atp)-[\w-]{20,}/g, isRandom),
  // With digits in it.
  rule('hugging-face-token', ['hf_'], /\bhf_[A-Za-z0-9]{30,}\b/g, isRandom),
  rule('replicate-token', ['r8_'], /\br8_[A-Za-z0-9]{30,}\b/g, isRandom),
  rule('groq-key', ['gsk_'], /\bgsk_[A-Za-z0-9]{40,}\b/g, isRandom),
  rule('telegram-bot-token', [':aa'], /\b\d{8,10}:AA[\w-]{33}(?![\w-])/g, isRandom),
  rule('discord-token', ['.'], /\b[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}(?![\w-])/g, isRandom),
  rule(
    'discord-webhook',
    ['/api/webhooks/'],
    /\bdiscord(?:app)?\.com\/api\/webhooks\/\d{16,20}\/[\w-]{60,}/g,
  ),
  rule('twilio-key', ['sk', 'ac'], /\b(?:SK|AC)[\da-f]{32}\b/g, isRandom),
  rule('mailgun-key', ['key-'], /\bkey-[\da-f]{32}\b/g, (value) => entropy(value.slice(4)) > 3),
  rule('mailchimp-key', ['-us'], /\b[\da-f]{32}-us\d{1,2}\b/g, isRandom),
  rule('docker-token', ['dckr_'], /\bdckr_[a-z]{3}_[\w-]{20,}/g, isRandom),
  rule(
    'atlassian-token',
    ['atatt3', 'atctt3', 'atbb'],
    /\b(?:AT[AC]TT3x[\w=-]{40,}|ATBB[A-Za-z0-9]{28,})/g,
    isRandom,
  ),
  rule('databricks-token', ['dapi'], /\bdapi[\da-f]{32}\b/g, isRandom),
  // For an index other than pypi.org.
  rule('pypi-token', ['pypi-'], /\bpypi-[A-Za-z0-9_-]{50,}/g, isRandom),
  // A root token, which is short, and a recovery token.
  rule('vault-token', ['hvs.', 'hvb.', 'hvr.'], /\bhv[sbr]\.[\w-]{24,}/g, isRandom),
  rule('azure-key', ['key='], /\b(?:Account|SharedAccess)Key=[A-Za-z0-9+/]{43,86}={1,2}/g),
  rule('azure-sas', ['sig='], /[?&;]sig=[A-Za-z0-9%+/]{40,}(?:%3D|=)/gi),
  rule('azure-client-secret', ['q~'], /(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~-])/g, isRandom),
  rule('artifactory-key', ['akcp'], /\bAKCp[A-Za-z\d]{60,}\b/g, isRandom),
  rule(
    'crates-token',
    ['cio'],
    /\bcio[A-Za-z\d]{32}\b/g,
    (value) => isRandom(value) && randomBits(value) > 20,
  ),
  rule('circleci-token', ['ccipat_', 'cciprj_'], /\bCCIP(?:AT|RJ)_[A-Za-z\d]{22}_[\da-f]{40}\b/g),
  rule('asana-token', ['1/', '2/'], /\b[12]\/\d{12,20}(?:\/\d{12,20})?:[\da-f]{32}\b/g),
  rule(
    'new-relic-key',
    ['ffffnral', 'nra'],
    /\b[\da-f]{32,36}FFFFNRAL\b|\bNRA[A-Z]{1,2}-[A-Z\d]{24,}\b/g,
    isRandom,
  ),
  rule('flutterwave-key', ['flwsec'], /\bFLWSECK(?:_TEST)?-[\da-f]{32}-X\b/g, isRandom),
  rule('dropbox-token', ['sl.'], /(?<![\w.])sl\.(?:u\.)?[\w-]{60,}/g, isRandom),
  rule('airtable-token', ['pat'], /\bpat[A-Za-z\d]{14}\.[\da-f]{64}\b/g),
  rule(
    'yandex-key',
    ['aqvn', 'ycaj', 'y0_', 't1.'],
    /\bAQVN[\w-]{35,}|\bYC[AM][\w-]{30,}|\by0_[\w-]{50,}|\bt1\.[\w-]{20,}={0,2}\.[\w-]{60,}/g,
    isRandom,
  ),
  rule('mapbox-token', ['sk.eyj'], /\bsk\.eyJ[\w-]{20,}\.[\w-]{20,}/g),
  rule(
    'launchdarkly-key',
    ['sdk-', 'mob-', 'api-', 'pat-'],
    /\b(?:sdk|mob|api|pat-[a-z]{2}\d)-[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b/g,
  ),
  rule('postman-key', ['pmak-'], /\bPMAK-[\da-f]{24}-[\da-f]{34}\b/g),
  rule('cloudflare-ca-key', ['v1.0-'], /\bv1\.0-[\da-f]{24}-[\da-f]{100,}\b/g),
  rule('nuget-key', ['oy2'], /\boy2[a-z2-7]{43}\b/g, isRandom),
  rule(
    'wallet-key',
    ['k', 'l', '5', 'c', '9'],
    /(?<![\w+/=-])(?:[5KL9c][1-9A-HJ-NP-Za-km-z]{50,51})(?![\w+/=-])/g,
    (value) => randomBits(value) > 30 && /\d/.test(value) && entropy(value) > 4,
  ),
  rule('extended-private-key', ['prv'], /\b[tuvxyz]prv[1-9A-HJ-NP-Za-km-z]{90,}/g, isRandom),
  rule(
    'token',
    ['_', '-'],
    new RegExp(
      String.raw`(?<![\w./+-])(?:[A-Za-z][A-Za-z\d]{1,11}[-_]){0,2}(?:${TOKEN_PREFIX})[-_](?:[a-z]{1,6}[-_]?v?\d{1,2}[-_]|v?\d[-_])?([A-Za-z\d_-]{20,300})(?![\w.])`,
      'g',
    ),
    (value) => randomBits(value) > 30 && /\d/.test(value) && isRandom(value),
  ),
];

/** Not applied to concatenated pieces, which only look random. */
export const unknownTokens: readonly Rule[] = [
  // An unknown issuer's prefix, and a body that is too long for an id. No token is longer than 300.
  rule(
    'token',
    ['_', '-'],
    /(?<![\w./+]|(?<!:)-)(?!(?:sha|md|rev|commit|chunk|build|img|image|asset|css|file|msg|chatcmpl|thread|run|resp|call|req|evt)\d{0,3}[-_])(?:[a-z][a-z\d]{2,7}|[A-Z]{2,8})[-_]([A-Za-z\d_-]{32,300})(?![\w./+-])/g,
    (body, [token]) =>
      randomBits(body) > 30 && /\d/.test(body) && isRandom(body) && !isId(token) && !isAlphabet(token),
  ),
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
  rule('jwt', ['eyj'], /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}/g, isRandom),
  rule('jwt', ['eyj'], /\beyJ[\w-]{10,}/g, isSplitToken),
  rule(
    'jwk',
    ['kty'],
    /(?<![\w-])(?:d|k)["']?\s{0,4}:\s{0,4}["']([\w-]{20,})["']/g,
    (value, { input, index }) =>
      /\bkty\b/.test(input.slice(Math.max(0, index - 3000), index + 3000)) && isRandom(value),
  ),
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
  rule('putty-key', ['putty-user-key'], /\bPuTTY-User-Key-File-\d/g),
  // Without its end, which a program may add.
  rule(
    'private-key',
    ['private key'],
    /-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|[^\w-]){0,200}[\w+/=]{16}/g,
  ),
  // A PGP block and an encrypted PEM begin with headers.
  rule(
    'private-key',
    ['private key'],
    /-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|[^\w-]){0,200}(?:Version|Comment|Proc-Type|DEK-Info): /g,
  ),
  // Without its first line.
  rule(
    'private-key',
    ['mi', 'mhcca', 'mhqca', 'mdecaq', 'mc4caq', 'b3blbnnzac1rzxktdjE'.toLowerCase()],
    new RegExp(
      String.raw`(?<![\w+/=-])(?:M[ICH][A-Za-z\d]${BASE64}{35,}|b3BlbnNzaC1rZXktdjE${BASE64}{20,})`,
      'g',
    ),
    (value) => value.startsWith('b3') || beginsPrivateKey(value),
  ),
  rule(
    'private-key',
    ['mi'],
    new RegExp(String.raw`(?<![\w+/=-])MI${BASE64}{62}${SEAM}${BASE64}{64}(?!${BASE64})`, 'g'),
    (value, { input, index }) =>
      !isPublic(value) && !/-----BEGIN|cert|public|data:/i.test(input.slice(Math.max(0, index - 120), index)),
  ),
  // A PEM file in base64.
  rule('private-key', ['ls0tls1crudjti'], /LS0tLS1CRUdJTi[\w+/]{20,}/g, (value) =>
    decode(value).includes('PRIVATE KEY'),
  ),
];

/** A certificate or a public key: the length is followed by another sequence. */
const isPublic = (base64: string) => {
  const bytes = Buffer.from(base64.slice(0, 16), 'base64');
  return bytes[2 + (bytes[1]! & 0x7f)] === 0x30;
};

const files: readonly Rule[] = [
  rule('kubeconfig', ['client-key-data'], /\bclient-key-data["']?:\s*["']?[A-Za-z0-9+/=]{40,}/g),
  rule(
    'kubernetes-secret',
    ['secret'],
    /\bkind["']?:\s*["']?Secret\b[^]{0,2000}?\b(?:stringData|data)["']?:\s*\{?(?:\s*["']?[\w.-]+["']?:\s*["']?(?:[\w+/=-]{8,})["']?,?)/g,
  ),
  rule('docker-auth', ['"auth"'], /"auth"\s*:\s*"[A-Za-z0-9+/]{12,}={0,2}"/g),
  rule('netrc', ['machine'], /\bmachine\s+\S+\s+login\s+\S+\s+password\s+(\S+)/g, isPassedPassword),
  // host:port:database:user:password
  rule(
    'pgpass',
    [':'],
    /^[\w.*-]{1,80}:(?:\d{2,5}|\*):[\w*-]{1,60}:[\w.*-]{1,60}:(\S{4,100})$/gm,
    isPassedPassword,
  ),
  // Lines of user:password: of cloud-init, and for chpasswd.
  rule(
    'chpasswd',
    ['chpasswd'],
    /\bchpasswd\b[^\n]{0,60}\n(?:[ \t]*(?:list|users|expire|type):[^\n]{0,20}\n){0,3}(?:[ \t]*(?:- )?[\w.-]{1,40}:(?:R|RANDOM)\n){0,5}[ \t]*(?:- )?["']?[\w.-]{1,40}:([^\s"']{4,100})/g,
    isPassedPassword,
  ),
  rule(
    'htpasswd',
    [':$', ':{ssha', ':{sha'],
    /^[\w.@-]+:(?:\$(?:apr1|2[abxy]|5|6)\$\S{20,}|\{SSHA?\}[\w+/=]{20,})/gm,
  ),
  rule(
    'terraform-state',
    ['random_password', 'random_string', 'terraform_version'],
    /"(?:result|bcrypt_hash|private_key_pem|secret_string|value)"\s*:\s*"([^"\n]{8,400})"/g,
    isPassedPassword,
  ),
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
  rule(
    'card-number',
    ['3', '4', '5', '6', '2'],
    /(?<![\w.,+-]|\d )[2-6]\d{3}(?:(?: \d{4}){3}|(?:-\d{4}){3}|\d{9,12}|[ -]\d{6}[ -]\d{5})(?![\w.+-]| \d)/g,
    isCard,
  ),
];

export const formats: readonly Rule[] = [...tokens, ...webTokens, ...keys, ...files, ...cards];

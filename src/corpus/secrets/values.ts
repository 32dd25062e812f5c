/** Decides whether a value is a secret, given the evidence from its name and context. */
import { entropy, randomBits } from './randomness.ts';
import { classifyName, splitWords, type Kind } from './secret-names.ts';

/** Placeholders for a value. */
const placeholder = new RegExp(
  [
    String.raw`^<.*>?$|^\[.*\]$|^\{.*\}?$|^%.*%$|^@+[\w.-]+@+$|^__.*__$|^\\?\$\w+$|^%[\w.]+$|^:\w+$|^![a-z]+$`,
    String.raw`#\{|\\\(|\{\w*\}`,
    String.raw`x{4,}|\*{3,}|\.{3}|…|_{4,}|0{6,}|-{4,}|\?{3,}|•|#{3,}|^(.)\1*$`,
    String.raw`example|placeholder|change[\W_]?(?:me|this|it|now)|your[\W_]|yourpass|yourkey|yoursecret|dummy|redacted|replace|sample|todo|fixme|foo[\W_]?bar|lorem|masked|removed|hidden|goes[\W_]?here|[\W_]here$|^(?:insert|enter|put|add|set|use|fill|some|any|my|the|new|old|wrong|bad|invalid|fake|mock|not|no)[\W_]|^(?:n\/a|none|null|nil|undefined|true|false|tbd|unset|empty|default|env|secret)$`,
    // "your", "my", "change it" in other languages.
    String.raw`^(?:ihr|dein|mein|tu|su|mi|votre|ton|mon|tuo|seu|sua|jouw|mijn|twoje|tvoje|din|ditt|min|mitt|senin|vase)e?[\W_]|[aä]nder(?:n|e)[\W_]|cambiar?[\W_]?(?:me|esto|lo)|changez?[\W_]?moi|cambiami|mudar|trocar|wijzig|zmien|zmenit|degistir|更改|请|您的|変更|あなたの`,
  ].join('|'),
  'iu',
);

/** A reference to a value elsewhere, or something that is not a value. */
const reference = new RegExp(
  [
    // Variables, calls, schemes, files.
    String.raw`^(?:process|os|import|env|config|settings|self|this|args|opts|options|vars?|secrets?|local|data|params|props|ctx|req|request|module|inputs|steps|github|vault|ssm|op|arn|urn|file|keyring|sops|ref|bao|gcp|aws|azurekeyvault|kms|env_var)(?:\.|\[|:)\D`,
    String.raw`^[A-Za-z_][\w.:]*\((?:[\w\s,.'"-]*\);?|\d{1,4}|["'].*)?$|^[\w.]+\[[\d*]*\]\.\w|^(?:b64|base64)(?:en|de)c|^https?:|^[a-z][\w+.-]*:\/\/|^(?:\.{0,2}|~|[A-Za-z]:|@)[\\/][\w.-]|^[\w-]+(?:\/(?=[\w.-]*[a-z])[\w.-]+){2,}$|^[\w./-]+\.(?:pem|key|txt|json|ya?ml|html?|[jt]sx?|py|rb|go|php|env|crt|cer|conf|png|svg|css|toml|xml)$`,
    // Patterns, versions, dates, colours, selectors, mail, algorithms.
    String.raw`\[\^?[a-z0\\]|a-z|A-Z|0-9|\\[dwsbS]|\(\?|^\^|^[\^~<>=v]*\d+(?:\.\d+){1,3}(?:[-+][\w.]+)?$|^\d{4}-\d\d-\d\d|^#[\da-f]{3,8}$|^[#.][A-Za-z][\w-]*$|^[\w.+-]+@[\w-]+(?:\.[\w-]+)+$`,
    String.raw`^(?:sha|md)[-_]?\d+|^(?:aes|des|hmac|rsa|hs|rs|es|ps|ecdsa|bcrypt|pbkdf|scrypt|argon|tls|utf|iso|base|oauth)[-_]?\d+[A-Za-z_-]{0,20}\d{0,4}$`,
  ].join('|'),
  'i',
);
const uuid = /^\{?[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\}?$/i;

/** Never secret, even if random: interpolated values, checksums, images. */
const neverSecret = new RegExp(
  [
    String.raw`\$\{|\{\{|\}\}|<%|%\(\w+\)|\$\([^)]*\)|<[a-z_ -]+>|\\[xuvabf0]|^--?[a-z][\w-]*$|^[a-z][\w+.-]*:\/\/|example|x{5,}|\*{4,}|\.{3}|…`,
    String.raw`^(?:sha\d+|md5|nonce)[-:=]|^(?:data|arn|github|gitlab|npm|git\+\w+|workspace):|^(?:iVBOR|\/9j\/|R0lGOD|PHN2Zy)|^ENC\[|^\{cipher\}|^\$ANSIBLE|^vault:v\d|^AQICAH|^LS0tLS1CRUdJTiB(?:QVUJ|DRVJU)|^Ag[A-Z][\w+/]{200}|\[\^?\\?\w-\\?\w|\[\^|\[\\|a-z|A-Z|(?<![a-f\d])0-9|\(\?|\\[dwsbS][*+{]`,
  ].join('|'),
  'i',
);

/** Words used in examples and tests. */
const ordinary =
  /^(?:my|the|super|top|very|strong|some|new|old|test|testing|tester|user|username|admin|administrator|root|guest|demo|default|pass|passw(?:or)?d|passwort|secret|secure|token|key|api|client|access|auth|login|hello|world|foo|bar|baz|qux|abcd?e?f?|qwerty?|qwertz|asdf?|letmein|welcome|postgres|mysql|redis|mongo|rabbitmq|minio|elastic|grafana|valid|correct|temp|tmp|local|dev|string|value|text|data|word|hash|salt|id|bearer|basic)*$/;

const isSequence = (digits: string) => {
  const steps = [...digits].slice(1).map((digit, at) => (Number(digit) - Number(digits[at]) + 10) % 10);
  return new Set(steps).size <= 1 || /^(?:123)+/.test(digits);
};

/** `password123`, `Test1234!`. */
function isOrdinary(value: string): boolean {
  const letters = value.replace(/[^\p{L}]+/gu, '').toLowerCase();
  // Bounded, because "password" is also "pass" and "word", so that a long sequence can be parsed in many ways.
  if (letters.length > 24) return false;
  if (!ordinary.test(letters) && !ordinary.test(splitWords(value).replace(/[^a-z]/g, ''))) return false;
  const digits = value.replace(/\D+/g, '');
  return digits.length <= 2 || isSequence(digits);
}

/** Above this, a value is random, whatever it looks like. */
const CERTAINLY_RANDOM = 20;

/** An alphabet: each character once, or mostly in order. */
export function isAlphabet(value: string): boolean {
  if (value.length < 10) return false;
  if (value.length > 30 && new Set(value).size === value.length) return true;
  let inOrder = 0;
  for (let at = 1; at < value.length; at += 1)
    inOrder += Number(value.charCodeAt(at) - value.charCodeAt(at - 1) === 1);
  return inOrder > value.length / 2;
}

/** Text for people: non-ASCII without digits. */
const isLabel = (value: string): boolean =>
  !/\d/.test(value) && (value.match(/[\u0080-\uffff]/g)?.length ?? 0) > value.length / 2;

const isCertain = (value: string): boolean =>
  !/\s/.test(value) && randomBits(value) > CERTAINLY_RANDOM && entropy(value) > 2.8;

/** `your-token-here`, `changeme`: a placeholder for a secret. */
export const isPlaceholder = (value: string): boolean =>
  !isCertain(value) && (placeholder.test(value) || isOrdinary(value));

/** Whether the value is a literal value, not a placeholder or reference. */
export function isLiteralValue(value: string): boolean {
  if (neverSecret.test(value) || isAlphabet(value) || isLabel(value)) return false;
  return isCertain(value) || (!isPlaceholder(value) && !reference.test(value));
}

/** A name: words with or without separators and at most a number: `user-password-input`, `db.credentials.v2`. */
const isName = (value: string): boolean =>
  /^[_$@#.]*(?:\p{L}+|\d{1,2})(?:[-_./: ]+(?:\p{L}+|[vV]?\d{1,3}))*[-_.:]*$/u.test(value) &&
  randomBits(value) <
    (/^(?:[a-z]+|[A-Z]+)$/.test(value)
      ? 12
      : /^\p{L}+$/u.test(value)
        ? 5
        : /^(?:[A-Z\d]+_)+[A-Z\d]+$/.test(value)
          ? 30
          : 12);

/** Words and at least two digits: `rabbit-summer-98`, `Castle.235`. */
const isPassphrase = (value: string): boolean =>
  value.length >= 8 &&
  /\p{L}{3}/u.test(value) &&
  /\d\D*\d/.test(value) &&
  !/[/:=]|^[a-z]+[-_.]?\d{1,3}$|(?:^|[-_. ])v?\d[-_. ]|(?:^|[-_.])v\d+$/.test(value) &&
  !classifyName(value);

/** Like a password chosen by a person: several kinds of characters, and not a name. */
function looksChosen(value: string): boolean {
  if (value.length < 6 || /\s/.test(value) || isName(value)) return false;
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z\d]/].filter((kind) => kind.test(value)).length;
  if (kinds >= 3) return true;
  return kinds === 2 && /\d/.test(value) && /\p{L}/u.test(value) ? value.length >= 7 : false;
}

export interface Evidence {
  kind: Kind;
  /** Nothing but the secret itself is likely in this place. */
  strong: boolean;
  vague?: boolean;
}

/** A wallet's recovery phrase. */
const mnemonic = /^(?:[a-z]{3,8} ){11}(?:(?:[a-z]{3,8} ){3})*[a-z]{3,8}$/;

/** Required bits of randomness. */
const STRONG = 4;
const WEAK = 8;
const KEY = 8;
const VAGUE = 22;

const MAX_CHARACTERS = 300;

/** Whether a value with this evidence is a secret. */
export function isSecretValue(fullValue: string, { kind, strong, vague }: Evidence): boolean {
  // The beginning of a long value is enough.
  const value = fullValue.slice(0, MAX_CHARACTERS);
  if (value.length < 6 || !isLiteralValue(value)) return false;
  if (mnemonic.test(value)) return kind === 'key' && strong && new Set(value.split(' ')).size > 6;
  if (/\s/.test(value) && kind === 'key' && value.length > 40)
    return new Set(value.match(/[^\w\s]/g)).size > 7 && randomBits(value.replace(/\s/g, '')) > VAGUE;
  if (/\s/.test(value))
    return kind === 'password' && /^[a-z]{4}(?: [a-z]{4}){3}$/.test(value) && randomBits(value) > VAGUE;
  if (uuid.test(value)) return strong;
  const login = /^[\w.@-]{1,60}:([^\s/:]{6,})$/.exec(value)?.[1];
  if (login !== undefined && kind === 'key') return isPassedPassword(login);
  if (/^\d+$/.test(value))
    return kind === 'password' && strong && value.length >= 8 && !isSequence(value) && entropy(value) > 2.2;
  const bits = randomBits(value);
  if (vague) return value.length >= 16 && bits >= VAGUE && entropy(value) > 3 && !isDigest(value);
  if (kind === 'password')
    return strong
      ? (bits >= STRONG + (value.length < 8 ? 6 : 0) && !isName(value)) ||
          looksChosen(value) ||
          isPassphrase(value)
      : bits >= WEAK && value.length >= 8 && !isName(value);
  if (strong && isPassphrase(value) && (looksChosen(value) || splitWords(value).split(' ').length > 2))
    return true;
  return (
    value.length >= 8 &&
    bits >= (strong ? KEY : VAGUE / 2) &&
    entropy(value) >= Math.min(2.8, 0.8 * Math.log2(value.length)) &&
    !isName(value)
  );
}

const isDigest = (value: string) =>
  /^[\da-f]+$/i.test(value) && [32, 40, 56, 64, 96, 128].includes(value.length);

/** Whether an unnamed value, passed where a password may be, is a password: not a host, a user or an option. */
export const isPassedPassword = (value: string): boolean =>
  !/\s|^[a-z\d-]+(?:\.[a-z\d-]+)*\.[a-z]{2,}(?::\d+)?$|^\d+$/.test(value) &&
  (randomBits(value) > 8 || !classifyName(value)) &&
  isSecretValue(value, { kind: 'password', strong: true });

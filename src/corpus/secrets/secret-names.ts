/** Recognises names of secrets in many languages: `dbPassword`, `API_KEY`, `contraseña`. */

/** Passwords may be chosen by people; keys and tokens are generated. */
export type Kind = 'password' | 'key';

export interface Naming {
  kind: Kind;
  /** The value itself is likely to be the secret, so less evidence is needed. */
  strong: boolean;
  /** A word such as `key` or `auth`, which often names something that is not secret. */
  vague: boolean;
}

/**
 * Words for passwords. In all lists "-" stands for any separator or none, and accents are removed. These are long
 * enough to be found inside a word without separators, such as `mysqlpassword`.
 */
const LONG_PASSWORDS =
  'pass-?w(?:or)?d|pwd|passwrd|passwort|pass-?phrase|pass-?code|kenn-?wort|losungswort|contrasen[ay]a?|mots?-de-passe|senha|palavra-passe|wacht-?woord|haslo|heslo|salasana|lo?e?senord|passord|adgangskode|kode-?ord|jelszo|lozinka|parol[aei]-?d-?ordine|parol[aei]?(?!\\p{L})|slaptazod\\w*|mat-?khau|kata-?sandi|sifre(?:si)?|contrasinal|codewort|bimilbeonho|(?:ansible|auth|db|ftp|key|login|mail|my|pg|require|root|admin|smtp|ssh|store|user)-?pass(?![wcp])|[пП]арол\\w|密码|密碼|口令|パスワード|暗証番号|비밀번호|암호|كلمة-?(?:ال)?(?:مرور|سر)|पासवर्ड|סיסמה|รหัสผ่าน|κωδικος?';
/** These must be whole words. */
const SHORT_PASSWORDS =
  'pass|passw|passwd|pswd|passe|pwd|pwrd|pw|psk|mdp|clave|geslo|mima|sandi|losen|kodikos|pin|parool|contra|sifra|sifre';

const LONG_KEYS =
  'secret-?(?:access-?)?key|secret|token|api-?key|geheim(?:nis|e|er|es)?(?!\\p{L})|schlu?e?sse?l|zugangsdaten|jeton|segreto|segredo|secreto|sleutel|klucz|sekretn\\w{2,3}-?klyuch|sekret|hemlighet|tajemstvi|tajny-?klic|titkos-?kulcs|hemmelig-?no?e?gle|hemlig-?nyckel|kunci-?rahasia|gizli|credentials?|connection-?string|conn-?str(?:ing)?|mnemonic|seed-?phrase|recovery-?phrase|пароль|секрет|токен|ключ|密钥|密鑰|令牌|トークン|秘密鍵|토큰|시크릿|비밀키|bimilki|himitsu-?kagi|miyao';
const SHORT_KEYS =
  '(?:access|account|admin|app|application|auth|bot|cipher|client|consumer|cookie|crypto|crypt|data|decryption|deploy|enc|encrypt|encryption|hmac|integration|jwt|license|master|merchant|private|priv|prod|read|root|rest|sas|secret|server|service|session|shared|sign|signing|signature|ssh|storage|subscription|webhook|write|aes|rsa|fernet|services|host|function)-key|jwt|wif|pat|anahtari|bearer|creds?|segreta|cle-(?:api|secrete|privee)|chiave-(?:api|segreta|privata)|chave-(?:api|secreta|privada)|clave-(?:api|secreta|privada)|llave-(?:api|secreta)|nyckel|noegle|nokkel|avain|anahtar|klic|kulcs|sid|otp|totp|seed';
/** Also inside longer words: `walletprivatekey`. */
const JOINED_KEYS =
  '(?:access|client|encryption|fernet|hmac|private|secret|session|shared|sign|signing|storage|subscription)key|(?:cle|clave|chave|llave)-?secret[ea]|chiave-?segreta';
const VAGUE =
  'key|auth|authorization|login|ident|cookie|session|dsn|hook|webhook|license|salt|nonce|iv|signature|sig|code|chave|chiave|cle|llave|schluessel';

const compile = (words: string) => words.replaceAll('-?', '-').replaceAll('-', ' ?');
const asWholeWord = (words: string) => String.raw`(?<![\p{L}])(?:${compile(words)})(?![\p{L}])`;
const namingPatterns: readonly [pattern: RegExp, kind: Kind, vague: boolean][] = [
  [new RegExp(`${compile(LONG_PASSWORDS)}|${asWholeWord(SHORT_PASSWORDS)}`, 'gu'), 'password', false],
  [
    new RegExp(`${compile(LONG_KEYS)}|${asWholeWord(SHORT_KEYS)}|${compile(JOINED_KEYS)}`, 'gu'),
    'key',
    false,
  ],
  [new RegExp(asWholeWord(VAGUE), 'gu'), 'key', true],
];

const wordSet = (words: string) => new Set(words.trim().split(/\s+/));

/** After the word: the value is something about the secret, or a program element. */
const ABOUT_SECRET = wordSet(`
  name names id ids field fields url urls uri path paths file files filename dir folder type types kind hint label title
  text texts message messages msg error errors err length len min max size count counts limit pattern regex regexp
  policy rule rules header headers param params parameter input inputs box placeholder prefix suffix expiry expires
  expiration expire ttl age timeout hash hashed hashes digest checksum fingerprint version format alg algorithm algo
  method methods endpoint endpoints host port selector class icon button btn form page route link state status strength
  meter visible visibility toggle show hide reset forgot forgotten change changed required enabled disabled allowed
  manager store provider factory helper helpers util utils handler callback validator validation encoder decoder
  generator getter setter resolver reader writer parser lexer tokenizer schema model entity dto table column attr
  attribute attributes index env var variable ref reference arn grant scope scopes source target address description
  desc info metadata usage audience issuer subject position pos location offset start end begin stream list set map
  budget cost price symbol contract node expression literal category tag locale translation tooltip template prompt
  question kinds names rotation lifetime duration interval date time created updated at chars charset encoding bits
  bytes locator element el screen view dialog modal component mutation query action event request response spec tests
  test case cases exception confirmation verify check checker match matches repeat again incorrect invalid mismatch
  missing wrong empty short long weak pair pairs code codes frame frames down up press board word words ring rings
  chain map maps iterations rounds cipher alphabet md5 sha sha1 sha256 sha512 crc crc32 dictionary
`);
/** Before the word: it is public, for a test, or a key or token in another sense. */
const HARMLESS = wordSet(`
  public pub no without invalid wrong incorrect bad fake dummy mock mocked expected hashed foreign sort
  i18n csrf xsrf next page continuation eos bos pad unk mask sep cls special max min num total stop lock
  cancel cancellation cancelled abort keyword punctuation comment syntax verify verification forgot reset show hide
  confirm column row group object property prop translation label fetch find has is should socket validate check compare
  hash generate create parse read load
`);
/** Before `key`: a key of a table or cache. */
const DATA_KEYS = wordSet('primary cache partition routing idempotency request');
/** After the word, joined with it: which secret it is. */
const QUALIFIERS = wordSet(`
  prod production dev development stage staging live test qa uat local default old new current previous backup main
  primary secondary admin root user db database app api value val string str plain plaintext clear text b64 base64 hex
  enc raw literal const constant env a b c x y z one two legacy internal eu us asia canary sandbox v bd bazy banco
  basis base databaze databas banka banku
`);
/** `mysqlpasswordprod`: such qualifiers and numbers without separators. */
const joinedQualifier = new RegExp(
  `^(?:${[...QUALIFIERS].filter((word) => word.length > 1).join('|')}|v?\\d+)+$`,
);

const specialLetters = /[ßŁłıØøÆæĐđ]/g;
const replacements: Record<string, string> = {
  ß: 'ss',
  Ł: 'L',
  ł: 'l',
  ı: 'i',
  Ø: 'O',
  ø: 'o',
  Æ: 'AE',
  æ: 'ae',
  Đ: 'D',
  đ: 'd',
};

/** Removes accents. */
export const removeAccents = (text: string): string =>
  /^[\x20-\x7e]*$/.test(text)
    ? text
    : text
        .replace(specialLetters, (letter) => replacements[letter]!)
        .normalize('NFD')
        .replace(/[\u0300-\u036f]/g, '')
        .normalize('NFC');

/** Splits a name into words, in lower case without accents, separated by spaces: `dbPassword` -> "db password". */
export const splitWords = (name: string): string =>
  removeAccents(name)
    .replace(/(\p{Ll}|\d)(?=\p{Lu})|(\p{Lu})(?=\p{Lu}\p{Ll})/gu, '$1$2 ')
    .replace(/[^\p{L}\d]+/gu, ' ')
    .trim()
    .toLowerCase();

/** Which kind of secret a name denotes; undefined if none. */
export function classifyName(name: string): Naming | undefined {
  const words = splitWords(name);
  for (const [pattern, kind, vague] of namingPatterns) {
    const last = [...words.matchAll(pattern)].at(-1);
    if (!last) continue;
    const before = words.slice(0, last.index).trim().split(' ');
    const [tail = '', ...after] = words.slice(last.index + last[0].length).split(' ');
    // "passwords" and "tokenizer", "password2".
    if (/\p{L}/u.test(tail) && !/^(?:s|en|e|er|n|x|i|\d)$/.test(tail) && !joinedQualifier.test(tail))
      return undefined;
    if (
      after.some((word) => ABOUT_SECRET.has(word.replace(/\d+$/, ''))) ||
      before.some((word) => HARMLESS.has(word) || (/key$/.test(last[0]) && vague && DATA_KEYS.has(word)))
    )
      return undefined;
    return { kind, vague, strong: !vague };
  }
  return undefined;
}

/** Values with a name that says that they are secret: assignments, settings, pairs, elements, options. */
import type { Finding } from './finding.ts';
import { randomBits } from './randomness.ts';
import type { Sought } from './rule.ts';
import { isSecretValue } from './values.ts';
import { namingOf, type Naming } from './words.ts';

/** A part of every word that names a secret (words.ts), to find names quickly. */
const inNames =
  /pass|pw|pswd|psk|mdp|clave|geslo|wort|contra|senha|woord|has[lł]o|heslo|salasana|senord|kod|jelsz|lozink|parol|slaptaz|khau|sandi|[sşc]ifr|mima|p[iı]n|secret|token|key|geheim|schl|zugang|jeton|segret|segred|sleutel|klucz|sekret|hemlig|tajemstv|gizli|cred|conn|mnemonic|phrase|jwt|bearer|chave|chiave|cl[eé]|llave|nyckel|n[oø]gle|n[oø]kkel|avain|anahtar|klic|kulcs|otp|seed|auth|cookie|session|dsn|hook|license|sid|sig|contrase[nñ]|l[oö]senord|şifre|jelsz|hasł|парол|ключ|секрет|токен|密|口令|令牌|パス|暗証|トークン|秘密|비밀|암호|토큰|시크릿|مرور|سر|पासव|סיסמ|รหัส|κωδικ|khẩu/giu;

const partOfName = /[\p{L}\p{M}\p{N}_$-]/u;

/** Closes a name: a quote, a bracket, an emphasis. */
const CLOSE = String.raw`\\?["'\`]?[\])}]{0,2}(?:\*\*|__)?`;
const QUOTED = String.raw`[bBrRuUfFLN@$&*]{0,2}(?<quote>\\?["'\`]|"""|''')(?<value>[^\n]{4,600}?)\k<quote>`;
const CALL = String.raw`(?:(?:new\s)?[\w.:]{1,40}!?\(\s{0,20})?`;
/** A type between a name and its value: `: str =`, `As String =`, `[32] =`. */
const TYPE = String.raw`(?:\[\w{0,20}\]|\??\s?:\s?[\w.&<>[\]|?']{1,30}(?: [\w.|]{1,20}){0,2}|(?: [Aa]s)? [\w.*&?]{1,30})?`;
const OPERATOR = String.raw`(?::=|=>|<-|->|={1,3}|!==?|[:,>|({]|\|\||\?\?|\?:|or\b|\.(?:equals|eq|set|setValue|compareTo)\()`;

const quoted = new RegExp(
  String.raw`${CLOSE}${TYPE}\s{0,20}${OPERATOR}(?:\*\*)?\s{0,40}(?<call>${CALL})${QUOTED}`,
  'y',
);
/** `PASSWORD 'value'` of SQL, `:password "value"`, `#define PASSWORD "value"`, `the password is "value"`. */
const apart = new RegExp(String.raw`["'\`]?(?:\s(?:is|to|as|ist|es|est))?[ \t]{1,4}\(?${QUOTED}`, 'y');

const BARE = String.raw`[^\s"'\`<>{}()[\],;|][^\s"'\`]{3,400}`;
/** `password for db.internal: value` */
const OF = String.raw`(?: (?:for|of|on|at|für|von|para|de|pour|di) [\w.@-]{1,60}(?: [\w.@-]{1,30})?)?`;
const bare = new RegExp(
  String.raw`["'\`]?\]?${OF}(?<operator>[ \t]{0,20}(?::=|=>|:-|[:=|]|(?: is| ist| es| est)\b:?)(?:\*\*)?[ \t]{0,20})(?<value>${BARE})`,
  'y',
);
/** A bare value after a space: an option of a command, Docker's ENV. */
const bareApart = new RegExp(String.raw`["']?(?:[ \t]{1,4}|["'],\s{0,4}["'])(?<value>(?!-)${BARE})`, 'y');
const optionBefore =
  /(?:(?:^|[\s"'])(?:--?|\/)|\b(?:ENV|ARG|set|setx|setenv|SetEnv|put|env|create|add|config:set)\s+(?:[\w.-]+\s)?|\bset\s[\w.:/-]{0,40}:?)$/;

/** "name" and "value" or the like, in any notation: `name: `, `"Key" => `, `<value>`. */
const NAMED = String.raw`(?:name|key|id|field|parameter|variable|property)["'\`]?\s{0,4}(?:=>|[:=>]|(?<=variable)\s)\s{0,4}["'\`]?[\w./:-]{0,60}`;
const VALUED = String.raw`["'\`:<]?\w{0,20}(?:value|val|default|content|text)["'\`]?\s{0,4}(?:=>|[:=>])\s{0,20}`;
const OTHER = String.raw`(?:["'\`]?\w{1,30}["'\`]?\s{0,20}[:=]\s{0,4}["'\`]?[\w.:/ -]{1,60}["'\`]?[\s,;]{1,60}){0,3}`;
/** After a name that is itself the value of "name": `name: DB_PASSWORD` and `value: ...` on the next line. */
const pair = new RegExp(
  String.raw`["'\`]?[\s,;>{(]{1,60}${OTHER}${VALUED}(?:${QUOTED}|(?<bare>(?!\\?["'\`])[^\s<>"'\`]{4,2000}))`,
  'iy',
);
const nameBefore = new RegExp(`${NAMED}$`, 'i');
const pairBefore = new RegExp(
  String.raw`${VALUED}["'\`]?(?<value>[^\s"'\`<>{}]{4,200})["'\`]?[\s,;]{1,60}["'\`]?\w{0,20}${NAMED}$`,
  'i',
);
/** `<password>value</password>`, `<entry key="password">value</entry>`, a property list's `<key>` and `<string>`. */
const element =
  /["']?(?:\s[^<>\n]{0,80})?(?:>\s{0,40}(?:<!\[CDATA\[)?|<\/key>\s{0,60}<string>)(?<value>[^<>\s]{4,2000}?)\s{0,40}(?:<\/|\]\]>)/y;

const settingsFile =
  /(?:^|\/)(?:\.[^/.]+rc|\.?env[^/]*|\.env[^/]*|(?:Docker|Container|Make|Jenkins|Vagrant|Proc)file[^/]*|[^/.]+|[^/]*\.(?:env|ini|cfg|cnf|conf|properties|props|ya?ml|toml|sh|bash|zsh|fish|bat|cmd|ps1|tfvars|config|service|desktop|sql|http|rest|env-example))$/i;
const proseFile = /\.(?:md|mdx|markdown|txt|rst|adoc|asciidoc|org|log)$/i;
const comment = /^\s*(?:#|\/\/|\/\*|\*|--|;|%|<!--|REM\b)/i;

interface Found extends Naming {
  value: string;
  index: number;
}

/** Values in the text with a name that says that they are secret, and what is known about them. */
export function* findNamed({ path, text }: Sought): Generator<Finding> {
  const loose = settingsFile.test(path) || proseFile.test(path);
  let done = 0;
  for (const { index } of text.matchAll(inNames)) {
    if (index < done) continue;
    let start = index;
    while (
      start > done &&
      index - start < 60 &&
      (partOfName.test(text[start - 1]!) || isInnerDot(text, start - 1))
    )
      start -= 1;
    let end = index;
    while (end < text.length && end - index < 80 && partOfName.test(text[end]!)) end += 1;
    done = end;
    const found = valueOf(text, start, end, loose);
    if (found) yield { rule: 'assigned-secret', index: found.index };
  }
}

const isInnerDot = (text: string, at: number) => text[at] === '.' && /[\w$]/.test(text[at - 1] ?? '');

/** The secret that the name at `start` to `end` names, if it is one. */
function valueOf(text: string, start: number, end: number, loose: boolean): Found | undefined {
  let naming: Naming | undefined;
  const named = () => (naming ??= nameAt(text, start, end));
  for (const { value, index, weak } of candidates(text, start, end, loose)) {
    // Cheap conditions first: most names have no value, and most values are short.
    if (value.length < 6 || !named()) continue;
    const plain = naming!.plain && !weak;
    if (isSecretValue(value, { ...naming!, plain })) return { ...naming!, value, index };
  }
  return undefined;
}

/** `key` says little, `API key` more: then the words before it count, too. */
function nameAt(text: string, start: number, end: number): Naming | undefined {
  const name = text.slice(start, end);
  const naming = namingOf(name);
  if (naming && !naming.vague) return naming;
  const [before] = /(?:[\p{L}\p{M}]+ ){1,2}$/u.exec(text.slice(Math.max(0, start - 30), start)) ?? [];
  return (before && namingOf(before + name)) || naming;
}

interface Candidate {
  value: string;
  index: number;
  /** The place alone says little: an expression of a program may stand here, too. */
  weak?: boolean;
}

function* candidates(text: string, start: number, end: number, loose: boolean): Generator<Candidate> {
  const at = (pattern: RegExp) => {
    pattern.lastIndex = end;
    const groups = pattern.exec(text)?.groups;
    const value = groups?.value ?? groups?.bare;
    return value === undefined
      ? undefined
      : { value, call: Boolean(groups!.call), operator: groups!.operator ?? '', after: pattern.lastIndex };
  };
  const given = (value: string, after: number, weak = false): Candidate => ({
    value,
    index: Math.min(after, start),
    weak,
  });
  const literal = at(quoted);
  if (literal) yield given(literal.value, start, literal.call);
  // The verb of a sentence names nothing: `Pass "value" to it.`
  const next = /^pass$/i.test(text.slice(start, end)) ? undefined : at(apart);
  if (next) yield given(next.value, start);
  const before = text.slice(Math.max(0, start - 200), start);
  const line = before.slice(before.lastIndexOf('\n') + 1);
  const plain = loose || comment.test(line) || inLiteral(line);
  const setting = at(bare);
  if (setting && (plain || !/[:|s]/.test(setting.operator) || randomBits(setting.value) > 30)) {
    const whole = loose && !/["'`]/.test(line) ? setting.value : setting.value.split(/[;&,)<>\]}|\\]/)[0]!;
    const calls = !loose && /^[\w.]*[([]/.test(setting.value);
    if (!calls) yield given(whole.replace(/[,;]$/, ''), start, !plain);
    // `?password=value&next=`
    if (plain) yield given(setting.value.split(/[;&,)<>\]}|\\]/)[0]!, start);
  }
  if (optionBefore.test(line)) {
    const option = at(bareApart);
    if (option) yield given(option.value, start);
  }
  const inElement = at(element);
  if (inElement) yield given(inElement.value, start);
  if (nameBefore.test(line)) {
    const paired = at(pair);
    if (paired) yield given(paired.value, start);
    const earlier = pairBefore.exec(before)?.groups?.value;
    if (earlier) yield given(earlier, start);
  }
}

/** Whether the end of the line's beginning is in a literal: an odd number of quotes before it. */
const inLiteral = (line: string) => ['"', "'", '`'].some((quote) => (line.split(quote).length - 1) % 2 === 1);

/** Finds values whose name denotes a secret: assignments, settings, pairs, elements, options. */
import type { Finding } from './finding.ts';
import { randomBits } from './randomness.ts';
import type { ScanInput } from './rule.ts';
import { isSecretValue } from './values.ts';
import { classifyName, type Naming } from './secret-names.ts';

/** Fragments of all words that name a secret (secret-names.ts), to find names quickly. */
const nameFragment =
  /pass|pw|pswd|psk|mdp|clave|geslo|wort|contra|senha|woord|has[lł]o|heslo|salasana|senord|kod|jelsz|lozink|parol|slaptaz|khau|sandi|[sşc]ifr|mima|p[iı]n|secret|token|key|geheim|schl|zugang|jeton|segret|segred|sleutel|klucz|sekret|hemlig|tajemstv|gizli|cred|conn|mnemonic|phrase|jwt|bearer|chave|chiave|cl[eé]|llave|nyckel|n[oø]gle|n[oø]kkel|avain|anahtar|klic|kulcs|otp|seed|bimil|hemmelig|noegle|kagi|kunci|miyao|wif|login|ident|pat(?![a-z])|auth|cookie|session|dsn|hook|license|sid|sig|contrase[nñ]|l[oö]senord|şifre|jelsz|hasł|парол|ключ|секрет|токен|密|口令|令牌|パス|暗証|トークン|秘密|비밀|암호|토큰|시크릿|مرور|سر|पासव|סיסמ|รหัส|κωδικ|khẩu/giu;

const partOfName = /[\p{L}\p{M}\p{N}_$-]/u;

/** The end of a name: a quote, a bracket, an emphasis marker. */
const CLOSE = String.raw`\\?["'\`]?[\])}]{0,2}(?:\*\*|__)?`;
const QUOTED = String.raw`[bBrRuUfFLN@$&*]{0,2}(?<quote>\\?["'\`])(?<value>(?:(?!\k<quote>)(?:\\.|[^\n\\])){4,600})\k<quote>`;
const CALL = String.raw`(?:(?:new\s)?[\w.:]{1,40}!?\(\s{0,20})?`;
/** A type between a name and its value: `: str =`, `As String =`, `[32] =`. */
const TYPE = String.raw`(?:\[\w{0,20}\]|\??\s?:\s?[\w.&<>[\]|?']{1,30}(?: [\w.|]{1,20}){0,2}|\s\{ get; (?:private )?(?:set|init)?;? ?\}|(?: [Aa]s)? [\w.*&?]{1,30})?`;
const OPERATOR = String.raw`(?::=|=>|<-|->|={1,3}|!==?|[:,>|({]|\|\||\?\?|\?:|or\b|\.(?:equals|eq|set|setValue|compareTo)\()`;

/** `password for db.internal: value` */
const OF = String.raw`(?: (?:for|FOR|of|on|at|für|von|para|de|pour|di) ['"\`]?[\w.@%'"\`-]{1,60}(?: [\w.@-]{1,30})?)?`;

const quoted = new RegExp(
  String.raw`${CLOSE}(?:${TYPE}|${OF})\s{0,20}${OPERATOR}(?:\*\*)?\s{0,40}(?:[({]\s{0,40})?(?<call>${CALL})${QUOTED}`,
  'y',
);
/**
 * A literal after other parts of an expression on the same line: `ready ? "value"`, `options.x || "value"`,
 * `getenv("NAME", "value")`, `env("NAME").or(|_| "value"`, `set_NAME(client, "value"`.
 */
const inExpression = new RegExp(
  String.raw`${CLOSE}(?=[\s=:(,)])[^\n"'\`;{}]{0,80}(?:\?\??|:|\|\|?|\bor\b|\belse\b|=>|[,(=]|\[["']\w{1,60}["']\][)\s]{0,3}(?:\|\||\?\?|or))\s{0,20}${QUOTED}`,
  'y',
);
/** A function's body that only returns a literal. */
const returnedLiteral = new RegExp(
  String.raw`\s{0,2}(?:\([^()\n]{0,80}\))?[^\n"'\`;=]{0,40}(?:(?:[{:]\s{0,40}|=\s)return[\s(]{1,4}|=>?\s{0,20}|\n\s{1,40})${QUOTED}\s{0,20}[;)}]?\s{0,40}(?:\}|end\b|\n|;|$)`,
  'y',
);
/** `"value".equals(` and `"value" ==` before the name. */
const comparedBefore = new RegExp(
  String.raw`${QUOTED}\s{0,4}(?:\.(?:equals|eq|compareTo|contentEquals)\(|[!=]==?|-eq)\s{0,4}[$@&*]?$`,
);
/** `PASSWORD 'value'` of SQL, `:password "value"`, `#define PASSWORD "value"`, `the password is "value"`. */
const spaced = new RegExp(String.raw`["'\`]?(?:\s(?:is|to|as|ist|es|est))?[ \t]{1,20}\(?${QUOTED}`, 'y');

const BARE = String.raw`[^\s"'\`<>{}()[\],;|][^\s"'\`]{3,400}`;
const bare = new RegExp(
  String.raw`["'\`]?\]?${OF}(?<operator>[ \t]{0,20}(?::=|=>|:-|[:=|]|(?: is| ist| es| est)\b:?)(?:\*\*)?[ \t]{0,20})(?<value>${BARE})`,
  'y',
);
/** A bare value after a space: an option of a command, Docker's ENV. */
const bareSpaced = new RegExp(String.raw`["']?(?:[ \t]{1,4}|["'],\s{0,4}["'])(?<value>(?!-)${BARE})`, 'y');
const optionBefore =
  /(?:(?:^|[\s"'])(?:--?|\/)|\b(?:ENV|ARG|set|setx|setenv|SetEnv|put|env|create|add|config:set)\s+(?:[\w.-]+\s)?|\bset\s[\w.:/-]{0,40}:?)$/;

/** Settings whose name and value are separated by a space. */
const nothingBefore = /^\s*(?:(?:user|machine|login|account)\s+\S+\s+)?(?:[\w-]+ ){0,5}$/;

/** Keys such as "name" and "value", in any notation: `name: `, `"Key" => `, `<value>`. */
const NAMED = String.raw`(?:name|key|id|field|parameter|variable|property)["'\`]?\s{0,4}(?:=>|[:=>]|(?<=variable)\s)\s{0,4}["'\`]?[\w./:-]{0,60}`;
const VALUED = String.raw`["'\`:<]?[\w-]{0,20}(?:value|val|default|content|text)["'\`]?\s{0,4}(?:=>|[:=>])\s{0,20}`;
const OTHER = String.raw`(?:["'\`]?\w{1,30}["'\`]?\s{0,20}[:=]\s{0,4}["'\`]?[\w.:/ -]{1,60}["'\`]?[\s,;]{1,60}){0,3}`;
/** After a name that is itself the value of "name": `name: DB_PASSWORD`, then `value: ...` on the next line. */
const pair = new RegExp(
  String.raw`["'\`]?(?:<\/[\w-]{1,20}>)?[\s,;>{(]{1,60}${OTHER}${VALUED}(?:${QUOTED}|(?<bare>(?!\\?["'\`])[^\s<>"'\`]{4,600}))`,
  'iy',
);
const nameBefore = new RegExp(`${NAMED}$`, 'i');
const pairBefore = new RegExp(
  String.raw`${VALUED}["'\`]?(?<value>[^\s"'\`<>{}]{4,200})["'\`]?[\s,;]{1,60}["'\`]?\w{0,20}${NAMED}$`,
  'i',
);
/** A value on separate lines: YAML's `>-`. */
const folded = new RegExp(
  String.raw`["'\`]?:\s(?:[>|][-+\d]{0,2})[ \t]{0,4}\n\s{1,40}(?<value>[^\s"'\`]\S{3,2000})[ \t]*(?:\n|$)`,
  'y',
);
/** `password: { type: ..., default: "value" }`, possibly over several lines. */
const nestedDefault = new RegExp(
  String.raw`${CLOSE}[ \t]{0,4}[:=]?[ \t]{0,4}\{?\s{1,60}${OTHER}["'\`]?(?:[vV]alue|[dD]efault)["'\`]?\s{0,4}[:=]\s{0,4}(?:${QUOTED}|(?<bare>[^\s<>"'\`]{4,600}))`,
  'y',
);
/** `<password>value</password>`, `<entry key="password">value</entry>`, a property list's `<key>` and `<string>`. */
const element =
  /["']?(?:\s[^<>\n]{0,80})?(?:>\s{0,40}(?:<!\[CDATA\[)?|<\/key>\s{0,60}<string>)(?<value>[^<>\s]{4,2000}?)\s{0,40}(?:<\/|\]\]>)/y;

const settingsFile =
  /(?:^|\/)(?:[^/]*\.[^/.]+rc|\.?env[^/]*|\.env[^/]*|(?:Docker|Container|Make|Jenkins|Vagrant|Proc)file[^/]*|[^/.]+|[^/]*\.(?:env|ini|cfg|cnf|conf|properties|props|ya?ml|toml|sh|bash|zsh|fish|bat|cmd|ps1|tfvars|config|service|desktop|sql|http|rest|env-example))$/i;
const proseFile = /\.(?:md|mdx|markdown|txt|rst|adoc|asciidoc|org|log)$/i;
const comment = /^\s*(?:#|\/\/|\/\*|\*|--|;|%|!|<!--|REM\b)/i;

/** Continuation of a name: `refresh.token.v2:`. */
const dotted = /(?:\.[\w-]{1,20}){1,3}(?=["'<\]]|\s{0,20}[:=>])/y;

interface NamedSecret extends Naming {
  value: string;
  index: number;
}

/** Secrets in the text that are recognised by their names. */
export function* findNamed({ path, text }: ScanInput): Generator<Finding> {
  const isUnquotedContext = settingsFile.test(path) || proseFile.test(path);
  let scannedUpTo = 0;
  for (const { index } of text.matchAll(nameFragment)) {
    if (index < scannedUpTo) continue;
    let start = index;
    while (
      start > scannedUpTo &&
      index - start < 60 &&
      (partOfName.test(text[start - 1]!) || isInnerDot(text, start - 1))
    )
      start -= 1;
    let end = index;
    while (end < text.length && end - index < 80 && partOfName.test(text[end]!)) end += 1;
    while (text[start] === '-') start += 1;
    dotted.lastIndex = end;
    end += dotted.exec(text)?.[0].length ?? 0;
    scannedUpTo = end;
    const secret = findValue(text, start, end, isUnquotedContext, path);
    if (secret) yield { rule: 'assigned-secret', index: secret.index };
  }
}

const isInnerDot = (text: string, at: number) => text[at] === '.' && /[\w$]/.test(text[at - 1] ?? '');

/** A key as a list of bytes: `key = { 0xd8, 0xcb, ... }`, `key := []byte{116, 203, ...}`. */
const bytes =
  /[\])]{0,2}[^\n"'`;{[(=]{0,20}(?:\[\w{0,20}\])?[^\n"'`;{[(=]{0,20}(?::?=|:)\s{0,10}[^\n"'`;={[(]{0,30}(?:\[\w{0,9}\]\w{0,12})?[{[(]{1,2}\s{0,20}(?<value>(?:(?:0x[\da-f]{1,2}|\d{1,3})(?:u8)?,\s{0,20}){15,}(?:0x[\da-f]{1,2}|\d{1,3}))/iy;

/** Random bytes: few repeat, few are consecutive. */
function areRandom(list: string): boolean {
  const values = list.split(',').map(Number);
  const steps = new Set(values.slice(1).map((value, at) => value - values[at]!));
  return (
    new Set(values).size > values.length * 0.7 &&
    steps.size > values.length * 0.7 &&
    Math.max(...values) > 127
  );
}

/** The secret value of the name at `start` to `end`, if there is one. */
function findValue(
  text: string,
  start: number,
  end: number,
  isUnquotedContext: boolean,
  path: string,
): NamedSecret | undefined {
  let naming: Naming | undefined;
  const getNaming = () => (naming ??= nameAt(text, start, end));
  for (const { value, index, weak } of candidates(text, start, end, isUnquotedContext, path)) {
    // Check cheap conditions first: most names have no value, and most values are short.
    if (value.length < 6 || !getNaming()) continue;
    const strong = naming!.strong && !weak;
    if (isSecretValue(value, { ...naming!, strong })) return { ...naming!, value, index };
  }
  bytes.lastIndex = end;
  const list = bytes.exec(text)?.groups?.value;
  if (list && getNaming()?.kind === 'key' && naming!.strong && areRandom(list))
    return { ...naming!, value: list, index: start };
  return undefined;
}

/** `key` says little, `API key` more, so the words before it count too. */
function nameAt(text: string, start: number, end: number): Naming | undefined {
  const name = text.slice(start, end);
  const naming = classifyName(name);
  if (naming && !naming.vague) return naming;
  const [before] = /(?:[\p{L}\p{M}]+ ){1,2}$/u.exec(text.slice(Math.max(0, start - 30), start)) ?? [];
  return (before && classifyName(before + name)) || naming;
}

interface Candidate {
  value: string;
  index: number;
  /** The position alone is weak evidence: it may also be a program expression. */
  weak?: boolean;
}

function* candidates(
  text: string,
  start: number,
  end: number,
  isUnquotedContext: boolean,
  path: string,
): Generator<Candidate> {
  const matchAt = (pattern: RegExp) => {
    pattern.lastIndex = end;
    const groups = pattern.exec(text)?.groups;
    const value = groups?.value ?? groups?.bare;
    return value === undefined
      ? undefined
      : { value, call: Boolean(groups!.call), operator: groups!.operator ?? '', after: pattern.lastIndex };
  };
  const candidate = (written: string, after: number, weak = false): Candidate => ({
    value: written.trim(),
    index: Math.min(after, start),
    weak,
  });
  const literal = matchAt(quoted);
  if (literal) yield candidate(literal.value, start, literal.call);
  // A verb is not a name: `Pass "value" to it.`
  const isVerb = /^pass$/i.test(text.slice(start, end));
  for (const pattern of isVerb
    ? [folded, nestedDefault]
    : [inExpression, returnedLiteral, folded, nestedDefault, spaced]) {
    const found = matchAt(pattern);
    if (found) yield candidate(found.value, start);
  }
  const before = text.slice(Math.max(0, start - 200), start);
  const line = before.slice(before.lastIndexOf('\n') + 1);
  const compared = /[=(q]\s{0,4}[$@&*]?$/.test(line) ? comparedBefore.exec(line)?.groups?.value : undefined;
  if (compared) yield candidate(compared, start);
  const plain = isUnquotedContext || comment.test(line) || inLiteral(line) || /[?&]$/.test(line);
  const setting = matchAt(bare);
  const cell = setting?.operator.includes('|') && !proseFile.test(path);
  if (setting && !cell && (plain || !/[:|s]/.test(setting.operator) || randomBits(setting.value) > 30)) {
    const whole =
      isUnquotedContext && !/["'`]/.test(line) ? setting.value : setting.value.split(/[;&,)<>\]}|\\]/)[0]!;
    const calls = !isUnquotedContext && /^[\w.]*[([]/.test(setting.value);
    if (!calls) yield candidate(whole.replace(/[,;]$/, ''), start, !plain);
    // `?password=value&next=`
    if (plain) yield candidate(setting.value.split(/[;&,)<>\]}|\\]/)[0]!, start);
  }
  if (optionBefore.test(line) || (isUnquotedContext && nothingBefore.test(line))) {
    const option = matchAt(bareSpaced);
    if (option) yield candidate(option.value, start);
  }
  const inElement = matchAt(element);
  if (inElement) yield candidate(inElement.value, start);
  if (nameBefore.test(line)) {
    const paired = matchAt(pair);
    if (paired) yield candidate(paired.value, start);
    const earlier = pairBefore.exec(before)?.groups?.value;
    if (earlier) yield candidate(earlier, start);
  }
}

/** Whether the end of this text is inside a literal: after an odd number of quotes. */
const inLiteral = (line: string) => ['"', "'", '`'].some((quote) => (line.split(quote).length - 1) % 2 === 1);

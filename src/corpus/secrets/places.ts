/** Values with a name that says that they are secret: assignments, settings, pairs, elements, options. */
import type { Finding } from './finding.ts';
import { randomBits } from './randomness.ts';
import type { Sought } from './rule.ts';
import { isSecretValue } from './values.ts';
import { namingOf, type Naming } from './words.ts';

/** A part of every word that names a secret (words.ts), to find names quickly. */
const inNames =
  /pass|pw|pswd|psk|mdp|clave|geslo|wort|contra|senha|woord|has[lł]o|heslo|salasana|senord|kod|jelsz|lozink|parol|slaptaz|khau|sandi|[sşc]ifr|mima|p[iı]n|secret|token|key|geheim|schl|zugang|jeton|segret|segred|sleutel|klucz|sekret|hemlig|tajemstv|gizli|cred|conn|mnemonic|phrase|jwt|bearer|chave|chiave|cl[eé]|llave|nyckel|n[oø]gle|n[oø]kkel|avain|anahtar|klic|kulcs|otp|seed|bimil|hemmelig|noegle|kagi|kunci|miyao|wif|login|ident|pat(?![a-z])|auth|cookie|session|dsn|hook|license|sid|sig|contrase[nñ]|l[oö]senord|şifre|jelsz|hasł|парол|ключ|секрет|токен|密|口令|令牌|パス|暗証|トークン|秘密|비밀|암호|토큰|시크릿|مرور|سر|पासव|סיסמ|รหัส|κωδικ|khẩu/giu;

const partOfName = /[\p{L}\p{M}\p{N}_$-]/u;

/** Closes a name: a quote, a bracket, an emphasis. */
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
 * A literal that follows other parts of the expression, on the same line: `ready ? "value"`, `options.x || "value"`,
 * `getenv("NAME", "value")`, `env("NAME").or(|_| "value"`, `set_NAME(client, "value"`.
 */
const inExpression = new RegExp(
  String.raw`${CLOSE}(?=[\s=:(,)])[^\n"'\`;{}]{0,80}(?:\?\??|:|\|\|?|\bor\b|\belse\b|=>|[,(=]|\[["']\w{1,60}["']\][)\s]{0,3}(?:\|\||\?\?|or))\s{0,20}${QUOTED}`,
  'y',
);
/** A function's body that only returns a literal. */
const returned = new RegExp(
  String.raw`\s{0,2}(?:\([^()\n]{0,80}\))?[^\n"'\`;=]{0,40}(?:(?:[{:]\s{0,40}|=\s)return[\s(]{1,4}|=>?\s{0,20}|\n\s{1,40})${QUOTED}\s{0,20}[;)}]?\s{0,40}(?:\}|end\b|\n|;|$)`,
  'y',
);
/** `"value".equals(` and `"value" ==` before the name. */
const comparedBefore = new RegExp(
  String.raw`${QUOTED}\s{0,4}(?:\.(?:equals|eq|compareTo|contentEquals)\(|[!=]==?|-eq)\s{0,4}[$@&*]?$`,
);
/** `PASSWORD 'value'` of SQL, `:password "value"`, `#define PASSWORD "value"`, `the password is "value"`. */
const apart = new RegExp(String.raw`["'\`]?(?:\s(?:is|to|as|ist|es|est))?[ \t]{1,20}\(?${QUOTED}`, 'y');

const BARE = String.raw`[^\s"'\`<>{}()[\],;|][^\s"'\`]{3,400}`;
const bare = new RegExp(
  String.raw`["'\`]?\]?${OF}(?<operator>[ \t]{0,20}(?::=|=>|:-|[:=|]|(?: is| ist| es| est)\b:?)(?:\*\*)?[ \t]{0,20})(?<value>${BARE})`,
  'y',
);
/** A bare value after a space: an option of a command, Docker's ENV. */
const bareApart = new RegExp(String.raw`["']?(?:[ \t]{1,4}|["'],\s{0,4}["'])(?<value>(?!-)${BARE})`, 'y');
const optionBefore =
  /(?:(?:^|[\s"'])(?:--?|\/)|\b(?:ENV|ARG|set|setx|setenv|SetEnv|put|env|create|add|config:set)\s+(?:[\w.-]+\s)?|\bset\s[\w.:/-]{0,40}:?)$/;

/** Settings whose name and value are apart by a blank. */
const nothingBefore = /^\s*(?:(?:user|machine|login|account)\s+\S+\s+)?(?:[\w-]+ ){0,5}$/;

/** "name" and "value" or the like, in any notation: `name: `, `"Key" => `, `<value>`. */
const NAMED = String.raw`(?:name|key|id|field|parameter|variable|property)["'\`]?\s{0,4}(?:=>|[:=>]|(?<=variable)\s)\s{0,4}["'\`]?[\w./:-]{0,60}`;
const VALUED = String.raw`["'\`:<]?[\w-]{0,20}(?:value|val|default|content|text)["'\`]?\s{0,4}(?:=>|[:=>])\s{0,20}`;
const OTHER = String.raw`(?:["'\`]?\w{1,30}["'\`]?\s{0,20}[:=]\s{0,4}["'\`]?[\w.:/ -]{1,60}["'\`]?[\s,;]{1,60}){0,3}`;
/** After a name that is itself the value of "name": `name: DB_PASSWORD` and `value: ...` on the next line. */
const pair = new RegExp(
  String.raw`["'\`]?(?:<\/[\w-]{1,20}>)?[\s,;>{(]{1,60}${OTHER}${VALUED}(?:${QUOTED}|(?<bare>(?!\\?["'\`])[^\s<>"'\`]{4,600}))`,
  'iy',
);
const nameBefore = new RegExp(`${NAMED}$`, 'i');
const pairBefore = new RegExp(
  String.raw`${VALUED}["'\`]?(?<value>[^\s"'\`<>{}]{4,200})["'\`]?[\s,;]{1,60}["'\`]?\w{0,20}${NAMED}$`,
  'i',
);
/** A value on lines of its own: YAML's `>-`. */
const folded = new RegExp(
  String.raw`["'\`]?:\s(?:[>|][-+\d]{0,2})[ \t]{0,4}\n\s{1,40}(?<value>[^\s"'\`]\S{3,2000})[ \t]*(?:\n|$)`,
  'y',
);
/** `password: { type: ..., default: "value" }`, also over lines. */
const within = new RegExp(
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

/** More of a name: `refresh.token.v2:`. */
const dotted = /(?:\.[\w-]{1,20}){1,3}(?=["'<\]]|\s{0,20}[:=>])/y;

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
    while (text[start] === '-') start += 1;
    dotted.lastIndex = end;
    end += dotted.exec(text)?.[0].length ?? 0;
    done = end;
    const found = valueOf(text, start, end, loose, path);
    if (found) yield { rule: 'assigned-secret', index: found.index };
  }
}

const isInnerDot = (text: string, at: number) => text[at] === '.' && /[\w$]/.test(text[at - 1] ?? '');

/** `key = { 0xd8, 0xcb, ... }`, `key := []byte{116, 203, ...}`: bytes of a key in a program. */
const bytes =
  /[\])]{0,2}[^\n"'`;{[(=]{0,20}(?:\[\w{0,20}\])?[^\n"'`;{[(=]{0,20}(?::?=|:)\s{0,10}[^\n"'`;={[(]{0,30}(?:\[\w{0,9}\]\w{0,12})?[{[(]{1,2}\s{0,20}(?<value>(?:(?:0x[\da-f]{1,2}|\d{1,3})(?:u8)?,\s{0,20}){15,}(?:0x[\da-f]{1,2}|\d{1,3}))/iy;

/** Drawn bytes: few are equal, few follow each other. */
function areDrawn(list: string): boolean {
  const values = list.split(',').map(Number);
  const steps = new Set(values.slice(1).map((value, at) => value - values[at]!));
  return (
    new Set(values).size > values.length * 0.7 &&
    steps.size > values.length * 0.7 &&
    Math.max(...values) > 127
  );
}

/** The secret that the name at `start` to `end` names, if it is one. */
function valueOf(text: string, start: number, end: number, loose: boolean, path: string): Found | undefined {
  let naming: Naming | undefined;
  const named = () => (naming ??= nameAt(text, start, end));
  for (const { value, index, weak } of candidates(text, start, end, loose, path)) {
    // Cheap conditions first: most names have no value, and most values are short.
    if (value.length < 6 || !named()) continue;
    const plain = naming!.plain && !weak;
    if (isSecretValue(value, { ...naming!, plain })) return { ...naming!, value, index };
  }
  bytes.lastIndex = end;
  const list = bytes.exec(text)?.groups?.value;
  if (list && named()?.kind === 'key' && naming!.plain && areDrawn(list))
    return { ...naming!, value: list, index: start };
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

function* candidates(
  text: string,
  start: number,
  end: number,
  loose: boolean,
  path: string,
): Generator<Candidate> {
  const at = (pattern: RegExp) => {
    pattern.lastIndex = end;
    const groups = pattern.exec(text)?.groups;
    const value = groups?.value ?? groups?.bare;
    return value === undefined
      ? undefined
      : { value, call: Boolean(groups!.call), operator: groups!.operator ?? '', after: pattern.lastIndex };
  };
  const given = (written: string, after: number, weak = false): Candidate => ({
    value: written.trim(),
    index: Math.min(after, start),
    weak,
  });
  const literal = at(quoted);
  if (literal) yield given(literal.value, start, literal.call);
  // The verb of a sentence names nothing: `Pass "value" to it.`
  const isVerb = /^pass$/i.test(text.slice(start, end));
  for (const pattern of isVerb ? [folded, within] : [inExpression, returned, folded, within, apart]) {
    const found = at(pattern);
    if (found) yield given(found.value, start);
  }
  const before = text.slice(Math.max(0, start - 200), start);
  const line = before.slice(before.lastIndexOf('\n') + 1);
  const compared = /[=(q]\s{0,4}[$@&*]?$/.test(line) ? comparedBefore.exec(line)?.groups?.value : undefined;
  if (compared) yield given(compared, start);
  const plain = loose || comment.test(line) || inLiteral(line) || /[?&]$/.test(line);
  const setting = at(bare);
  const cell = setting?.operator.includes('|') && !proseFile.test(path);
  if (setting && !cell && (plain || !/[:|s]/.test(setting.operator) || randomBits(setting.value) > 30)) {
    const whole = loose && !/["'`]/.test(line) ? setting.value : setting.value.split(/[;&,)<>\]}|\\]/)[0]!;
    const calls = !loose && /^[\w.]*[([]/.test(setting.value);
    if (!calls) yield given(whole.replace(/[,;]$/, ''), start, !plain);
    // `?password=value&next=`
    if (plain) yield given(setting.value.split(/[;&,)<>\]}|\\]/)[0]!, start);
  }
  if (optionBefore.test(line) || (loose && nothingBefore.test(line))) {
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

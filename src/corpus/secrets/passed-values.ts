/** Finds unnamed passwords where they are passed: in URLs and headers, to commands, to login functions. */
import { randomBits } from './randomness.ts';
import { rule, type Rule } from './rule.ts';
import { isPassedPassword, isLiteralValue, isSecretValue } from './values.ts';
import { classifyName } from './secret-names.ts';

/** A password in a URL, as opposed to the plain words that documentation uses as examples. */
function isPasswordInUrl(value: string): boolean {
  let plain = value;
  try {
    plain = decodeURIComponent(value);
  } catch {
    // It contains a "%" that is not an escape.
  }
  if (plain.length < 5 || !isLiteralValue(plain) || (classifyName(plain) && randomBits(plain) < 8))
    return false;
  return !/^(?:[a-z]+|[A-Z]+)[\d!]{0,4}$/.test(plain) || randomBits(plain) > 10;
}

/** The password in HTTP basic authentication: `user:password` in base64. */
function isBasic(value: string): boolean {
  const text = Buffer.from(value, 'base64').toString('latin1');
  const [, password] = /^[\x20-\x7e]{0,100}?:([\x20-\x7e]{4,})$/.exec(text) ?? [];
  return (
    password !== undefined &&
    (isPassedPassword(password) || (isPasswordInUrl(password) && !/\s/.test(password)))
  );
}

const isBearer = (value: string) => isSecretValue(value, { kind: 'key', strong: true }) && /\d/.test(value);

const urls: readonly Rule[] = [
  rule(
    'password-in-url',
    ['://'],
    /\b[a-z][a-z\d+.-]{1,30}:\/\/[^\s:/?#@"'`<>]{0,100}:([^\s/?#@"'`<>]{1,200})@[\w[]/gi,
    isPasswordInUrl,
  ),
  // With a character that a URL would not allow.
  rule(
    'password-in-url',
    ['://'],
    /:\/\/[\w.-]{1,60}:([^\s"'`<>]{1,100})@[\w.-]{2,100}(?::\d|\/|["'`\s]|$)/g,
    (value) => !/[/]\/|\/\w+\/|:/.test(value) && isPassedPassword(value),
  ),
  // Go's `user:password@tcp(host)`.
  rule('password-in-url', ['('], /(?<![\w.-])[\w.-]{1,60}:([^\s:"'`]{4,100})@\w{0,12}\(/g, isPasswordInUrl),
  rule(
    'password-in-url',
    ['oracle', 'sqlplus', 'sqlldr', 'expdp', 'impdp'],
    /(?:oracle:\w{2,8}:|\b(?:sqlplus|sqlldr|expdp|impdp)\s(?:-\w\s){0,3}|userid=)\w{1,40}\/["']?([^\s@"'`/]{4,100})@/gi,
    isPasswordInUrl,
  ),
  // Without a scheme: `user:password@host`.
  rule(
    'password-in-url',
    ['@'],
    /(?<![^\s"'`=(])(?!mailto:)[\w.-]{2,40}:([^\s:@"'`/]{6,60})@[\w-]+(?:\.[\w-]+|:\d{2,5})/g,
    isPassedPassword,
  ),
];

const headers: readonly Rule[] = [
  rule('basic-auth', ['basic'], /\bBasic["'`]?[\s,+.:]{1,6}["'`]?([A-Za-z\d+/_-]{8,}={0,2})/gi, isBasic),
  // In a .http request file, where the editor encodes it.
  rule(
    'basic-auth',
    ['basic'],
    /\bAuthorization:[ \t]*Basic[ \t]+[\w.@-]{1,60}[ :]([^\s"'`]{4,100})/gi,
    isPassedPassword,
  ),
  rule(
    'bearer-token',
    ['bearer', 'authorization'],
    /\b(?:Bearer|Authorization["'\]]{0,2}\s?[:=,]\s?["'`]?(?:Token|ApiKey|Api-Key|Key|GenieKey|Bot|OAuth|SSWS)(?:\s?token=)?)["'`]?[\s,+.:]{1,6}["'`]?([A-Za-z\d+/=._~-]{12,})/gi,
    isBearer,
  ),
];

/** An argument of a command, quoted or not. */
const ARGUMENT = String.raw`(?:"([^"\n]{4,200})"|'([^'\n]{4,200})'|([^\s"'\`|;&<>]{4,200}))`;
/** What may come between a command and its option: no newline, unless it is escaped. */
const BETWEEN = String.raw`(?:[^\n|;&]|\\\n){0,200}?[\s,"']`;

/** Password options of commands whose letters are ambiguous: `mysql -psecret`. */
const commands: readonly [commands: string, options: string][] = [
  [String.raw`mysql\w*|mariadb(?:-\w+)?|mycli|7z\w?|rar|unrar`, String.raw`-p`],
  [
    String.raw`sshpass|(?:docker|podman|nerdctl|helm|az|oc|buildah|skopeo|cf|heroku|vault|argocd|crane)(?:\s[\w-]+){0,3}\slogin|mongo\w*|arangosh|influx|kinit|rdesktop|vncviewer|ncftp\w*|zabbix_\w+|pgcli|cqlsh`,
    String.raw`-p(?:\s+|["',\s]+)`,
  ],
  [String.raw`redis-cli|valkey-cli|snmp\w+`, String.raw`-[aAX]\s+`],
  [String.raw`ldap\w+`, String.raw`-w\s+`],
  [String.raw`sqlcmd|bcp|osql|ipmitool|zip|unzip|mosquitto_\w+|tsql|isql|hydra`, String.raw`-P\s*`],
  [String.raw`nmcli`, String.raw`password\s+`],
  [String.raw`openssl`, String.raw`(?:-pass(?:in|out)?\s+["']?pass:|-k\s+)`],
  [String.raw`xfreerdp\w*|wfreerdp`, String.raw`/p:`],
  [String.raw`keytool|jarsigner|apksigner|keystore`, String.raw`--?(?:store|key|ks-)pass\s+(?:pass:)?`],
  [String.raw`net\s+use|cmdkey|runas|schtasks|wmic`, String.raw`/(?:p|pass|rp):?\s*`],
  [String.raw`useradd|usermod`, String.raw`-p\s+`],
  [String.raw`net\s+use`, String.raw`/user:\S+\s+`],
  [String.raw`ConvertTo-SecureString`, String.raw`\s?`],
];
/** Options that take user and password. */
const userAndPassword: readonly [commands: string, options: string, between: string][] = [
  [
    'curl|wget|https?|xh|fetch|httpie|aria2c',
    String.raw`(?:-u|--user|-a|--auth|--proxy-user|-U)[\s=]{0,3}`,
    ':',
  ],
  ['smbclient|rpcclient|smbmap|net', String.raw`-U\s*`, '%'],
  ['lftp|ncftp', String.raw`-u\s+`, ','],
];

const shell: readonly Rule[] = [
  ...commands.map(([names, options]) =>
    rule(
      'password-of-command',
      ['-p', '-a', '-w', '-k', '/p', '/u', '-x', 'pass', 'tring'],
      new RegExp(String.raw`(?<![\w-])(?:${names})\b${BETWEEN}${options}${ARGUMENT}`, 'g'),
      isPassedPassword,
    ),
  ),
  ...userAndPassword.map(([names, options, between]) =>
    rule(
      'password-of-command',
      ['-u', '-a'],
      new RegExp(
        String.raw`(?<![\w-])(?:${names})\b${BETWEEN}${options}["']?[^\s"'${between}]{1,60}${between}([^\s"']{4,200})`,
        'g',
      ),
      (value) => isPasswordInUrl(value) && !/^\d+(?:$|[:/])/.test(value),
    ),
  ),
  rule(
    'password-of-command',
    ['net use'],
    new RegExp(String.raw`\bnet use\s+(?:\S{1,3}\s+)?\\\\\S{1,200}\s+(?!/)${ARGUMENT}`, 'gi'),
    isPassedPassword,
  ),
  // MinIO's `mc alias set name url user password`.
  rule(
    'password-of-command',
    ['alias set', 'host add'],
    new RegExp(
      String.raw`\bmc\s+(?:-\S+\s+)*(?:alias\s+set|config\s+host\s+add)\s+\S{1,60}\s+\S{1,200}\s+\S{1,60}\s+${ARGUMENT}`,
      'g',
    ),
    isPassedPassword,
  ),
  // `echo password | sudo -S`
  rule(
    'password-of-command',
    ['sudo', 'passwd', '-stdin', 'kinit', 'cryptsetup'],
    new RegExp(
      String.raw`\b(?:echo|printf|print)\s+(?:-\w+\s+)?(?:["'](?:[\w.-]{1,40}:)?([^"'\n]{4,100})["']|(?:[\w.-]{1,40}:)?([^\s"'|]{4,100}))\s*\|\s*[^\n|]{0,80}?(?:sudo\b[^\n|]{0,20}-S|chpasswd|passwd|password-stdin|kinit|cryptsetup|su\b)`,
      'g',
    ),
    (value) => isPassedPassword(value.replace(/\\n$/, '')),
  ),
  rule(
    'password-of-command',
    ['<<<'],
    /\b(?:sudo\s+-S|kinit|chpasswd|su)\b[^\n]{0,80}<<<\s*["']?(?:[\w.-]{1,40}:)?([^\s"']{4,100})/g,
    isPassedPassword,
  ),
  // expect: the answer to a password prompt.
  rule(
    'password-of-command',
    ['send'],
    /assword[^\n]{0,40}[\n{;]\s{0,40}(?:\{\s*)?send(?:line)?[\s(]{1,4}(?:--\s)?["']([^"'\\\n]{4,100})(?:\\[rn])?["']/g,
    isPassedPassword,
  ),
  rule(
    'password-of-command',
    ['htpasswd'],
    /\bhtpasswd\s+(?:-\w+\s+){1,4}(?:\S{1,100}\s+)?\S{1,60}\s+["']?([^\s"']{4,100})/g,
    isPassedPassword,
  ),
];

const sql: readonly Rule[] = [
  // Hashed by the database: `crypt('password', gen_salt('bf'))`.
  rule(
    'password-in-sql',
    ["('", '("', '(\\', 'crypt('],
    /\b(?:crypt|password|old_password|md5|sha[12]?|pwdencrypt|hashbytes\s?\(\s?N?'[\w]+',|pgp_sym_(?:en|de)crypt\s?\([^,()\n]{1,80},)\s?\(?\s?N?\\?'((?:[^'\n\\]|\\.){4,100})\\?'\s?[,)]/gi,
    isPassedPassword,
  ),
  rule(
    'password-in-sql',
    ['identified'],
    /\bidentified\s+(?:with\s+\S{1,60}\s+)?(?:by|as|using)\s+(?:password\s+|values\s+)?(?:\\?["'`]((?:[^"'`\n\\]|\\\$){4,200})|([^\s"'`;,)\\]{4,200}))/gi,
    (value) => isPassedPassword(value),
  ),
  rule(
    'password-in-sql',
    ['insert'],
    /\binsert\s+(?:\w+\s+)?into\s+[\w."`[\]]{1,100}\s*\(([^()]{1,600})\)\s*values\s*\([^()]{1,1500}\)/gi,
    (columns, match) => {
      const values = match[0].slice(match[0].lastIndexOf('(') + 1, -1).match(/'[^']*'|"[^"]*"|[^,]+/g) ?? [];
      return columns.split(',').some((column, at) => {
        const naming = classifyName(column.trim());
        const [, value] =
          /^\s*\\?["']([^"']+)["']\s*$/.exec(values.filter((text) => /\S/.test(text))[at] ?? '') ?? [];
        return naming !== undefined && value !== undefined && isSecretValue(value, naming);
      });
    },
  ),
];

/** Functions that take a password as a positional argument. */
const LOGIN_FUNCTIONS =
  'log_?-?[io]n|logon|sign_?[iu]n|sign_?up|auth|authenticat(?:e|or|ion)|authori[sz]e|(?:get_?|open_?|create_?|new_?)?connect(?:ion)?|create_?(?:user|pool|client)|add_?user|credentials?|pdo|bind_?s?|mysqli|dial|unlock|(?:s|i)?ftp(?:_?tls)?|(?:smtp|imap4?|pop3)(?:_?ssl)?|ssh\\d?|ssh2_auth_password|decrypt|encrypt|hmac|fernet|create_?(?:de)?cipher(?:iv)?|jwt\\.(?:sign|verify|encode|decode)|cookie_?parser|pbkdf2|scrypt|set_?password|check_?password|reset_?password|change_?password|make_?password|username_?password\\w*|password_?auth\\w*|network_?credential';
const LITERAL = /(?<![\w"'`])[bBrRuU@]{0,2}(["'`])((?:(?!\1)[^\\\n]|\\.){4,200})\1/g;

/** Functions whose only argument may be the key. */
const KEY_FUNCTIONS =
  'hmac\\w*|fernet|serializer|signer|secret_?key_?spec|jwt\\w*|create_?(?:de)?cipher\\w*|secretbox|signing_?key|symmetric_?security_?key|cookie_?session|cookie_?parser|set_?password|make_?password|hash_?password|password_?hash|bcrypt\\.\\w+|key_?from_?\\w+|session_?store';

const calls: readonly Rule[] = [
  rule(
    'key-as-argument',
    ['('],
    new RegExp(
      String.raw`(?:${KEY_FUNCTIONS})(?:::new|\.new)?\s?\(\s{0,20}(?:b|r|\[\]byte\()?(["'\`])([^"'\`\n]{6,200})\1`,
      'gi',
    ),
    (_, { 2: value }) => isArgument(value!) && (randomBits(value!) > 8 || /password/i.test(value!)),
  ),
  // After an email address, as the user name.
  rule(
    'password-as-argument',
    ['@'],
    /["'`][\w.+-]{1,60}@[\w-]+(?:\.[\w-]+)+["'`],\s{0,20}[bBrRuU@]{0,2}(?:(["'`])|"{3})((?:(?!\1)[^\n]){6,100}?)["'`]\s{0,20}[,)]/g,
    (_, { 2: value }) => isArgument(value!),
  ),
  rule(
    'password-as-argument',
    ['('], // Also in a tuple: `auth=("user", "password")`.
    new RegExp(
      String.raw`(?:(?:${LOGIN_FUNCTIONS})(?:_?(?:[wW]ith|[aA]s|[uU]sing|[sS]ync)\w{0,30})?\s?\(|\bauth["']?\s?[=:]\s?[(\[])((?:"(?:[^"\\\n]|\\.){0,200}"|'(?:[^'\\\n]|\\.){0,200}'|[^()\n"']|\n|["']|\([^()\n]{0,100}\)){2,400})\)?`,
      'gi',
    ),
    (args) => {
      const literals = [...args.matchAll(LITERAL)];
      return literals.some(
        ({ 2: value, index }, at) =>
          (at > 0 || index > 0) &&
          !/[\w"'\])]\s*(?::|=>?)\s*$/.test(args.slice(0, index)) &&
          isArgument(value!),
      );
    },
  ),
];

/** Stricter than for named values, because hosts, algorithms, tables and messages are also passed. */
const isArgument = (value: string): boolean =>
  isPassedPassword(value) &&
  (randomBits(value) > 12 ||
    isLongPassphrase(value) ||
    !/[/:=]|^[a-z\d]+(?:[_.-][a-z\d]+)+$|^(?:[a-z]+|[A-Z]+)[-_]?\d{1,4}$/.test(value));

/** Three words and a number. */
const isLongPassphrase = (value: string): boolean =>
  /^(?:[A-Za-z]{3,10}[-_.]){2,}[A-Za-z]{3,10}[-_.]?\d{2,4}$/.test(value);

export const passed: readonly Rule[] = [...urls, ...headers, ...shell, ...sql, ...calls];

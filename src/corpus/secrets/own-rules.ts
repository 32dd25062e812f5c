/** Rules for secrets that neither gitleaks nor secretlint knows, or only in some forms. */
import { entropy, looksRandom } from './entropy.ts';
import type { Finding } from './finding.ts';

interface OwnRule {
  id: string;
  pattern: RegExp;
  /** Only for files whose path matches. */
  path?: RegExp;
  /** A further condition on the match. */
  holds?: (match: RegExpExecArray) => boolean;
}

/** Written in place of a real value. */
const placeholder =
  /^(?:<.*>|\$.*|%.*%?|\{.*\}|\*+|x+|\.+|.*(?:example|placeholder|change_?-?me|your[-_]|dummy|redacted|insert|replace).*)$/i;
const isReal = (value: string) => !placeholder.test(value) && !notation.test(value);

/** A template, a pattern, a range of versions, a name in a scheme. */
const notation =
  /\$\{|\{\{|<%|%\(|\$\(|a-z|A-Z|0-9|^(?:urn|arn):|:\/\/|^\/\w|\w\(.*\)$|^[\^~<>=]*\d+(?:\.\d+){1,3}\b/;

/** A password in a URL; not the plain words that documentation uses as examples. */
const isPassword = (value: string) =>
  isReal(value) && value.length >= 5 && !/^(?:[a-z]+|[A-Z]+)[\d!]{0,4}$/.test(value);

/** Names whose values are secret. */
const NAME =
  'passw(?:or)?d|passwd|passphrase|pwd|secret|token|api[-_.]?key|(?:access|account|auth|encryption|master|private|secret|signing)[-_.]?key|credentials?|conn(?:ection)?[-_]?str(?:ing)?';
const settingsFile =
  /(?:^|\/)(?:\.env[^/]*|Dockerfile[^/]*|[^/]*\.(?:env|ini|cfg|conf|properties|ya?ml|toml|sh|bash|zsh|ps1|tfvars|config))$/i;

const isRandomValue = ([, value]: RegExpExecArray) =>
  isReal(value!) && !isUuid(value!) && looksRandom(value!);
/** A UUID is more often a name than a secret. */
const isUuid = (value: string) => /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(value);

/** Not `xxxx` or the like, by gitleaks' limit for most tokens; random tokens are well above it. */
const isDrawn = ([token]: RegExpExecArray) => entropy(token) > 3;

// gitleaks knows some of these, but only before a quote, a space or a semicolon. The comments say what it would miss.
const rules: readonly OwnRule[] = [
  // In a URL: `js?key=AIza...&callback=`.
  { id: 'google-api-key', pattern: /\bAIza[\w-]{35}(?![\w-])/g, holds: isDrawn },
  { id: 'google-oauth-secret', pattern: /\bGOCSPX-[\w-]{24,}/g },
  // As an option of curl: `-u sk_live_...:`.
  { id: 'stripe-live-key', pattern: /\b[rs]k_live_[A-Za-z0-9]{24,}\b/g, holds: isDrawn },
  { id: 'webhook-secret', pattern: /\bwhsec_[A-Za-z0-9+/=]{24,}/g },
  // With digits in it.
  { id: 'hugging-face-token', pattern: /\bhf_[A-Za-z0-9]{34,}\b/g, holds: isDrawn },
  { id: 'groq-key', pattern: /\bgsk_[A-Za-z0-9]{40,}\b/g },
  { id: 'telegram-bot-token', pattern: /\b\d{8,10}:AA[\w-]{33}(?![\w-])/g },
  { id: 'discord-token', pattern: /\b[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}(?![\w-])/g },
  { id: 'discord-webhook', pattern: /\bdiscord(?:app)?\.com\/api\/webhooks\/\d{16,20}\/[\w-]{60,}/g },
  { id: 'twilio-key', pattern: /\b(?:SK|AC)[\da-f]{32}\b/g },
  // For an index other than pypi.org.
  { id: 'pypi-token', pattern: /\bpypi-[A-Za-z0-9_-]{50,}/g, holds: isDrawn },
  // A root token, which is short, and a recovery token.
  { id: 'vault-token', pattern: /\bhv[sbr]\.[\w-]{24,}/g, holds: isDrawn },
  // In a URL, and with "-" or "_" in its first part.
  { id: 'jwt', pattern: /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}/g, holds: isDrawn },
  { id: 'azure-key', pattern: /\b(?:Account|SharedAccess)Key=[A-Za-z0-9+/]{43,86}={1,2}/g },
  { id: 'azure-sas', pattern: /[?&;]sig=[A-Za-z0-9%+/]{40,}(?:%3D|=)/gi },
  { id: 'azure-client-secret', pattern: /(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~-])/g },
  { id: 'putty-key', pattern: /\bPuTTY-User-Key-File-\d/g },
  // Without its end, which a program adds.
  {
    id: 'private-key',
    pattern: /-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|[^\w-])*[\w+/=]{16}/g,
  },
  // A PGP block and an encrypted PEM begin with headers.
  {
    id: 'private-key',
    pattern:
      /-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|[^\w-])*(?:Version|Comment|Proc-Type|DEK-Info): /g,
  },
  { id: 'kubeconfig', pattern: /\bclient-key-data["']?:\s*["']?[A-Za-z0-9+/=]{40,}/g },
  {
    id: 'kubernetes-secret',
    pattern:
      /\bkind["']?:\s*["']?Secret\b[^]{0,2000}?\b(?:stringData|data)["']?:\s*\{?(?:\s*["']?[\w.-]+["']?:\s*["']?(?:[\w+/=-]{8,})["']?,?)/g,
  },
  { id: 'docker-auth', pattern: /"auth"\s*:\s*"[A-Za-z0-9+/]{12,}={0,2}"/g },
  {
    id: 'netrc',
    pattern: /\bmachine\s+\S+\s+login\s+\S+\s+password\s+(\S+)/g,
    holds: ([, value]) => isReal(value!),
  },
  { id: 'htpasswd', pattern: /^[\w.@-]+:(?:\$(?:apr1|2[abxy]|5|6)\$\S{20,}|\{SSHA?\}[\w+/=]{20,})/gm },
  {
    id: 'password-in-url',
    pattern: /\b[a-z][a-z\d+.-]{1,30}:\/\/[^\s:/?#@"'`<>]{0,100}:([^\s/?#@"'`<>]{1,200})@[\w[]/gi,
    holds: ([, value]) => isPassword(value!),
  },
  {
    id: 'assigned-secret',
    pattern: new RegExp(
      `(?:${NAME})\\w{0,20}["'\`\\]]{0,2}\\s{0,3}(?::=|=>|[:=,(])\\s{0,3}[@$bfru]{0,2}["'\`]([^"'\`\\s]{8,200})["'\`]`,
      'gi',
    ),
    holds: isRandomValue,
  },
  {
    id: 'assigned-secret',
    path: settingsFile,
    pattern: new RegExp(`(?:${NAME})\\w{0,20}[ \\t]{0,3}[:=][ \\t]{0,3}([^"'\`\\s#;]{8,200})[ \\t]*$`, 'gim'),
    holds: isRandomValue,
  },
];

export function findByOwnRules(path: string, text: string): Finding | undefined {
  for (const { id, pattern, path: where, holds } of rules) {
    if (where && !where.test(path)) continue;
    for (const match of text.matchAll(pattern))
      if (!holds || holds(match)) return { rule: id, index: match.index };
  }
  return undefined;
}

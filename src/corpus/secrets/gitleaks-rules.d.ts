/** Generated when the sources are bundled or tested: scripts/gitleaks-rules.mjs. */
declare module 'gitleaks-rules' {
  /** An allowlist: a finding that matches one of the patterns or contains one of the words is not a secret. */
  export interface Allowance {
    /** Patterns, words and paths must all match, instead of any of them. */
    every?: boolean;
    /** What the patterns apply to: the secret (default), the whole match, or its line. */
    of?: 'secret' | 'match' | 'line';
    patterns: string[];
    words?: string[];
    paths?: string[];
  }

  export interface Rule {
    id: string;
    pattern: string;
    path?: string;
    /** In lower case; a text without any of them has no finding. */
    keywords: string[];
    /** Bits per character; a secret has more. */
    entropy?: number;
    /** The capture group with the secret; default: the first that matched, or the whole match. */
    secretGroup?: number;
    allow?: Allowance[];
  }

  const written: { allow: Allowance; rules: Rule[] };
  export default written;
}

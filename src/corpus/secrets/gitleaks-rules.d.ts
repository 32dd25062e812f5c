/** Made where the sources are bundled or tested: scripts/gitleaks-rules.mjs. */
declare module 'gitleaks-rules' {
  /** When a finding is no secret after all: one of the patterns matches it, or it contains one of the words. */
  export interface Allowance {
    /** All of patterns, words and paths must hold, not one of them. */
    every?: boolean;
    /** What the patterns are for: the secret (also without this), the whole match, or its line. */
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
    /** The group of the pattern that is the secret; else the first that matched, or all. */
    secretGroup?: number;
    allow?: Allowance[];
  }

  const written: { allow: Allowance; rules: Rule[] };
  export default written;
}

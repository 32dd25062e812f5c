/** The location of a secret, and the rule that found it. */
export interface Finding {
  rule: string;
  /** Index of its first character. */
  index: number;
}

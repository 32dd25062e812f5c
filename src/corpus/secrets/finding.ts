/** Where a rule found a secret. */
export interface Finding {
  rule: string;
  /** Index of its first character. */
  index: number;
}

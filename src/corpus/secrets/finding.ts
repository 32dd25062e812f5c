/** Where a rule found a secret. */
export interface Finding {
  rule: string;
  /** Of its first character. */
  index: number;
}

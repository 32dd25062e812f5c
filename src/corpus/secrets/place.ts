/** Where a rule found a secret. */
export interface Place {
  rule: string;
  /** Of its first character. */
  index: number;
}

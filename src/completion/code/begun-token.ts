/**
 * Text that may be only the beginning of a token: the word or punctuation at the cursor with the one character before
 * it that tokens of code begin with, or the last white space (indentation is one token without its last character).
 */
const pattern = /(?:[ !-/:-@[-`{-~]|(?<![A-Za-z]))[A-Za-z]{1,32}$| ?[!-/:-@[-`{-~]{1,3}$|[ \t]$/;
const LONGEST = 34;

/** The end of the text before the cursor that the model generates again in completion. Training cuts before it. */
export const begunToken = (before: string): string => pattern.exec(before.slice(-LONGEST))?.[0] ?? '';

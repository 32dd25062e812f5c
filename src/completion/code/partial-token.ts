/**
 * Text that may be only the beginning of a token: the word or punctuation at the cursor with the one preceding
 * character that code tokens often begin with, or the last whitespace character (indentation is usually one token
 * without its last character).
 */
const pattern = /(?:[ !-/:-@[-`{-~]|(?<![A-Za-z]))[A-Za-z]{1,32}$| ?[!-/:-@[-`{-~]{1,3}$|[ \t]$/;
const MAX_CHARACTERS = 34;

/**
 * The end of the text before the cursor, which the model generates again during completion. Training cuts before it.
 */
export const partialToken = (before: string): string =>
  pattern.exec(before.slice(-MAX_CHARACTERS))?.[0] ?? '';

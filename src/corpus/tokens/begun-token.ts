/**
 * What may be only the beginning of a token: the word or the punctuation at the cursor with the one character that
 * tokens of code begin with, or the last white space (indentation is one token but for its last character).
 */
const pattern = /(?:[ !-/:-@[-`{-~]|(?<![A-Za-z]))[A-Za-z]{1,32}$| ?[!-/:-@[-`{-~]{1,3}$|[ \t]$/;
const LONGEST = 34;

/** The end of the text before a cursor that completion has the model write anew, and that training cuts before. */
export const begunToken = (before: string): string => pattern.exec(before.slice(-LONGEST))?.[0] ?? '';

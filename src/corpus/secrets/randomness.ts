/** How much a text looks drawn at random rather than written by a person. */
import pairs from './letter-pairs.json' with { type: 'json' };

/** Shannon entropy of the text's characters, in bits per character. */
export function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** Letters without their case, then these. */
const DIGIT = 26;
const SIGN = 27;
/** Stands before a capital that follows no capital. */
const CASE = 28;
export const SYMBOLS = 29;
const START = SIGN;

/** The text as symbols below SYMBOLS, as letter-pairs.json counts them. */
export function symbolsOf(text: string): number[] {
  const symbols: number[] = [];
  let capital = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const upper = code >= 65 && code <= 90;
    if (upper && !capital) symbols.push(CASE);
    if (upper || (code >= 97 && code <= 122)) symbols.push((code | 32) - 97);
    else symbols.push(code >= 48 && code <= 57 ? DIGIT : SIGN);
    capital = upper;
  }
  return symbols;
}

/**
 * How many bits fewer the text takes if each character is drawn from the alphabet that it uses than if it was written
 * like a name in code. Above 0: rather drawn; above 10: hardly ever written. Long texts give clear answers, short ones
 * don't: 16 drawn characters have 10 to 50 bits, names of any length -60 to 5.
 */
export function randomBits(text: string): number {
  let previous = START;
  let written = 0;
  for (const symbol of symbolsOf(text)) {
    // In half bits, as a digit of base 36.
    written += parseInt(pairs[previous]![symbol]!, 36) / 2;
    if (symbol === DIGIT) written += Math.log2(10);
    else if (symbol === SIGN) written += 2;
    previous = symbol;
  }
  return written - text.length * Math.log2(alphabetSize(text));
}

function alphabetSize(text: string): number {
  if (/^(?:[\da-f]+|[\dA-F]+)$/.test(text)) return 16;
  const signs = new Set(text.match(/[^A-Za-z\d]/g)).size;
  const size = (/[a-z]/.test(text) ? 26 : 0) + (/[A-Z]/.test(text) ? 26 : 0) + (/\d/.test(text) ? 10 : 0);
  return Math.max(2, size + (signs ? Math.max(4, signs) : 0));
}

/** Measures whether a text looks random rather than written by a person. */
import pairs from './letter-pairs.json' with { type: 'json' };

/** Shannon entropy of the text's characters, in bits per character. */
export function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** Symbols after the 26 letters, which are case-insensitive. */
const DIGIT = 26;
const SIGN = 27;
/** Precedes a capital that does not follow another capital. */
const CASE = 28;
export const SYMBOLS = 29;
const START = SIGN;

/** The text as a sequence of symbols (less than SYMBOLS), as counted in letter-pairs.json. */
export function toSymbols(text: string): number[] {
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
 * Log2 likelihood ratio of the text being drawn at random from its alphabet to being a name written in code. Above 0:
 * more likely random; above 10: almost never written. Long texts give clear answers, short ones don't: 16 random
 * characters have 10 to 50 bits, names of any length -60 to 5.
 */
export function randomBits(text: string): number {
  let previous = START;
  let writtenBits = 0;
  for (const symbol of toSymbols(text)) {
    // In half bits, as a digit of base 36.
    writtenBits += parseInt(pairs[previous]![symbol]!, 36) / 2;
    if (symbol === DIGIT) writtenBits += Math.log2(10);
    else if (symbol === SIGN) writtenBits += 2;
    previous = symbol;
  }
  return writtenBits - text.length * Math.log2(alphabetSize(text));
}

function alphabetSize(text: string): number {
  if (/^(?:[\da-f]+|[\dA-F]+)$/.test(text)) return 16;
  const signs = new Set(text.match(/[^A-Za-z\d]/g)).size;
  const size = (/[a-z]/.test(text) ? 26 : 0) + (/[A-Z]/.test(text) ? 26 : 0) + (/\d/.test(text) ? 10 : 0);
  return Math.max(2, size + (signs ? Math.max(4, signs) : 0));
}

/**
 * Names in source text, as numbers. The index keeps 32 bits of a name instead of the name: a million lines have some
 * hundred thousand names, and a false match (one in ten thousand queries) shows in the text, which is read anyway.
 */

/** Shorter names are too common. */
const MIN_LENGTH = 3;
/** Per file; a file with more is data. */
const MAX_NAMES = 5000;

const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

/** FNV-1a over the UTF-16 units of a name. */
export function nameHash(name: string): number {
  let hash = OFFSET;
  for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), PRIME);
  return hash >>> 0;
}

const isLetter = (code: number) =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || code === 36 || code > 127;
const isDigit = (code: number) => code >= 48 && code <= 57;

/** The hashes of all distinct names in a text, in ascending order: a file's use of names. */
export function namesUsed(text: string): Uint32Array {
  const found = new Set<number>();
  for (let at = 0; at < text.length && found.size < MAX_NAMES; at += 1) {
    let code = text.charCodeAt(at);
    if (!isLetter(code)) {
      // Letters in a number (0xff, 1e5) are not a name.
      if (isDigit(code)) while (at + 1 < text.length && isWord(text.charCodeAt(at + 1))) at += 1;
      continue;
    }
    const from = at;
    let hash = OFFSET;
    for (; isWord(code); code = text.charCodeAt(++at)) hash = Math.imul(hash ^ code, PRIME);
    if (at - from >= MIN_LENGTH) found.add(hash >>> 0);
  }
  return Uint32Array.from(found).sort();
}

const isWord = (code: number) => isLetter(code) || isDigit(code);

/** Whether a file with these names uses one. */
export function uses(names: Uint32Array, hash: number): boolean {
  let [low, high] = [0, names.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const entry = names[middle]!;
    if (entry === hash) return true;
    if (entry < hash) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}

/** The distinct names in a text, in the order of their first appearance. */
export function namesIn(text: string): string[] {
  const found = text.match(/[\p{L}_$][\p{L}\p{N}_$]*/gu) ?? [];
  return [...new Set(found.filter((name) => name.length >= MIN_LENGTH))];
}

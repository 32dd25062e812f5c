/** Measures how random a text looks. */

/** Shannon entropy of the text's characters, in bits per character. */
export function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/**
 * Whether a value looks randomly generated rather than written by a person. Random text changes between lower case,
 * upper case, digits and signs at nearly every other character; words, names, versions and paths rarely do. A capital
 * and the lower-case letters after it count as one part, as in names.
 */
export function looksRandom(value: string): boolean {
  if (value.length < 8 || !/[a-z]/i.test(value)) return false;
  const parts = value.match(/[A-Z]?[a-z]+|[A-Z]+|\d+|[^A-Za-z\d]+/g) ?? [];
  // Words and numbers separated by signs: a constant, a path, a date.
  if (value.split(/[^A-Za-z\d]+/).every((part) => /^(?:[A-Za-z]*|\d*)$/.test(part))) return false;
  const changes = parts.length - 1;
  return (
    changes >= Math.max(3, (value.length - 1) / 4) &&
    entropy(value) >= Math.min(3.2, 0.85 * Math.log2(value.length))
  );
}

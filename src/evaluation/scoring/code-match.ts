/** Similarity of two pieces of code, as repository-level benchmarks compute it. Pure. */

/**
 * 2 x (longest common subsequence) / (sum of lengths): fuzzywuzzy's `ratio` with its C library, without rounding to
 * whole percents. 1 for equal texts, including two empty ones.
 */
export function fuzzyRatio(a: string, b: string): number {
  const [x, y] = [[...a], [...b]];
  if (x.length + y.length === 0) return 1;
  let above = new Uint32Array(y.length + 1);
  for (const character of x) {
    const row = new Uint32Array(y.length + 1);
    for (let j = 1; j <= y.length; j += 1)
      row[j] = y[j - 1] === character ? above[j - 1]! + 1 : Math.max(above[j]!, row[j - 1]!);
    above = row;
  }
  return (2 * above[y.length]!) / (x.length + y.length);
}

/** Whether two texts have the same words and punctuation, whatever whitespace separates them. */
export const sameWords = (a: string, b: string): boolean =>
  a.trim().split(/\s+/).join(' ') === b.trim().split(/\s+/).join(' ');

/** Whether two texts are equal once all whitespace is removed. */
export const equalIgnoringWhitespace = (a: string, b: string): boolean =>
  a.replaceAll(/\s+/g, '') === b.replaceAll(/\s+/g, '');

/** A text without `#` and `//` comments, cut as CrossCodeEval cuts them: also within strings. */
export const withoutComments = (code: string): string =>
  code.replaceAll(/#.*/g, '').replaceAll(/\/\/.*/g, '');

/** The lines that are not blank, trimmed. */
export const nonBlankLines = (code: string): string[] =>
  code.split('\n').flatMap((line) => (line.trim() ? [line.trim()] : []));

const strings = /"([^"\\]*(\\.[^"\\]*)*)"|'([^'\\]*(\\.[^'\\]*)*)'/g;

/** The identifiers of a piece of code in their order, with repetitions, without those in strings and keywords. */
export const listIdentifiers = (code: string, keywords: ReadonlySet<string>): string[] =>
  [...code.replaceAll(strings, '').matchAll(/[\p{L}\p{N}_]+/gu)]
    .map(([word]) => word)
    .filter((word) => /^[_a-zA-Z]/.test(word) && !keywords.has(word));

/** F1 of the distinct identifiers; 0 if neither has any, as in CrossCodeEval. */
export function identifierF1(found: readonly string[], wanted: readonly string[]): number {
  const [a, b] = [new Set(found), new Set(wanted)];
  const shared = [...a].filter((word) => b.has(word)).length;
  return a.size + b.size === 0 ? 0 : (2 * shared) / (a.size + b.size);
}

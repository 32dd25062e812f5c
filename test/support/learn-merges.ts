/** Byte-pair encoding's merges for a text, so that a tiny model needs few tokens for much of such a text. */
import { byteCharacters } from './tiny-vocabulary.ts';

/** The most frequent pairs, one after the other, in GPT-2's characters: "Ġ t", "h e", "Ġt he". */
export function learnMerges(text: string, count: number): string[] {
  const characters = byteCharacters();
  const seen = new Map<string, number>();
  // Split roughly as in GPT-2: a merge never crosses the beginning of a word.
  for (const [word] of text.matchAll(/ ?[A-Za-z]+| ?\d+| ?[^\sA-Za-z\d]+|\s+(?!\S)|\s+/g))
    seen.set(word, (seen.get(word) ?? 0) + 1);
  const words = [...seen].map(([word, times]) => ({
    parts: Array.from(Buffer.from(word), (byte) => characters[byte]!),
    times,
  }));
  const merges: string[] = [];
  while (merges.length < count) {
    const pairs = new Map<string, number>();
    for (const { parts, times } of words)
      for (let at = 1; at < parts.length; at += 1) {
        const pair = `${parts[at - 1]!} ${parts[at]!}`;
        pairs.set(pair, (pairs.get(pair) ?? 0) + times);
      }
    const [best] = [...pairs].reduce((most, pair) => (pair[1] > most[1] ? pair : most), ['', 1]);
    if (!best) break;
    merges.push(best);
    const [left, right] = best.split(' ');
    for (const { parts } of words)
      for (let at = 1; at < parts.length; at += 1)
        if (parts[at - 1] === left && parts[at] === right) parts.splice(at - 1, 2, left! + right!);
  }
  return merges;
}

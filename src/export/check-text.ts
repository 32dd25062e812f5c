/** The text on which the trained model and the exported file are compared. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { withTokenizer } from '../llama-cpp/tokenizer.ts';
import { openCorpus, type Corpus } from '../corpus/index.ts';

/** Length in tokens, in pieces from all over the corpus, because a single file may contain nothing that was learned. */
export const CHECK_TOKENS = 96;
const PIECES = 4;

/** Used for a run without a corpus. */
const SAMPLE = `import { readFile } from 'node:fs/promises';

/** Counts how often each word occurs in a file, the most frequent first. */
export async function countWords(path: string): Promise<[string, number][]> {
  const text = await readFile(path, 'utf8');
  const counts = new Map<string, number>();
  for (const word of text.toLowerCase().split(/\\W+/)) {
    if (word) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}
`;

/** Tokens of the corpus, held-out ones if there are enough. */
export function corpusTokens({ heldOut, train }: Pick<Corpus, 'heldOut' | 'train'>): Int32Array {
  const source = heldOut.length > 1 ? heldOut : train;
  if (source.length <= CHECK_TOKENS) return source.read(0, source.length);
  const size = CHECK_TOKENS / PIECES;
  const pieces = Array.from({ length: PIECES }, (_, piece) => [
    ...source.read(Math.floor((piece * (source.length - size)) / (PIECES - 1)), size),
  ]);
  return Int32Array.from(pieces.flat());
}

/** Tokens of the run's corpus, or of a sample of code if it has none (because it was imported). */
export async function checkTokens(runDir: string, basePath: string): Promise<Int32Array> {
  const dir = join(runDir, 'corpus');
  if (existsSync(join(dir, 'summary.json'))) return corpusTokens(await openCorpus(dir));
  return sampleTokens(basePath);
}

/** Tokens of a sample of code. */
export const sampleTokens = (basePath: string): Promise<Int32Array> =>
  withTokenizer(basePath, ({ encode }) => encode(SAMPLE).slice(0, CHECK_TOKENS));

/** The only way to the training sequences of a corpus; opens the base's tokenizer if they need it. */
import { openTokenizer } from '../llama-cpp/tokenizer.ts';
import type { Corpus, CorpusSequences } from '../corpus/index.ts';
import type { Hyper } from '../protocol/run.ts';

export interface Closable {
  /** Frees the tokenizer; no sequence may be read after that. */
  close(): Promise<void>;
}

/** The sequences must be closed. Errors: those of openTokenizer and of `sequences`. */
export async function openSequences(
  corpus: Corpus,
  basePath: string,
  { sequenceLength, seed }: Pick<Hyper, 'sequenceLength' | 'seed'>,
): Promise<CorpusSequences & Closable> {
  if (!corpus.summary.fim)
    return { ...corpus.sequences(sequenceLength, seed), close: () => Promise.resolve() };
  const tokenizer = await openTokenizer(basePath);
  try {
    return { ...corpus.sequences(sequenceLength, seed, tokenizer), close: () => tokenizer.dispose() };
  } catch (error) {
    await tokenizer.dispose();
    throw error;
  }
}

/** The one door to what is trained on: a corpus' sequences, with the base's tokenizer where they are made with it. */
import { openTokenizer } from '../base-models/tokenizer.ts';
import type { Corpus, CorpusSequences } from '../corpus/index.ts';
import type { Hyper } from '../protocol/run.ts';

export interface Closable {
  /** Frees the tokenizer; no sequence is read after that. */
  close(): Promise<void>;
}

/** Errors: those of openTokenizer and of `sequences`. Close them. */
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

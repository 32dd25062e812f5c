/** The tokens among which a LoRA's training loss is computed (model/loss-head.ts). Pure but for reading the corpus. */
import type { Corpus } from '../corpus/index.ts';
import type { ModelConfig } from '../model/index.ts';
import type { Hyper } from '../protocol/run.ts';

/** The vocabulary's first tokens: the vocabularies of byte pairs begin with the most common ones. */
const COMMON = 16_384;
/** With more tokens, or in a vocabulary that is hardly larger, little would be saved. */
const MAX_TOKENS = 32_768;
const BLOCK = 65_536;

/** The corpus's tokens and the most common ones, in ascending order; undefined: the whole vocabulary. */
export function lossTokens(
  { train }: Pick<Corpus, 'train'>,
  { vocabularySize }: Pick<ModelConfig, 'vocabularySize'>,
  { method }: Pick<Hyper, 'method'>,
): Int32Array | undefined {
  if (method === 'full' || vocabularySize < 2 * MAX_TOKENS) return undefined;
  const used = new Uint8Array(vocabularySize).fill(1, 0, COMMON);
  for (let at = 0; at < train.length; at += BLOCK)
    for (const token of train.read(at, Math.min(BLOCK, train.length - at))) used[token] = 1;
  const tokens = Int32Array.from(used.keys()).filter((token) => used[token] === 1);
  return tokens.length <= MAX_TOKENS ? tokens : undefined;
}

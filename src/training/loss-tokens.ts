/** The tokens among which a LoRA's training loss is computed (model/loss-head.ts). Pure but for reading the corpus. */
import type { Corpus } from '../corpus/index.ts';
import type { ModelConfig } from '../model/index.ts';
import { STRIDE } from '../model/loss-head.ts';
import type { Hyper } from '../protocol/run.ts';

/** The vocabulary's first tokens: the vocabularies of byte pairs begin with the most common ones. */
const COMMON = 16_384;
/** With more tokens, the whole vocabulary is used; the memory plan counts on no more. */
const MOST = 32_768;
const BLOCK = 65_536;

/** The corpus's tokens and the most common ones, in ascending order; undefined: the whole vocabulary. */
export function lossTokens(
  { train }: Pick<Corpus, 'train'>,
  config: Pick<ModelConfig, 'vocabularySize'>,
  hyper: Pick<Hyper, 'method'>,
): Int32Array | undefined {
  if (mostLossTokens(config, hyper) === 0) return undefined;
  const { vocabularySize } = config;
  const used = new Uint8Array(vocabularySize).fill(1, 0, COMMON);
  for (let at = 0; at < train.length; at += BLOCK)
    for (const token of train.read(at, Math.min(BLOCK, train.length - at))) used[token] = 1;
  const tokens = Int32Array.from(used.keys()).filter((token) => used[token] === 1);
  return tokens.length <= MOST ? tokens : undefined;
}

/** The largest number of tokens that `lossTokens` may choose; 0: none, as little would be saved. */
const mostLossTokens = (
  { vocabularySize }: Pick<ModelConfig, 'vocabularySize'>,
  { method }: Pick<Hyper, 'method'>,
): number => (method === 'lora' && vocabularySize >= 2 * MOST ? MOST : 0);

/** The most rows of the head that such a loss takes, with the sample of the other tokens. */
export function mostLossRows(
  config: Pick<ModelConfig, 'vocabularySize'>,
  hyper: Pick<Hyper, 'method'>,
): number {
  const used = mostLossTokens(config, hyper);
  return used && used + Math.ceil((config.vocabularySize - used) / STRIDE);
}

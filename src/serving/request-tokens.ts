/** What a request is to the engine: the prompt's tokens, and how to sample. */
import type { LlamaModel } from 'node-llama-cpp';
import type { HostRequest } from './host-types.ts';
import { layOutPrompt, type PromptTokens } from './prompt-tokens.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Of the context, the most that an answer may claim before the prompt gets its room. */
const ANSWER_SHARE = 0.5;

export interface RequestTokens extends PromptTokens {
  /** Tokens that the answer may have. */
  most: number;
}

/** The tokens of the prompt, cut so that the answer has room after it. */
export function layOutRequest(
  { prompt, suffix, maxTokens }: Pick<HostRequest, 'prompt' | 'suffix' | 'maxTokens'>,
  model: LlamaModel,
  { bos, fill }: Vocabulary,
  contextSize: number,
): RequestTokens {
  const encode = (text: string) => model.tokenize(text, false);
  const answer = Math.min(maxTokens, Math.floor(contextSize * ANSWER_SHARE));
  // One position stays empty: llama.cpp would shift the context to make room.
  const room = contextSize - 1 - answer;
  const laidOut = layOutPrompt(encode(prompt), suffix ? encode(suffix) : undefined, { fill, bos, room });
  // A model can't go on from nothing: an empty prompt starts where a document starts.
  if (laidOut.tokens.length === 0) laidOut.tokens.push(model.tokens.bos ?? model.tokens.eos ?? 0);
  return { ...laidOut, most: Math.min(maxTokens, contextSize - 1 - laidOut.tokens.length) };
}

/** The engine's own defaults (top-k 40, top-p .95) would not be what was asked for. */
export function samplerOptions({
  temperature = 0,
  topP = 1,
  seed,
}: Pick<HostRequest, 'temperature' | 'topP' | 'seed'>) {
  return {
    temperature,
    topP,
    topK: 0,
    minP: 0,
    seed: (seed ?? Math.floor(Math.random() * 2 ** 31)) >>> 0,
    yieldEogToken: true,
  };
}

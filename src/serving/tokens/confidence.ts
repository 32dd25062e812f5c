/** How sure the model is of a greedy answer, at the price of a few of its likeliest tokens. */
import type { TokenLogProbability } from '../host-types.ts';

/**
 * Number of tokens that compete: the others of a vocabulary have next to nothing of the probability, and sorting
 * 150,000 of them costs as much as a third of computing the token.
 */
const LIKELIEST = 40;

/** Sampler's options with which `probabilities` are the likeliest tokens at temperature 1, in descending order. */
export const likeliestOptions = { temperature: 1, topK: LIKELIEST };

/** The greedy token and its log-probability among the likeliest ones. RangeError if there are none. */
export function likeliest<T extends number>(
  probabilities: ReadonlyMap<T, number> | undefined,
): { token: T; logprob: number } {
  const [first] = probabilities ?? [];
  if (!first) throw new RangeError('llama.cpp returned no probabilities.');
  return { token: first[0], logprob: Math.log(first[1]) };
}

/** Log-probability of a piece of an answer: that of all tokens that it completes. */
export const certainty = (tokens: readonly Pick<TokenLogProbability, 'logprob'>[]): number =>
  tokens.reduce((sum, { logprob }) => sum + logprob, 0);

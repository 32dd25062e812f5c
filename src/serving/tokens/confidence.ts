/** Confidence of a greedy answer, computed cheaply from the likeliest tokens. */
import type { LlamaContextSequence, SequenceEvaluateOptions, Token } from 'node-llama-cpp';
import type { HostRequest, TokenLogProbability } from '../host-types.ts';

/**
 * Number of candidate tokens: the rest of a vocabulary has almost no probability, and sorting 150,000 tokens takes a
 * third of the time of computing one.
 */
const LIKELIEST = 40;

/** Sampler options with which `probabilities` are the likeliest tokens at temperature 1, in descending order. */
export const likeliestOptions = { temperature: 1, topK: LIKELIEST };

/** A token of an answer, with its log-probability if that was asked for. */
export interface Generated {
  token: number;
  chance?: Omit<TokenLogProbability, 'offset'> | undefined;
}

/** Whether the request asks for the confidence of a greedy answer. */
export const needsConfidence = ({ confidence, logprobs, temperature = 0 }: Partial<HostRequest>): boolean =>
  Boolean(confidence) && logprobs === undefined && temperature === 0;

/** Generates greedily after these tokens, with log-probabilities among the likeliest tokens. */
export async function* generateLikeliest(
  sequence: LlamaContextSequence,
  tokens: readonly number[],
  options: SequenceEvaluateOptions,
): AsyncGenerator<Generated, void> {
  const outputs = sequence.evaluateWithMetadata(
    tokens as Token[],
    { probabilities: true },
    { ...options, ...likeliestOptions },
  );
  try {
    for (let next = await outputs.next(); !next.done;) {
      const { token, logprob } = likeliest(next.value.probabilities);
      yield { token, chance: { id: token, token: '', logprob, top: [] } };
      // A sampler that returns probabilities does not choose the likeliest token by itself.
      next = await outputs.next(token);
    }
  } finally {
    await outputs.return();
  }
}

/** The likeliest token and its log-probability. `probabilities`: in descending order. RangeError if there are none. */
export function likeliest<T extends number>(
  probabilities: ReadonlyMap<T, number>,
): { token: T; logprob: number } {
  const [first] = probabilities;
  if (!first) throw new RangeError('llama.cpp returned no probabilities.');
  return { token: first[0], logprob: Math.log(first[1]) };
}

/** Log-probability of a piece of an answer: the sum over the tokens that it completes. */
export const pieceConfidence = (tokens: readonly Pick<TokenLogProbability, 'logprob'>[]): number =>
  tokens.reduce((sum, { logprob }) => sum + logprob, 0);

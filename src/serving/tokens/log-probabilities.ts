/** Converts the probabilities of llama.cpp's sampler to OpenAI's log-probabilities. */
import type { TokenLogProbability } from '../host-types.ts';
import type { Vocabulary } from './vocabulary.ts';

/**
 * Log-probabilities of `token` and of the `count` most likely tokens. `probabilities` (most likely first) are those
 * after temperature, which is undone: with p' ~ p^(1/T), p ~ p'^T. Tokens cut off by top-p and the like can't be
 * restored: the others then add up to 1.
 */
export function readLogProbability(
  probabilities: ReadonlyMap<number, number>,
  token: number,
  { count, temperature = 0, vocabulary }: { count: number; temperature?: number; vocabulary: Vocabulary },
): Omit<TokenLogProbability, 'offset'> {
  const power = temperature > 0 ? temperature : 1;
  let sum = 0;
  for (const probability of probabilities.values()) sum += power === 1 ? probability : probability ** power;
  const logprob = (probability: number) => Math.max(LOWEST, power * Math.log(probability) - Math.log(sum));
  const top: TokenLogProbability['top'] = [];
  for (const [candidate, probability] of probabilities) {
    if (top.length >= count) break;
    top.push({ id: candidate, token: vocabulary.piece(candidate), logprob: logprob(probability) });
  }
  return { id: token, token: vocabulary.piece(token), logprob: logprob(probabilities.get(token) ?? 0), top };
}

/** JSON has no infinity. */
const LOWEST = -1e4;

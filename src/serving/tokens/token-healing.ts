/** Token healing: the model generates the end of the text before the cursor again, as part of its answer. */
import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import { mix, uniform } from '../../statistics/random.ts';
import type { Answer } from './answer.ts';
import type { HostRequest } from '../host-types.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface Healing {
  text: string;
  /** With a temperature, the token is sampled from those that fit; otherwise it is the most likely one. */
  request: Pick<HostRequest, 'temperature' | 'seed' | 'maxTokens'>;
  answer: Answer;
  vocabulary: Vocabulary;
  signal?: AbortSignal | undefined;
}

/** Share of the distribution that is considered for sampling. */
const LIKELY = 0.999;

/**
 * Computes `rest` and generates tokens that spell `text`; the last one may go beyond it. Returns the tokens to compute
 * next, which are none if the answer has ended, and gives the answer the request's number of tokens after them.
 */
export async function healToken(
  sequence: LlamaContextSequence,
  rest: readonly number[],
  { text, request, answer, vocabulary, signal }: Healing,
): Promise<readonly number[]> {
  const { temperature = 0, seed, maxTokens } = request;
  const random = seed === undefined ? Math.random : uniform(mix(seed));
  let next = rest as readonly Token[];
  for (let left = Buffer.from(text).toString('latin1'); left !== '';) {
    signal?.throwIfAborted();
    const outputs = await sequence.controlledEvaluate([
      ...next.slice(0, -1),
      [next.at(-1)!, { generateNext: { probabilities: true } }],
    ]);
    const token = chooseFitting(left, outputs.at(-1)!.next.probabilities!, vocabulary, {
      temperature,
      random,
    });
    left = left.slice(vocabulary.bytes(token).length);
    if (answer.push(token)) return [];
    next = [token];
  }
  answer.allow(maxTokens);
  return next;
}

/**
 * Chooses one of the tokens that are a beginning of `text` (bytes), or begin with all of it. `probabilities`: most
 * likely first. Throws RangeError if the vocabulary has no such token, not even single bytes.
 */
export function chooseFitting<T extends number>(
  text: string,
  probabilities: ReadonlyMap<T, number>,
  { bytes, ends }: Pick<Vocabulary, 'bytes' | 'ends'>,
  { temperature, random }: { temperature: number; random: () => number },
): T {
  const fitting: { token: T; weight: number }[] = [];
  let seen = 0;
  for (const [token, probability] of probabilities) {
    const says = bytes(token);
    seen += probability;
    if (says !== '' && !ends.has(token) && (says.startsWith(text) || text.startsWith(says)))
      fitting.push({ token, weight: temperature > 0 ? probability ** (1 / temperature) : 1 });
    if (fitting.length > 0 && (temperature === 0 || seen > LIKELY)) break;
  }
  let left = random() * fitting.reduce((sum, { weight }) => sum + weight, 0);
  const chosen = fitting.find(({ weight }) => (left -= weight) <= 0) ?? fitting[0];
  if (!chosen) throw new RangeError(`No token fits the beginning of ${JSON.stringify(text)}.`);
  return chosen.token;
}

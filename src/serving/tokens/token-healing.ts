/** Token healing: the end of the text before the cursor is written anew, as a part of what the model would say there. */
import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import { mix, uniform } from '../../statistics/random.ts';
import type { Answer } from './answer.ts';
import type { HostRequest } from '../engine/host-types.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface Healing {
  text: string;
  /** With a temperature, which of the tokens that fit is left to probability; else it is the likeliest. */
  request: Pick<HostRequest, 'temperature' | 'seed' | 'maxTokens'>;
  answer: Answer;
  vocabulary: Vocabulary;
  signal?: AbortSignal | undefined;
}

/** Share of the distribution that is looked at when there is a choice. */
const LIKELY = 0.999;

/**
 * Computes `rest` and writes tokens whose bytes begin with those of `text`; the last may say more. Returns what is to be
 * computed next, and allows the answer the request's tokens after them: nothing where it has ended.
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
 * One of the tokens that say the beginning of `text` (bytes), or all of it and more. `probabilities` are likeliest first.
 * Throws RangeError where the vocabulary has none, not even single bytes.
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
  if (!chosen) throw new RangeError(`No token begins as ${JSON.stringify(text)} does.`);
  return chosen.token;
}

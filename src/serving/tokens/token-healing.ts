/** Token healing: the model generates the end of the text before the cursor again, as part of its answer. */
import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import { mix, uniform } from '../../statistics/random.ts';
import type { Answer } from './answer.ts';
import { needsConfidence } from './confidence.ts';
import type { HostRequest } from '../host-types.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface Healing {
  text: string;
  /** With a temperature, the token is sampled from the matching ones; otherwise the most likely one is chosen. */
  request: Pick<HostRequest, 'temperature' | 'seed' | 'maxTokens' | 'confidence' | 'logprobs'>;
  answer: Answer;
  vocabulary: Vocabulary;
  signal?: AbortSignal | undefined;
}

/** Share of the distribution that is considered for sampling. */
const LIKELY = 0.999;
/**
 * Number of candidate tokens: sorting and returning all 150,000 of a vocabulary takes longer than computing the token.
 */
const LIKELIEST = 256;
/** Maximum number of preferred tokens. If more match, one of them is among the likeliest anyway. */
const MAX_PREFERRED = 512;
/** Added to the logits of the preferred tokens: more than the range of logits, but small enough to keep them exact. */
const PREFERENCE = 128;

/**
 * Computes `rest` and generates tokens that spell `text`; the last one may go beyond it. Returns the tokens to compute
 * next, none if the answer has ended, and limits the rest of the answer to the request's number of tokens.
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
    const { token, logprob } = await spell(sequence, next, left, vocabulary, { temperature, random });
    left = left.slice(vocabulary.bytes(token).length);
    const chance = needsConfidence(request) ? { id: token, token: '', logprob, top: [] } : undefined;
    if (answer.push(token, chance)) return [];
    next = [token];
  }
  answer.limitRest(maxTokens);
  return next;
}

interface Chance {
  temperature: number;
  random: () => number;
}

/** Computes `next` and chooses the token that spells the beginning of `text` (bytes), or goes beyond it. */
async function spell(
  sequence: LlamaContextSequence,
  next: readonly Token[],
  text: string,
  vocabulary: Vocabulary,
  chance: Chance,
): Promise<Fitting<Token>> {
  const compute = async (tokens: readonly Token[], options?: object) => {
    const last = [tokens.at(-1)!, { generateNext: { probabilities: true, ...options } }] as const;
    const outputs = await sequence.controlledEvaluate([...tokens.slice(0, -1), [...last]]);
    return outputs.at(-1)!.next.probabilities!;
  };
  const tokenBias = await prefer(sequence, vocabulary.spelling(text, MAX_PREFERRED));
  // The temperature is 1 so that the probabilities are the model's own.
  const options = { temperature: 1, topK: LIKELIEST, topP: 1, ...(tokenBias && { tokenBias }) };
  const likeliest = await compute(next, { options });
  for (const token of likeliest.keys())
    if (fits(text, token, vocabulary)) return chooseFitting(text, likeliest, vocabulary, chance);
  // If none of them matches, which is rare, the last row is computed again for all tokens.
  const { nextTokenIndex: end } = sequence;
  await sequence.eraseContextTokenRanges([{ start: end - 1, end }]);
  return chooseFitting(text, await compute(next.slice(-1)), vocabulary, chance);
}

/** A bias that makes these tokens the likeliest. */
async function prefer({ model }: LlamaContextSequence, tokens: readonly number[] | undefined) {
  if (!tokens || tokens.length === 0) return undefined;
  const { TokenBias } = await import('node-llama-cpp');
  return TokenBias.for(model).set(tokens as Token[], { logit: PREFERENCE });
}

type Spelling = Pick<Vocabulary, 'bytes' | 'ends'>;

function fits(text: string, token: number, { bytes, ends }: Spelling): boolean {
  const spelling = bytes(token);
  return spelling !== '' && !ends.has(token) && (spelling.startsWith(text) || text.startsWith(spelling));
}

/** A token with its log-probability among the matching ones. */
interface Fitting<T> {
  token: T;
  logprob: number;
}

/**
 * Chooses a token that is a prefix of `text` (bytes), or starts with all of it. `probabilities`: most likely first.
 * Throws RangeError if the vocabulary has no such token, not even single bytes.
 */
export function chooseFitting<T extends number>(
  text: string,
  probabilities: ReadonlyMap<T, number>,
  vocabulary: Spelling,
  { temperature, random }: Chance,
): Fitting<T> {
  const fitting: { token: T; probability: number }[] = [];
  let seen = 0;
  for (const [token, probability] of probabilities) {
    seen += probability;
    if (fits(text, token, vocabulary)) fitting.push({ token, probability });
    if (fitting.length > 0 && seen > LIKELY) break;
  }
  const chosen = temperature > 0 ? sampled(fitting, temperature, random) : fitting[0];
  if (!chosen) throw new RangeError(`No token fits the beginning of ${JSON.stringify(text)}.`);
  const all = fitting.reduce((sum, { probability }) => sum + probability, 0);
  return { token: chosen.token, logprob: Math.log(chosen.probability / all) };
}

function sampled<F extends { probability: number }>(
  fitting: readonly F[],
  temperature: number,
  random: () => number,
): F | undefined {
  const weights = fitting.map(({ probability }) => probability ** (1 / temperature));
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  return fitting.find((_, at) => (left -= weights[at]!) <= 0) ?? fitting[0];
}

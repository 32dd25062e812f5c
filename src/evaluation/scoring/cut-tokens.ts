/** Cuts texts to a number of tokens. */
import type { Tokenizer } from '../../llama-cpp/tokenizer.ts';

type Coder = Pick<Tokenizer, 'encode' | 'decode'>;

/** At most the last `count` tokens of a text. */
export function lastTokens(text: string, count: number, { encode, decode }: Coder): string {
  const tokens = encode(text);
  return tokens.length <= count ? text : whole(decode(tokens.subarray(tokens.length - count)));
}

/** At most the first `count` tokens of a text. */
export function firstTokens(text: string, count: number, { encode, decode }: Coder): string {
  const tokens = encode(text);
  return tokens.length <= count ? text : whole(decode(tokens.subarray(0, count)));
}

/** Removes incomplete characters that a cut between two tokens leaves. */
const whole = (text: string): string => text.replace(/^\uFFFD+|\uFFFD+$/g, '');

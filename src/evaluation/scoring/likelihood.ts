/** Log-likelihoods of continuations, computed as in lm-evaluation-harness, several per pass of the model. */
import type { Tokenizer } from '../../llama-cpp/tokenizer.ts';
import { sum } from '../../statistics/statistics.ts';
import type { EvaluatedModel } from '../task.ts';

export interface ScoredText {
  context: string;
  /**
   * Begins with the white space that separates it from the context; without it, a token that spans both would not be
   * counted.
   */
  continuation: string;
}

export interface LogLikelihood {
  /** ln p(continuation | context), summed over its tokens. */
  value: number;
  tokens: number;
}

interface Encoded {
  tokens: Int32Array;
  /** Number of tokens at the end that belong to the continuation. */
  counted: number;
}

/** Tokens per pass: enough for a few of the longest questions. */
const PASS_TOKENS = 2048;

export async function logLikelihoods(
  model: Pick<EvaluatedModel, 'tokenizer' | 'contextLength' | 'tokenLosses'>,
  continued: readonly ScoredText[],
): Promise<LogLikelihood[]> {
  const tokenizer = await model.tokenizer();
  const most = await model.contextLength();
  const results: LogLikelihood[] = [];
  for (const texts of passes(continued.map((text) => encode(text, tokenizer, most)))) {
    const { tokens, starts, begins } = pack(texts);
    // Tokens before the first one that counts need not be measured.
    const skipped = texts[0]!.tokens.length - texts[0]!.counted;
    const losses = await model.tokenLosses(tokens, { starts, last: tokens.length - skipped });
    for (const [index, text] of texts.entries()) {
      const end = begins[index]! + text.tokens.length - skipped;
      results.push({ value: -sum(losses.subarray(end - text.counted, end)), tokens: text.counted });
    }
  }
  return results;
}

/**
 * Encodes context and continuation together. The first tokens, as many as the context alone has (without white space at
 * its end), count as context, the rest as continuation. Text that is too long loses its beginning.
 */
export function encode(
  { context, continuation }: ScoredText,
  { encode: tokens, start, eos }: Pick<Tokenizer, 'encode' | 'start' | 'eos'>,
  most = Infinity,
): Encoded {
  const kept = context.trimEnd();
  const whole = tokens(context + continuation);
  const counted = whole.length - tokens(kept).length;
  // There must be a token before the first one that counts.
  const before = start ?? (kept ? undefined : eos);
  const all = before === undefined ? whole : Int32Array.of(before, ...whole);
  return { tokens: all.slice(Math.max(0, all.length - most - 1)), counted };
}

function* passes(texts: readonly Encoded[]): Generator<Encoded[]> {
  let pass: Encoded[] = [];
  let length = 0;
  for (const text of texts) {
    if (pass.length > 0 && length + text.tokens.length > PASS_TOKENS) {
      yield pass;
      [pass, length] = [[], 0];
    }
    pass.push(text);
    length += text.tokens.length;
  }
  if (pass.length > 0) yield pass;
}

/** Packs the texts one after the other; no text sees those before it. */
export function pack(texts: readonly Pick<Encoded, 'tokens'>[]): {
  tokens: Int32Array;
  starts: Int32Array;
  begins: number[];
} {
  const length = texts.reduce((total, { tokens }) => total + tokens.length, 0);
  const [tokens, starts] = [new Int32Array(length), new Int32Array(length)];
  const begins: number[] = [];
  let begin = 0;
  for (const text of texts) {
    begins.push(begin);
    tokens.set(text.tokens, begin);
    starts.fill(begin, begin, begin + text.tokens.length);
    begin += text.tokens.length;
  }
  // The last token is only predicted.
  return { tokens, starts: starts.subarray(0, -1), begins };
}

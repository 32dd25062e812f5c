/**
 * Writes a greedy answer several tokens at a time: tokens that stood somewhere before are guessed, and llama.cpp checks
 * them in one pass. What is written is what the model would have written one by one.
 */
import type { LlamaContextSequence, SequenceEvaluateOptions, Token } from 'node-llama-cpp';
import type { FimTokens } from '../../corpus/tokens/fim.ts';
import { generated, likeliest, likeliestOptions, type Generated } from '../tokens/confidence.ts';
import { Drafter, readingOrder } from '../tokens/draft.ts';
import type { DraftLength } from '../tokens/draft-length.ts';

/**
 * llama.cpp rounds differently where it computes several rows at once. Where the second likeliest token is behind by
 * less than this (in nats), the row is computed again alone, as it would have been without guesses.
 */
const NEAR = 0.5;

interface Written {
  token: Token;
  logprob: number;
}

export class Speculation {
  private readonly drafter: Drafter;

  constructor(
    private readonly length: DraftLength,
    prompt: readonly number[],
    { fill, ends }: { fill: FimTokens | undefined; ends: ReadonlySet<number> },
  ) {
    this.drafter = new Drafter(readingOrder(prompt, fill), ends);
  }

  /** A token of the answer, and how long it took if it was computed alone. */
  push(token: number, milliseconds?: number): void {
    this.drafter.push(token);
    if (milliseconds !== undefined) this.length.took(1, milliseconds);
  }

  /**
   * Guesses what follows `last`, the answer's newest token, which is not computed yet. Returns the tokens that are
   * right; the last of them is not computed either. None if there is no guess, or the first token is in doubt.
   */
  async write(sequence: LlamaContextSequence, last: Token, most: number): Promise<Written[]> {
    const room = Math.min(most - 1, sequence.context.contextSize - 2 - sequence.nextTokenIndex);
    const draft = room > 0 ? this.drafter.guess(room) : undefined;
    const tokens = draft?.tokens.slice(0, this.length.choose(draft.matched, draft.tokens.length)) ?? [];
    if (!draft || tokens.length === 0) return [];
    const start = sequence.nextTokenIndex;
    const began = performance.now();
    const generateNext = { probabilities: true, options: likeliestOptions } as const;
    const outputs = await sequence.controlledEvaluate(
      [last, ...tokens].map((token) => [token as Token, { generateNext }]),
    );
    this.length.took(outputs.length, performance.now() - began);
    const written = rightOnes(
      outputs.map((output) => output?.next.probabilities),
      tokens,
    );
    this.length.learn(draft.matched, tokens.length, Math.min(written.length, tokens.length));
    for (const { token } of written) this.drafter.push(token);
    // Each token that was written needs the row before it.
    const end = sequence.nextTokenIndex;
    if (end > start + written.length)
      await sequence.eraseContextTokenRanges([{ start: start + written.length, end }]);
    return written;
  }
}

/** Generates greedily after these tokens, with log-probabilities among the likeliest ones. `room`: most tokens. */
export async function* generateGuessing(
  sequence: LlamaContextSequence,
  tokens: readonly number[],
  options: SequenceEvaluateOptions,
  speculation: Speculation,
  room: () => number,
): AsyncGenerator<Generated, void> {
  const outputs = sequence.evaluateWithMetadata(
    tokens as Token[],
    { probabilities: true },
    { ...options, ...likeliestOptions },
  );
  try {
    // The first one also computes the rest of the prompt.
    let took: number | undefined;
    for (let next = await outputs.next(); !next.done;) {
      let last = likeliest(next.value.probabilities);
      speculation.push(last.token, took);
      for (let written: Written[] = [last]; written.length > 0;) {
        for (last of written) yield generated(last);
        written = await speculation.write(sequence, last.token, room());
      }
      const began = performance.now();
      next = await outputs.next(last.token);
      took = performance.now() - began;
    }
  } finally {
    await outputs.return();
  }
}

/** The tokens up to the first one that was guessed wrong, which is replaced by the right one. */
export function rightOnes<T extends number>(
  rows: readonly (ReadonlyMap<T, number> | undefined)[],
  guessed: readonly number[],
): { token: T; logprob: number }[] {
  const written: { token: T; logprob: number }[] = [];
  for (const [at, row] of rows.entries()) {
    const [first = 0, second = 0] = row?.values() ?? [];
    if (Math.log(first / second) < NEAR) break;
    const next = likeliest(row!);
    written.push(next);
    if (next.token !== guessed[at]) break;
  }
  return written;
}

/** Guesses the next tokens of an answer: what followed where its last tokens stood before. Pure. */
import type { FimTokens } from '../../corpus/tokens/fim.ts';

export interface Draft {
  tokens: number[];
  /** How many tokens before them are the same in both places. */
  matched: number;
}

/** Longest beginning that is compared, and shortest that is worth a guess. */
const LONGEST_MATCH = 16;
const SHORTEST_MATCH = 2;
/** Stands between texts that do not follow each other. */
const GAP = -1;

/**
 * The tokens of a prompt in an order in which what is nearest to the answer is last: other files, the text after the
 * cursor, the text before it.
 */
export function readingOrder(prompt: readonly number[], fill: FimTokens | undefined): number[] {
  const middle = fill ? prompt.lastIndexOf(fill.middle) : -1;
  if (!fill || middle < 0) return [...prompt];
  const suffix = prompt.lastIndexOf(fill.suffix, middle);
  const prefix = prompt.lastIndexOf(fill.prefix, suffix);
  return [
    ...[...prompt.slice(0, Math.max(0, prefix)), GAP],
    ...[...prompt.slice(suffix + 1, middle), GAP],
    ...prompt.slice(prefix + 1, suffix),
    ...prompt.slice(middle + 1),
  ];
}

export class Drafter {
  private readonly text: number[];

  /** `prompt`: in reading order. `ends`: tokens that are no part of a text. */
  constructor(
    prompt: readonly number[],
    private readonly ends: ReadonlySet<number>,
  ) {
    this.text = [...prompt];
  }

  push(token: number): void {
    this.text.push(token);
  }

  /** At most `most` tokens: after the longest match, and of several, after the newest. */
  guess(most: number): Draft | undefined {
    const { text } = this;
    let best = { end: 0, matched: SHORTEST_MATCH - 1 };
    for (let end = text.length - 1; end > 0 && best.matched < LONGEST_MATCH; end -= 1) {
      const matched = this.matchedAt(end);
      if (matched > best.matched) best = { end, matched };
    }
    if (best.end === 0) return undefined;
    const tokens: number[] = [];
    for (const token of text.slice(best.end, best.end + most)) {
      if (token === GAP || this.ends.has(token)) break;
      tokens.push(token);
    }
    return tokens.length > 0 ? { tokens, matched: best.matched } : undefined;
  }

  /** How many tokens before `end` are the last ones of the text. */
  private matchedAt(end: number): number {
    const { text } = this;
    let matched = 0;
    while (
      matched < LONGEST_MATCH &&
      matched < end &&
      text[end - 1 - matched] !== GAP &&
      text[end - 1 - matched] === text[text.length - 1 - matched]
    )
      matched += 1;
    return matched;
  }
}

/** Verdicts as sequences whose end is learned or unlearned: the prompt as it is served, and the text. */
import type { Tokenizer } from '../../base-models/tokenizer.ts';
import { buildPrompt } from '../../completion/index.ts';
import { CONTINUATION_BUDGET, layOutContinuation } from '../../cursors/continuations.ts';
import { mix, mixText } from '../../statistics/random.ts';
import type { Verdict } from '../../preferences/verdict.ts';

export interface Example {
  desirable: boolean;
  /** Its file. */
  document: string;
  tokens: Int32Array;
  /** Tokens at the end that are the text. */
  counted: number;
}

/** Of a sequence, what the text may take, so that there is room for what it belongs to. */
const LONGEST_TEXT = 0.5;

/** In the order given; those whose text is too long for `sequenceLength` are left out. */
export function examplesOf(
  verdicts: readonly Verdict[],
  tokenizer: Tokenizer,
  how: { sequenceLength: number; wholeRepositories: boolean },
): Example[] {
  return verdicts.flatMap(({ preference, text, desirable }) => {
    const { repository, path, languageId, prefix, suffix } = preference;
    const ask = buildPrompt(
      { path, languageId, before: prefix, after: suffix, place: { repository, path } },
      {
        model: '',
        fillInTheMiddle: tokenizer.fim !== undefined,
        maxTokens: 1,
        reach: 'block',
        budget: CONTINUATION_BUDGET,
        wholeRepositories: how.wholeRepositories,
      },
    );
    const room = how.sequenceLength - tokenizer.encode((ask.heal ?? '') + text).length;
    if (room < (1 - LONGEST_TEXT) * how.sequenceLength) return [];
    const { tokens, counted } = layOutContinuation(ask, text, tokenizer, room);
    return [{ desirable, document: path, tokens: Int32Array.from(tokens), counted }];
  });
}

/** Share of the texts that is held out. */
const HELD_OUT = 0.1;

/**
 * By file: all of the files that the run has held out, for whose text is measured, and others until they are their share.
 * @param isHeldOut whether the run learns nothing of a file
 */
export function parted<T extends { document: string }>(
  examples: readonly T[],
  isHeldOut: (document: string) => boolean,
  seed: number,
): { training: T[]; heldOut: T[] } {
  const documents = [...new Set(examples.map(({ document }) => document))];
  const order = new Map(documents.map((one) => [one, isHeldOut(one) ? -1 : mix(seed, mixText(one))]));
  documents.sort((a, b) => order.get(a)! - order.get(b)!);
  const out = new Set<string>();
  let count = 0;
  for (const one of documents) {
    if (order.get(one)! >= 0 && count >= HELD_OUT * examples.length) break;
    out.add(one);
    count += examples.filter(({ document }) => document === one).length;
  }
  return {
    training: examples.filter(({ document }) => !out.has(document)),
    heldOut: examples.filter(({ document }) => out.has(document)),
  };
}

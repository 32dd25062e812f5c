/** Lays out the tokens of a prompt: fill-in-the-middle with the model's own tokens, truncated to fit. */
import type { FimTokens } from '../../corpus/tokens/fim.ts';

export interface PromptTokens {
  tokens: number[];
  /** Number of tokens cut off at the ends far from the cursor. */
  trimmed: number;
}

/**
 * The prefix is truncated in whole blocks, so that its beginning stays the same during typing and the model's cache
 * stays valid.
 */
const BLOCK = 128;

/** Share of the room for the text after the cursor, if both sides are too long. */
const SUFFIX_SHARE = 0.25;

/** Largest share of the room for the beginning of the answer. */
const BEGUN_SHARE = 0.5;

export interface PromptLayout {
  fill: FimTokens | undefined;
  bos: number | undefined;
  /** Maximum number of tokens in total. */
  room: number;
  /** Other files; they are truncated first. */
  context?: readonly number[];
  /** The beginning of the answer, if already written. */
  begun?: readonly number[];
}

/**
 * Lays out a prompt in at most `room` tokens. With `fill` and a suffix: prefix token, prefix, suffix token, suffix,
 * middle token (PSM); else only the prefix. Truncates far from the cursor: first other files, then the prefix's
 * beginning and the suffix's end.
 */
export function layOutPrompt(
  prefix: readonly number[],
  suffix: readonly number[] | undefined,
  { fill, bos, room, context = [], begun = [] }: PromptLayout,
): PromptTokens {
  const start = bos === undefined ? [] : [bos];
  const written = begun.slice(-Math.max(0, Math.floor(room * BEGUN_SHARE)));
  const filled = fill && suffix && suffix.length > 0 ? fill : undefined;
  const free = Math.max(0, room - start.length - written.length - (filled ? 3 : 0));
  const after = filled
    ? (suffix ?? []).slice(0, Math.max(free - prefix.length, Math.floor(free * SUFFIX_SHARE)))
    : [];
  const before = keepEnd(prefix, free - after.length);
  const files = keepEnd(context, free - after.length - before.length);
  const tokens = filled
    ? [...files, filled.prefix, ...before, filled.suffix, ...after, filled.middle, ...written]
    : [...files, ...before, ...written];
  const total = context.length + prefix.length + (filled ? (suffix?.length ?? 0) : 0) + begun.length;
  return {
    tokens: [...start, ...tokens],
    trimmed: total - files.length - before.length - after.length - written.length,
  };
}

function keepEnd(tokens: readonly number[], room: number): readonly number[] {
  const excess = tokens.length - Math.max(0, room);
  if (excess <= 0) return tokens;
  // A power of two: it stays the same while the room changes by a few tokens with each key.
  const block = Math.min(BLOCK, 2 ** Math.floor(Math.log2(Math.max(1, room / 8))));
  return tokens.slice(Math.min(tokens.length, Math.ceil(excess / block) * block));
}

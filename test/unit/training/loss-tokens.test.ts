import { expect, it } from 'vitest';
import { lossTokens } from '../../../src/training/loss-tokens.ts';

const COMMON = 16_384;
const corpusOf = (tokens: Int32Array) => ({
  train: { length: tokens.length, read: (at: number, count: number) => tokens.slice(at, at + count) },
});
const lora = { method: 'lora' as const };
const choose = (tokens: Int32Array, vocabularySize: number, hyper: Parameters<typeof lossTokens>[2] = lora) =>
  lossTokens(corpusOf(tokens) as Parameters<typeof lossTokens>[0], { vocabularySize }, hyper);

it("are the corpus's and the most common ones, each once", () => {
  const tokens = Int32Array.from({ length: 150_000 }, (_, at) => (at % 2 ? at % 400 : 140_000 + (at % 600)));
  const chosen = choose(tokens, 152_000)!;
  expect([...chosen]).toEqual([...new Set([...Array(COMMON).keys(), ...tokens.toSorted()])]);
});

it('are not chosen where little would be saved, or the head is trained', () => {
  const few = Int32Array.of(1, 2, 3);
  expect(choose(few, 49_152)).toBeUndefined();
  expect(choose(few, 152_000, { method: 'full' })).toBeUndefined();
  expect(
    choose(
      Int32Array.from({ length: 20_000 }, (_, at) => COMMON + at),
      152_000,
    ),
  ).toBeUndefined();
});

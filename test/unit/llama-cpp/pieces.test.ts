import { describe, expect, it } from 'vitest';
import { readPieces } from '../../../src/llama-cpp/pieces.ts';

const pieces = (model: string, words: [string, number][]) =>
  readPieces({
    'tokenizer.ggml.model': model,
    'tokenizer.ggml.tokens': words.map(([word]) => word),
    'tokenizer.ggml.token_type': words.map(([, type]) => type),
  });
const texts = (of: ReturnType<typeof pieces>, count: number, special = false) =>
  Array.from({ length: count }, (_, token) => of.bytesOf(token, special).toString('latin1'));

describe('the bytes of tokens', () => {
  it("in GPT-2's byte-level encoding", () => {
    const of = pieces('gpt2', [
      ['Ġreturn', 1],
      ['Ċĉ', 1],
      ['Ã©', 1],
      ['ł', 1],
      ['<|endoftext|>', 3],
      ['  é', 4],
      ['[PAD7]', 5],
    ]);
    expect(of.exact).toBe(true);
    expect(texts(of, 7)).toEqual([' return', '\n\t', '\xc3\xa9', '\xa0', '', '  \xc3\xa9', '']);
    expect(of.bytesOf(4, true).toString()).toBe('<|endoftext|>');
  });

  it("in SentencePiece's encoding", () => {
    const of = pieces('llama', [
      ['<unk>', 2],
      ['<0x0A>', 6],
      ['<0xE2>', 6],
      ['▁▁return', 1],
      ['</s>', 3],
    ]);
    expect(of.exact).toBe(false);
    expect(texts(of, 5)).toEqual(['', '\n', '\xe2', '  return', '']);
  });
});

import type { LlamaModel } from 'node-llama-cpp';
import { expect, it } from 'vitest';
import { readVocabulary } from '../../../src/serving/tokens/vocabulary.ts';

const types = { normal: 1, control: 3, userDefined: 4, byte: 6 };

/** A model with these words, which can't be asked for its texts. */
function modelOf(kind: string, words: (readonly [string, keyof typeof types])[]): LlamaModel {
  const tokens = words.map(([word]) => word);
  const ggml = { model: kind, tokens, token_type: words.map(([, type]) => types[type]) };
  return {
    fileInfo: { metadata: { tokenizer: { ggml } } },
    tokens: { shouldPrependBosToken: false, infill: { prefix: null, suffix: null, middle: null } },
    iterateAllTokens: () => tokens.keys(),
    getTokenAttributes: (token: number) => ({ [words[token]![1]]: true }),
    isEogToken: () => false,
    tokenize: () => [],
  } as unknown as LlamaModel;
}

it.each([
  ['gpt2', '<ï½ľfimâĸģholeï½ľ>'],
  ['llama', '<｜fim▁hole｜>'],
])('markers that a vocabulary of the kind %s has as ordinary tokens end an answer', (kind, hole) => {
  const { ends, size } = readVocabulary(
    modelOf(kind, [
      ['<|fim_prefix|>', 'normal'],
      ['<div>', 'normal'],
      ['<｜fim▁begin｜>', 'userDefined'],
      ['<0x3C>', 'byte'],
      ['[INST]', 'control'],
      ['if', 'normal'],
      [hole, 'normal'],
    ]),
  );
  expect(size).toBe(7);
  expect([...ends]).toEqual(kind === 'gpt2' ? [0, 2, 4, 6] : [0, 2, 4]);
});

/** A request with other files is laid out like a repository in training: compared with the corpus's own functions. */
import { expect, it } from 'vitest';
import { repositoryMarks } from '../../../src/corpus/tokens/tokenizer.ts';
import type { HostRequest } from '../../../src/serving/host-types.ts';
import { layOutRequest } from '../../../src/serving/tokens/request-tokens.ts';
import type { Vocabulary } from '../../../src/serving/tokens/vocabulary.ts';

/** One token per character; special tokens' names are one token. */
function model(...special: string[]) {
  const tokenize = (text: string, isSpecial?: boolean) =>
    isSpecial && special.includes(text)
      ? [1000 + special.indexOf(text)]
      : Array.from(text, (character) => character.codePointAt(0)!);
  return { tokenize, tokens: { bos: null, eos: null } } as never as Parameters<typeof layOutRequest>[1];
}

const fill = { prefix: 2000, suffix: 2001, middle: 2002 };
const vocabulary = (more: Partial<Vocabulary> = {}) =>
  ({ bos: undefined, fill, repository: {}, ...more }) as Vocabulary;

const request: HostRequest = {
  model: 'm',
  prompt: 'a =',
  suffix: '\n}',
  maxTokens: 8,
  context: [{ filename: 'src/b.ts', text: 'b();\n' }],
  place: { repository: 'shop', path: 'src/a.ts' },
};

it.each([
  ['Qwen2.5-Coder', ['<|repo_name|>', '<|file_sep|>']],
  ['SmolLM2', ['<repo_name>', '<file_sep>']],
])('lays out a request as %s was trained', (_, names) => {
  const llama = model(...names);
  const encode = (text: string, { special = false } = {}) =>
    Int32Array.from(llama.tokenize(text, special as never));
  const marks = repositoryMarks({ encode, eos: 0 });
  expect(layOutRequest(request, llama, vocabulary(), 200).tokens).toEqual([
    ...marks.opening('shop'),
    ...marks.heading('src/b.ts'),
    ...encode('b();\n'),
    ...marks.heading('src/a.ts'),
    fill.prefix,
    ...encode('a ='),
    fill.suffix,
    ...encode('\n}'),
    fill.middle,
  ]);
});

it('lays it out as plain text if the base has no special tokens', () => {
  const llama = model();
  expect(
    layOutRequest({ ...request, suffix: undefined }, llama, vocabulary({ fill: undefined }), 200).tokens,
  ).toEqual([...'b();\n\na ='].map((character) => character.codePointAt(0)));
});

it('cuts other files first', () => {
  const { tokens, trimmed } = layOutRequest(request, model('<repo_name>', '<file_sep>'), vocabulary(), 20);
  expect(trimmed).toBeGreaterThan(0);
  expect(tokens.slice(-8)).toEqual(
    [fill.prefix, ...'a =']
      .map((item) => (typeof item === 'number' ? item : item.charCodeAt(0)))
      .concat([fill.suffix, 10, 125, fill.middle]),
  );
});

it('keeps the beginning of a prompt that is cut from key to key, so that it stays in the cache', () => {
  const beginnings = new Set<string>();
  const written = 'value = compute(total, rate)  # ';
  for (let key = 1; key <= written.length; key += 1) {
    const heal = written.slice(Math.max(0, key - (key % 6)), key);
    const { tokens, trimmed } = layOutRequest(
      {
        ...request,
        prompt: 'p'.repeat(200),
        suffix: 's'.repeat(50),
        begun: written.slice(0, key - heal.length),
        heal,
        maxTokens: 5 + ((key * 7) % 16),
        context: [{ filename: 'src/b.ts', text: Array.from({ length: 300 }, (_, n) => n).join('') }],
        cachePrompt: true,
      },
      model('<repo_name>', '<file_sep>'),
      vocabulary(),
      640,
    );
    expect(trimmed).toBeGreaterThan(0);
    beginnings.add(JSON.stringify(tokens.slice(0, tokens.indexOf(fill.middle))));
  }
  // The typed text takes 32 tokens of its room.
  expect(beginnings.size).toBeLessThanOrEqual(2);
});

it('cuts a prompt that is read ahead like those of the next keys, so that it stays in the cache', () => {
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => n).join(' ');
  const beginning = (maxTokens: number, heal = '') => {
    const { tokens, trimmed } = layOutRequest(
      { ...request, prompt: numbers(900), suffix: numbers(900), heal, maxTokens, cachePrompt: true },
      model(),
      vocabulary(),
      2048,
    );
    expect(trimmed).toBeGreaterThan(0);
    return tokens.slice(0, tokens.indexOf(fill.middle));
  };
  const readAhead = beginning(0);
  for (const maxTokens of [1, 64, 96]) expect(beginning(maxTokens, ' total')).toEqual(readAhead);
  // Longer answers have more room, which is also the same for each key.
  const longer = beginning(150);
  for (const heal of [' ', ' t', ' total', ' totalPrice']) expect(beginning(150, heal)).toEqual(longer);
});

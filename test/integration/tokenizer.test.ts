import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenizer, type Tokenizer } from '../../src/llama-cpp/tokenizer.ts';
import { exportAdapterGguf } from '../../src/weights/index.ts';
import { loadLlamaModel, readModelFile } from '../../src/llama-cpp/llama.ts';
import { readVocabulary } from '../../src/serving/tokens/vocabulary.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';
import { tinyVocabulary } from '../support/tiny-vocabulary.ts';

let dir: string;
let tokenizer: Tokenizer;
const at = (name: string) => join(dir, name);
const { tokens } = tinyVocabulary();
const id = (token: string) => tokens.indexOf(token);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-tokenizer-'));
  await writeTinyModel(at('tiny.gguf'));
  tokenizer = await openTokenizer(at('tiny.gguf'));
});
afterAll(async () => {
  await tokenizer?.dispose();
  await rm(dir, { recursive: true, force: true });
});

describe('a tokenizer', () => {
  it.each([
    'function add(a, b) {\n    return a + b;\n}\n',
    '\tif (x)\r\n  y();   ',
    'naïve 中文 😀 \u0000\u2028',
    "[a , ...b] ? c : d ! it 's  \n",
    '',
  ])('decodes %j as it was', (text) => {
    const encoded = tokenizer.encode(text);
    expect(encoded).toBeInstanceOf(Int32Array);
    expect(tokenizer.decode(encoded)).toBe(text);
    expect(encoded.reduce((sum, token) => sum + tokenizer.byteLength(token), 0)).toBe(
      Buffer.byteLength(text),
    );
    expect(encoded.every((token) => token >= 0 && token < tokens.length)).toBe(true);
  });

  it('applies merges, and falls back to bytes', () => {
    expect([...tokenizer.encode('function')]).toEqual([id('function')]);
    expect([...tokenizer.encode(' return')]).toEqual([id('Ġreturn')]);
    expect([...tokenizer.encode('zq')]).toEqual([id('z'), id('q')]);
    expect(tokenizer.encode('😀')).toHaveLength(4);
  });

  it('reads special tokens as text unless asked', () => {
    const text = 'a<|fim_prefix|>b';
    expect([...tokenizer.encode(text, { special: true })]).toEqual([id('a'), id('<|fim_prefix|>'), id('b')]);
    const plain = tokenizer.encode(text);
    expect(plain).not.toContain(id('<|fim_prefix|>'));
    expect(tokenizer.decode(plain)).toBe(text);
  });

  it('omits special tokens from text unless asked', () => {
    const encoded = [id('a'), id('<|endoftext|>')];
    expect(tokenizer.decode(encoded)).toBe('a');
    expect(tokenizer.decode(encoded, { special: true })).toBe('a<|endoftext|>');
    expect(tokenizer.decode(Int32Array.from(encoded))).toBe('a');
  });

  it('shows special tokens only if asked', () => {
    const list = [id('<|fim_prefix|>'), id('a'), id('<|endoftext|>')];
    expect(tokenizer.decode(list)).toBe('a');
    expect(tokenizer.decode(list, { special: true })).toBe('<|fim_prefix|>a<|endoftext|>');
    expect(list.map((token) => tokenizer.byteLength(token))).toEqual([0, 1, 0]);
  });

  it('knows the special tokens', () => {
    const fim = { prefix: id('<|fim_prefix|>'), suffix: id('<|fim_suffix|>'), middle: id('<|fim_middle|>') };
    expect(tokenizer.eos).toBe(id('<|endoftext|>'));
    expect(tokenizer.fim).toEqual(fim);
    expect(tokenizer.fileSeparator).toBe(id('<|file_sep|>'));
  });

  it("knows StarCoder's special tokens, as in StarCoder2 and Granite", async () => {
    await writeTinyModel(at('angled.gguf'), { architecture: 'starcoder2', marks: 'starcoder' });
    const angled = await openTokenizer(at('angled.gguf'));
    const words = tinyVocabulary({ marks: 'starcoder' }).tokens;
    const [prefix, suffix, middle] = ['prefix', 'suffix', 'middle'].map((part) =>
      words.indexOf(`<fim_${part}>`),
    );
    expect(angled.fim).toEqual({ prefix, suffix, middle });
    expect(angled.fileSeparator).toBe(words.indexOf('<file_sep>'));
    expect([...angled.encode('<repo_name>', { special: true })]).toEqual([words.indexOf('<repo_name>')]);
    await angled.dispose();
  });

  it('starts texts and reads tokens as serving does', async () => {
    expect(tokenizer.start).toBeUndefined();
    await writeTinyModel(at('started.gguf'), { start: true });
    const started = await openTokenizer(at('started.gguf'));
    const model = await loadLlamaModel(await readModelFile(at('started.gguf')), { vocabOnly: true });
    expect(started.start).toBe(id('<|im_start|>'));
    const served = readVocabulary(model);
    expect(served.bos).toBe(started.start);
    const text = 'a , ...b ? "é" : c !';
    expect(served.decode([...started.encode(text)], [])).toBe(text);
    expect([...started.encode('function')]).toEqual([id('function')]);
    for (const one of [started, model]) await one.dispose();
  });

  it.each([-1, 1e6, 1.5, NaN])('refuses %d, which would crash the process', (token) => {
    expect(() => tokenizer.decode([token])).toThrow(RangeError);
  });

  it('works alongside another one', async () => {
    const other = await openTokenizer(at('tiny.gguf'));
    expect(other.encode('function')).toEqual(tokenizer.encode('function'));
    await other.dispose();
    expect(tokenizer.decode(tokenizer.encode('still here'))).toBe('still here');
  });
});

describe('opening a tokenizer fails for', () => {
  it('an adapter', async () => {
    await writeTinyAdapter(at('adapter.gguf'), at('tiny.gguf'));
    await expect(openTokenizer(at('adapter.gguf'))).rejects.toMatchObject({ code: 'base-not-gguf' });
    await exportAdapterGguf(at('empty.gguf'), { architecture: 'llama', alpha: 1, layers: [] });
    await expect(openTokenizer(at('empty.gguf'))).rejects.toMatchObject({ code: 'base-not-gguf' });
  });

  it('an architecture unknown to llama.cpp', async () => {
    await writeTinyModel(at('odd.gguf'), { architecture: 'perceptron' });
    await expect(openTokenizer(at('odd.gguf'))).rejects.toMatchObject({
      code: 'base-unsupported-architecture',
      message: expect.stringContaining('"perceptron"'),
    });
  });
});

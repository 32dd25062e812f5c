import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkHyperparameters,
  checkTensors,
  checkVocabulary,
  type ModelHeader,
} from '../../../src/base-models/check-model.ts';
import { readModelFile, type ModelFile } from '../../../src/llama-cpp/llama.ts';
import { openGguf, writeGguf } from '../../../src/gguf/index.ts';
import { readConfig } from '../../../src/model/index.ts';
import { writeTinyModel } from '../../support/tiny-model.ts';
import { tinyWeights } from '../../support/tiny-weights.ts';

let dir: string;
let file: ModelFile;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-check-'));
  await writeTinyModel(join(dir, 'tiny.gguf'));
  file = await readModelFile(join(dir, 'tiny.gguf'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const withHyperparameters = (values: Record<string, unknown>): ModelHeader => ({
  ...file,
  metadata: {
    ...file.metadata,
    ...Object.fromEntries(Object.entries(values).map(([key, value]) => [`llama.${key}`, value])),
  },
});
const refusal = (header: ModelHeader, check = checkHyperparameters) => {
  try {
    check(header);
    return undefined;
  } catch (error) {
    return error as { code: string; message: string };
  }
};

describe('metadata', () => {
  const huge = 2 ** 32 - 1;
  it.each([
    ['block_count', [0, huge, 513, 1.5, -1, '2', true, NaN]],
    ['context_length', [0, 1, 63, huge, 2n ** 60n]],
    ['embedding_length', [0, 63, huge]],
    ['feed_forward_length', [0, huge]],
    ['attention.head_count', [0, 3, 64, huge]],
    ['attention.head_count_kv', [0, 3, 8, huge]],
    ['attention.key_length', [0, 15, huge]],
    ['attention.layer_norm_rms_epsilon', [NaN, Infinity, -1, 1]],
    ['rope.freq_base', [0, -1, NaN, Infinity]],
    ['rope.dimension_count', [0, 15, 32, huge]],
    ['rope.scaling.factor', [NaN, -1, 1e30]],
    ['expert_count', [huge]],
    ['logit_scale', [NaN, Infinity]],
  ])('rejects an impossible %s before llama.cpp sees it', (key, values) => {
    for (const value of values) {
      const error = refusal(withHyperparameters({ [key]: value }));
      expect(error, String(value)).toMatchObject({ code: 'base-not-gguf' });
      expect(error!.message).toMatch(/^\S+tiny\.gguf is damaged: its .+\.$/);
      // The trainer rejects it too.
      expect(() => readConfig(withHyperparameters({ [key]: value }))).toThrow(error!.message);
    }
  });

  it('reports missing values', () => {
    for (const key of ['block_count', 'context_length', 'attention.layer_norm_rms_epsilon'])
      expect(refusal(withHyperparameters({ [key]: undefined }))).toMatchObject({
        code: 'base-truncated',
        message: expect.stringContaining(`"llama.${key}"`) as string,
      });
  });

  it('reports missing values that llama.cpp requires of Granite', () => {
    const { metadata, tensors } = tinyWeights({ architecture: 'granite' });
    expect(refusal({ metadata, tensors })).toBeUndefined();
    delete metadata['granite.logit_scale'];
    expect(refusal({ metadata, tensors })).toMatchObject({
      code: 'base-truncated',
      message: expect.stringContaining('"granite.logit_scale"') as string,
    });
  });

  it('requires tensors of matching shapes', () => {
    expect(refusal(withHyperparameters({ block_count: 512 }), checkTensors)).toMatchObject({
      code: 'base-truncated',
      message: expect.stringContaining('no tensor "blk.2.attn_norm.weight"') as string,
    });
    expect(
      refusal(withHyperparameters({ expert_count: 8, expert_used_count: 2 }), checkTensors)!.message,
    ).toMatch(/experts/);
    expect(refusal(withHyperparameters({ feed_forward_length: 127 }), checkTensors)).toMatchObject({
      code: 'base-truncated',
      message: expect.stringContaining('of 128 x 64, not 127 x 64') as string,
    });
  });

  it('accepts exact values, as number or bigint, in lists of other architectures', () => {
    for (const check of [checkHyperparameters, checkTensors]) expect(refusal(file, check)).toBeUndefined();
    expect(refusal(withHyperparameters({ block_count: 2n, 'attention.key_length': 16 }))).toBeUndefined();
    const other = { 'general.architecture': 'other', 'other.feed_forward_length': [0, 64] };
    expect(refusal({ metadata: other, tensors: new Map() })).toBeUndefined();
    expect(
      refusal({ metadata: { ...other, 'other.attention.head_count': [4, NaN] }, tensors: new Map() }),
    ).toMatchObject({ code: 'base-not-gguf' });
  });
});

describe('a vocabulary', () => {
  const withVocabulary = (patch: Record<string, unknown>): ModelHeader => ({
    ...file,
    metadata: {
      ...file.metadata,
      ...Object.fromEntries(Object.entries(patch).map(([key, value]) => [`tokenizer.ggml.${key}`, value])),
    },
  });
  const refused = (patch: Record<string, unknown>) => refusal(withVocabulary(patch), checkVocabulary);
  const words = () => file.metadata['tokenizer.ggml.tokens'] as string[];

  it('is rejected if missing or if its tokens are not strings', () => {
    for (const tokens of [undefined, [], 'abc', 7])
      expect(refused({ tokens })).toMatchObject({
        message: expect.stringMatching(/contains no vocabulary/) as string,
      });
    for (const tokens of [words().map(() => 7), ['x'.repeat(2 ** 16 + 1)]])
      expect(refused({ tokens })).toMatchObject({
        message: expect.stringMatching(/not made of words/) as string,
      });
  });

  it('is rejected if its parts do not match each other or the embedding', () => {
    expect(refused({ tokens: words().slice(1), token_type: undefined })!.message).toMatch(
      /348 tokens and embeddings for 349/,
    );
    expect(refused({ token_type: [1, 2] })!.message).toMatch(/token_type/);
    expect(refused({ scores: words().map(() => NaN) })!.message).toMatch(/scores/);
    expect(refused({ merges: ['ab'] })!.message).toMatch(/pairs/);
    expect(refused({ merges: 'a b' })!.message).toMatch(/pairs/);
    expect(refused({})).toBeUndefined();
  });

  it('is rejected if a token occurs twice, compared by bytes including a byte order mark', async () => {
    const path = join(dir, 'words.gguf');
    const gguf = await openGguf(join(dir, 'tiny.gguf'));
    const write = async (first: string, second: string) => {
      const metadata = await gguf.copyMetadata();
      const value = [first, second, ...words().slice(2)];
      metadata.set('tokenizer.ggml.tokens', { type: 'string[]', value });
      const tensors = [...gguf.tensors].map(([name, { shape, type }]) => {
        return { name, shape, type, data: () => gguf.readBytes(name) };
      });
      await writeGguf(path, { metadata, tensors });
    };
    await write('twice', 'twice');
    await expect(readModelFile(path)).rejects.toMatchObject({
      code: 'base-not-gguf',
      message: expect.stringContaining('the token "twice" twice') as string,
    });
    await write('once', '\ufeffonce');
    await readModelFile(path);
    await gguf.close();
  });
});

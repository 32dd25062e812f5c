import { expect, test } from 'vitest';
import { knownBases } from '../../../src/base-models/registry.ts';
import { baseChoices, type BaseList } from '../../../src/extension/wizard/bases.ts';

const offered: BaseList = {
  models: [
    { id: 'smollm2-135m', present: true },
    { id: 'qwen2.5-coder-1.5b', present: false },
  ],
  default: { id: 'qwen2.5-coder-1.5b', why: 'it suits the GPU' },
};
const ids = (preferred: string) => baseChoices(preferred, offered).map(({ value }) => value);

test('"auto" puts the one for this machine first and says why, without duplicates', () => {
  const choices = baseChoices('auto', offered);
  expect(choices[0]).toMatchObject({
    value: 'qwen2.5-coder-1.5b',
    description: expect.stringContaining('Apache-2.0'),
    detail: expect.stringContaining('For this machine: it suits the GPU.'),
  });
  expect(new Set(ids('auto'))).toEqual(new Set(knownBases.map(({ id }) => id)));
  expect(choices).toHaveLength(knownBases.length);
});

test('a known base from the setting comes first', () => {
  expect(ids('smollm2-135m')[0]).toBe('smollm2-135m');
  expect(ids('smollm2-135m')).toHaveLength(knownBases.length);
  expect(baseChoices('smollm2-135m', offered)[0]!.description).toContain('already here');
});

test('a file from the setting comes first, before the known ones', () => {
  const [first, ...others] = baseChoices('/models/mine.gguf', offered);
  expect(first).toMatchObject({ label: 'mine.gguf', value: '/models/mine.gguf' });
  expect(others).toHaveLength(knownBases.length);
});

test('bases that do not fit this machine come last, with the reason', () => {
  const memory = (lora: number) => ({ lora, full: 2 * lora });
  const small = {
    ...offered,
    models: [
      { id: 'smollm2-135m', present: true, leastMemory: memory(9e9) },
      { id: 'qwen2.5-coder-1.5b', present: false, leastMemory: memory(7e9) },
    ],
    availableMemory: 8e9,
  };
  const last = baseChoices('auto', small).at(-1)!;
  expect(last.value).toBe('smollm2-135m');
  expect(last.detail).toContain('It does not fit: it takes 9.0 GB of memory, and 8.0 GB are free.');
  expect(baseChoices('auto', small)[0]!.detail).not.toContain('does not fit');
});

test('one that is too large for WebAssembly does not fit, however much memory is free', () => {
  const models = [{ id: 'smollm2-135m', present: true, leastMemory: { lora: null, full: null } }];
  expect(baseChoices('auto', { ...offered, models, availableMemory: 64e9 }).at(-1)).toMatchObject({
    value: 'smollm2-135m',
    detail: expect.stringContaining('It does not fit into the 4.3 GB of memory that WebAssembly has.'),
  });
});

test('of a base, what matters comes first: that it is recommended, and why', () => {
  const why = { ...offered, default: { id: 'qwen2.5-coder-1.5b', why: 'it is fast enough' } };
  const [first, ...others] = baseChoices('auto', why);
  expect(first!.description).toMatch(/^recommended · 1\.5B parameters · /);
  expect(first!.detail).toMatch(/^For this machine: it is fast enough\. /);
  for (const { description } of others) expect(description).toMatch(/^[\d.]+[MB] parameters · /);
});

test('before TensorFlow is fetched, the base meant for it comes first, and both say so', () => {
  const withTensorflow = { id: 'qwen2.5-coder-0.5b', why: 'it is fast enough' };
  const later = { ...offered, default: { id: 'smollm2-135m', why: 'all else is slow', withTensorflow } };
  const choices = baseChoices('auto', later);
  expect(choices[0]).toMatchObject({
    value: 'qwen2.5-coder-0.5b',
    detail: expect.stringContaining('For this machine with TensorFlow: it is fast enough.'),
  });
  expect(choices.find(({ value }) => value === 'smollm2-135m')!.detail).toContain(
    'For this machine without TensorFlow: all else is slow.',
  );
});

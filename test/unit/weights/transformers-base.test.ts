/** A base as transformers loads it, compared with the names and the order of rows on PyTorch's side. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGguf } from '../../../src/gguf/index.ts';
import { readSafetensors } from '../../../src/weights/safetensors.ts';
import { readTransformersModel, writeTransformersBase } from '../../../src/weights/transformers-base.ts';
import { transformersTensor, writePeftBase } from '../../support/peft-fixture.ts';
import { writeTinyModel } from '../../support/tiny-model.ts';

interface Golden {
  models: Record<string, { cases: { full: { before: { shapes: Record<string, number[]> } } } }>;
}

let dir: string;
const at = (...names: string[]) => join(dir, ...names);
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-base-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe.each(['llama', 'qwen2'] as const)('a base of %s', (architecture) => {
  it('has the values set in transformers, and is unchanged after writing it', async () => {
    await writePeftBase(at(`${architecture}.gguf`), architecture);
    const base = await openGguf(at(`${architecture}.gguf`));
    await writeTransformersBase(at(architecture), base);
    const written = await readSafetensors(at(architecture, 'model.safetensors'));
    for (const [name, { shape, data }] of written)
      expect(await data.read(), name).toEqual(transformersTensor(name, shape));
    const back = await readTransformersModel(at(architecture), base);
    expect([...back.keys()]).toEqual([...base.tensors.keys()]);
    for (const [name, values] of back) expect(await values.read(), name).toEqual(await base.readF32(name));
    await base.close();
  });
});

it.each(['llama', 'qwen2', 'qwen3'] as const)(
  'names all tensors of a %s as transformers does',
  async (kind) => {
    const { models } = JSON.parse(await readFile('test/reference/golden.json', 'utf8')) as Golden;
    const theirs = Object.keys(models[kind]!.cases.full.before.shapes);
    await writeTinyModel(at(`tiny-${kind}.gguf`), { architecture: kind, layers: 2, tied: kind !== 'llama' });
    const base = await openGguf(at(`tiny-${kind}.gguf`));
    await writeTransformersBase(at(`tiny-${kind}`), base);
    await base.close();
    const ours = await readSafetensors(at(`tiny-${kind}`, 'model.safetensors'));
    expect([...ours.keys()].sort()).toEqual(theirs.sort());
  },
);

it('rejects an unknown architecture in one sentence', async () => {
  await writeTinyModel(at('gemma.gguf'), { architecture: 'gemma3' });
  const base = await openGguf(at('gemma.gguf'));
  await expect(writeTransformersBase(at('gemma'), base)).rejects.toMatchObject({
    code: 'base-unsupported-architecture',
    message: expect.stringContaining('gemma3') as string,
  });
  await base.close();
});

it('says which tensor a trained model lacks', async () => {
  await writeTinyModel(at('other.gguf'), { layers: 3 });
  const base = await openGguf(at('other.gguf'));
  await expect(readTransformersModel(at('llama'), base)).rejects.toMatchObject({ code: 'run-damaged' });
  await base.close();
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  exportAdapterGguf,
  exportModelGguf,
  readAdapterGguf,
  type AdapterLayer,
} from '../../../src/weights/index.ts';
import { openGguf, writeGguf, type GgufFile, type MetadataEntry } from '../../../src/gguf/index.ts';
import { writeTinyAdapter, writeTinyModel } from '../../support/tiny-model.ts';

let dir: string;
let base: string;
const at = (name: string) => join(dir, name);
const opened: GgufFile[] = [];
const open = async (path: string) => {
  const file = await openGguf(path);
  opened.push(file);
  return file;
};
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-export-'));
  base = at('base.gguf');
  await writeTinyModel(base, { seed: 1, type: 'Q8_0' });
});
afterAll(async () => {
  await Promise.all(opened.map((file) => file.close()));
  await rm(dir, { recursive: true, force: true });
});

describe('an adapter', () => {
  const layer: AdapterLayer = {
    name: 'blk.0.attn_k',
    rank: 2,
    in: 64,
    out: 32,
    a: Float32Array.from({ length: 128 }, (_, i) => i),
    b: Float32Array.from({ length: 64 }, (_, i) => -i),
  };
  const adapter = {
    architecture: 'llama',
    alpha: 32,
    layers: [layer],
    baseSha256: 'ab'.repeat(32),
  };

  it('is unchanged after writing and reading it, and fits its base', async () => {
    await exportAdapterGguf(at('a.gguf'), adapter);
    expect(await readAdapterGguf(at('a.gguf'), await open(base))).toEqual(adapter);
  });

  it("has llama.cpp's names, shapes and metadata", async () => {
    await exportAdapterGguf(at('a.gguf'), adapter);
    const { metadata, tensors } = await open(at('a.gguf'));
    expect({ ...metadata }).toMatchObject({
      'general.architecture': 'llama',
      'general.type': 'adapter',
      'adapter.type': 'lora',
      'adapter.lora.alpha': 32,
    });
    expect([...tensors].map(([name, { shape, type }]) => [name, shape, type])).toEqual([
      ['blk.0.attn_k.weight.lora_a', [2, 64], 'F32'],
      ['blk.0.attn_k.weight.lora_b', [32, 2], 'F32'],
    ]);
  });

  it('with an alpha of zero is read as llama.cpp applies it', async () => {
    await exportAdapterGguf(at('zero.gguf'), { ...adapter, alpha: 0 });
    expect(await readAdapterGguf(at('zero.gguf'))).toEqual({ ...adapter, alpha: layer.rank });
  });

  it('has the same bytes for the same numbers', async () => {
    await exportAdapterGguf(at('a.gguf'), adapter);
    await exportAdapterGguf(at('b.gguf'), adapter);
    expect((await readFile(at('a.gguf'))).equals(await readFile(at('b.gguf')))).toBe(true);
  });

  const layerLike = (change: Partial<AdapterLayer>): AdapterLayer => ({ ...layer, ...change });
  it.each([
    ['another architecture', { architecture: 'qwen2' }, /architecture "qwen2", the base is "llama"/],
    ['a layer that the base lacks', { layers: [layerLike({ name: 'blk.9.attn_k' })] }, /no "blk.9.attn_k"/],
    [
      'another size',
      { layers: [layerLike({ in: 32, rank: 4, out: 16 })] },
      /16 x 32 in the adapter and 32 x 64/,
    ],
  ])('made for another base (%s) is a mismatch', async (_, change, message) => {
    await exportAdapterGguf(at('other.gguf'), { ...adapter, ...change });
    await expect(readAdapterGguf(at('other.gguf'), await open(base))).rejects.toMatchObject({
      code: 'adapter-mismatch',
      message: expect.stringMatching(message),
    });
  });

  const damage: [string, () => Promise<void>][] = [
    ['is text', () => writeFile(at('bad.gguf'), 'not an adapter')],
    ['is truncated', async () => writeFile(at('bad.gguf'), (await readFile(at('a.gguf'))).subarray(0, -200))],
    ['is a model', () => writeTinyModel(at('bad.gguf'))],
    ['is empty', () => exportAdapterGguf(at('bad.gguf'), { ...adapter, layers: [] })],
    ['has no alpha', () => exportAdapterGguf(at('bad.gguf'), { ...adapter, alpha: NaN })],
    ['lacks a half', () => rewrite(({ name }) => !name.endsWith('lora_b'))],
    ['has halves of different rank', () => rewrite(() => true, [32, 1])],
    ['contains something else', () => rewrite(() => true, undefined, 'token_embd.weight')],
  ];
  it.each(damage)('that %s is damaged', async (_, make) => {
    await exportAdapterGguf(at('a.gguf'), adapter);
    await make();
    await expect(readAdapterGguf(at('bad.gguf'))).rejects.toMatchObject({ code: 'adapter-damaged' });
  });
  async function rewrite(keep: (tensor: { name: string }) => boolean, shapeOfB?: number[], rename?: string) {
    const file = await open(at('a.gguf'));
    const tensors = [...file.tensors]
      .filter(([name]) => keep({ name }))
      .map(([name, { shape, type }]) => {
        const isB = name.endsWith('lora_b');
        const size = isB && shapeOfB ? shapeOfB : shape;
        const count = size.reduce((product, one) => product * one, 1);
        return { name: isB && rename ? rename : name, shape: size, type, data: new Float32Array(count) };
      });
    await writeGguf(at('bad.gguf'), { metadata: await file.copyMetadata(), tensors });
  }

  it('for tests covers all seven linears of each layer', async () => {
    const layers = await writeTinyAdapter(at('t.gguf'), base, { rank: 3 });
    expect(layers).toHaveLength(14);
    expect((await readAdapterGguf(at('t.gguf'), await open(base))).layers).toEqual(layers);
  });
});

describe('a full model', () => {
  const norm = 'blk.1.attn_norm.weight';
  const down = 'blk.1.ffn_down.weight';
  const replaced = new Map([
    [norm, Float32Array.from({ length: 64 }, (_, i) => 1 + i / 3)],
    [down, Float32Array.from({ length: 64 * 128 }, (_, i) => i / 7)],
  ]);

  it.each([
    ['F16', 1, 2 ** -11],
    ['F32', 0, 0],
  ] as const)(
    'in %s contains what was trained, and the rest of the base',
    async (type, fileType, precision) => {
      await exportModelGguf(at('m.gguf'), base, replaced, { type });
      const [model, before] = [await open(at('m.gguf')), await open(base)];
      expect([...model.tensors.keys()]).toEqual([...before.tensors.keys()]);
      for (const [name, { shape, type: stored }] of model.tensors) {
        expect(stored).toBe(shape.length === 1 ? 'F32' : type);
        const values = await model.readF32(name);
        const expected = replaced.get(name) ?? (await before.readF32(name));
        for (let i = 0; i < values.length; i++)
          if (
            Math.abs(values[i]! - expected[i]!) >
            (shape.length === 1 ? 0 : precision) * Math.max(2 ** -14, Math.abs(expected[i]!))
          )
            expect(values[i], `${name}[${i}]`).toBe(expected[i]);
      }
      expect(model.metadata['general.file_type']).toBe(fileType);
    },
  );

  it('in Q8_0 falls back to F16 if rows are not whole blocks', async () => {
    await writeTinyModel(at('narrow.gguf'), { seed: 1, embedding: 40, heads: 2, kvHeads: 1, ffn: 64 });
    await exportModelGguf(at('m.gguf'), at('narrow.gguf'), new Map(), { type: 'Q8_0' });
    const { tensors, metadata } = await open(at('m.gguf'));
    expect(tensors.get('blk.0.ffn_down.weight')!.type).toBe('Q8_0');
    expect(tensors.get('blk.0.ffn_up.weight')!.type).toBe('F16');
    expect(tensors.get('output_norm.weight')!.type).toBe('F32');
    expect(metadata).toMatchObject({ 'general.file_type': 7, 'general.quantization_version': 2 });
  });

  it("keeps the base's metadata in its order, with types and bytes", async () => {
    await exportModelGguf(at('m.gguf'), base, replaced, { type: 'F16' });
    const copied = await (await open(at('m.gguf'))).copyMetadata();
    const original = await (await open(base)).copyMetadata();
    expect([...copied.keys()]).toEqual([...original.keys()]);
    for (const key of ['general.file_type']) for (const map of [copied, original]) map.delete(key);
    expect(copied).toEqual(original);
  });

  it('keeps text that is not UTF-8, and a byte order mark among the tokens', async () => {
    const words: [string, MetadataEntry] = [
      'words',
      { type: 'string[]', value: ['\ufeff', '\ufeffa', 'XX'] },
    ];
    const file = at('odd.gguf');
    await writeGguf(file, {
      metadata: [words],
      tensors: [{ name: 't', shape: [1], type: 'F32', data: new Float32Array(1) }],
    });
    const bytes = await readFile(file);
    bytes.writeUInt16LE(0xfeff, bytes.indexOf('XX'));
    await writeFile(file, bytes);
    await exportModelGguf(at('odd-out.gguf'), file, new Map(), { type: 'F32' });
    const copied = await readFile(at('odd-out.gguf'));
    expect(copied.includes(Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe]))).toBe(true);
    expect(copied.includes(Buffer.from('\ufeffa'))).toBe(true);
  });

  it('rejects a tensor that the base lacks or that has another size', async () => {
    await expect(
      exportModelGguf(at('x.gguf'), base, new Map([['nothing', new Float32Array(1)]]), { type: 'F16' }),
    ).rejects.toThrow(/no tensor "nothing"/);
    await expect(
      exportModelGguf(at('x.gguf'), base, new Map([[norm, new Float32Array(63)]]), { type: 'F16' }),
    ).rejects.toThrow(/63 values/);
    await expect(open(at('x.gguf'))).rejects.toMatchObject({ code: 'base-not-found' });
  });
});

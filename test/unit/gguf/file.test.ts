import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGguf, writeGguf, type MetadataEntry, type TensorSource } from '../../../src/gguf/index.ts';
import { Random } from '../../support/random.ts';
import { writeTinyModel } from '../../support/tiny-model.ts';

let dir: string;
const at = (name: string) => join(dir, name);
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-gguf-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const metadata: [string, MetadataEntry][] = [
  ['general.architecture', { type: 'string', value: 'llama' }],
  ['small', { type: 'int8', value: -3 }],
  ['unsigned', { type: 'uint32', value: 4_000_000_000 }],
  ['large', { type: 'uint64', value: 2n ** 60n }],
  ['half', { type: 'float32', value: 0.5 }],
  ['precise', { type: 'float64', value: 0.1 }],
  ['yes', { type: 'bool', value: true }],
  ['words', { type: 'string[]', value: ['é', '', '\ufeff'] }],
  ['numbers', { type: 'int32[]', value: [1, -1] }],
  ['none', { type: 'float32[]', value: [] }],
];
const tensors: TensorSource[] = [
  { name: 'matrix', shape: [2, 3], type: 'F32', data: Float32Array.of(1, 2, 3, 4, 5, 6) },
  { name: 'vector', shape: [5], type: 'F16', data: Float32Array.of(1, 0.5, -2, 0, 1e9) },
  { name: 'lazy', shape: [1, 32], type: 'Q8_0', data: async () => new Uint8Array(34).fill(1) },
];

describe('a written file', () => {
  beforeAll(() => writeGguf(at('a.gguf'), { metadata, tensors }));

  it('returns its metadata, including the types', async () => {
    const file = await openGguf(at('a.gguf'));
    await file.close();
    expect({ ...file.metadata }).toEqual({
      'general.architecture': 'llama',
      small: -3,
      unsigned: 4_000_000_000,
      large: 2n ** 60n,
      half: 0.5,
      precise: 0.1,
      yes: true,
      // The parser drops a byte order mark; a copy keeps it (below).
      words: ['é', '', ''],
      numbers: [1, -1],
      none: [],
    });
  });

  it('returns its tensors, rows first, aligned to 32 bytes', async () => {
    const file = await openGguf(at('a.gguf'));
    expect([...file.tensors].map(([name, { shape, type }]) => [name, shape, type])).toEqual([
      ['matrix', [2, 3], 'F32'],
      ['vector', [5], 'F16'],
      ['lazy', [1, 32], 'Q8_0'],
    ]);
    for (const { offset } of file.tensors.values()) expect(offset % 32).toBe(0);
    expect(await file.readF32('matrix')).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
    expect(await file.readF32('vector')).toEqual(Float32Array.of(1, 0.5, -2, 0, Infinity));
    expect(await file.readBytes('lazy')).toEqual(new Uint8Array(34).fill(1));
    await expect(file.readF32('none')).rejects.toMatchObject({ code: 'base-truncated' });
    await file.close();
  });

  it('copied with its metadata is identical to the byte', async () => {
    const file = await openGguf(at('a.gguf'));
    const copied = await file.copyMetadata();
    await file.close();
    await writeGguf(at('copy.gguf'), { metadata: copied, tensors });
    expect((await readFile(at('copy.gguf'))).equals(await readFile(at('a.gguf')))).toBe(true);
  });

  it('keeps its own alignment if a copied header has another', async () => {
    const other: [string, MetadataEntry] = ['general.alignment', { type: 'uint32', value: 64 }];
    await writeGguf(at('aligned.gguf'), { metadata: [...metadata, other], tensors });
    const file = await openGguf(at('aligned.gguf'));
    expect(file.metadata).not.toHaveProperty('general.alignment');
    expect(await file.readF32('matrix')).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
    await file.close();
  });

  it('keeps the existing file, and leaves no others, if writing fails', async () => {
    const before = await readFile(at('a.gguf'));
    const broken: TensorSource = { name: 'short', shape: [9], type: 'F32', data: new Float32Array(8) };
    await expect(writeGguf(at('a.gguf'), { metadata, tensors: [...tensors, broken] })).rejects.toThrow(
      RangeError,
    );
    expect((await readFile(at('a.gguf'))).equals(before)).toBe(true);
    expect((await readdir(dir)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('bad input', () => {
  let whole: Buffer;
  beforeAll(async () => {
    await writeTinyModel(at('tiny.gguf'), { layers: 1 });
    whole = await readFile(at('tiny.gguf'));
  });
  const failure = async (content: Uint8Array) => {
    await writeFile(at('bad.gguf'), content);
    return await openGguf(at('bad.gguf')).then(
      (file) => file.close().then(() => undefined),
      (error: unknown) => error as { code: string; message: string; next: string },
    );
  };
  /** The file with 4 bytes changed, `after` bytes past the first occurrence of `text`. */
  const patched = (text: string, after: number, value: number) => {
    const copy = Buffer.from(whole);
    copy.writeUInt32LE(value, copy.indexOf(text) + text.length + after);
    return copy;
  };

  it('no file, a folder', async () => {
    await expect(openGguf(at('none.gguf'))).rejects.toMatchObject({ code: 'base-not-found' });
    await expect(openGguf(dir)).rejects.toMatchObject({ code: 'base-not-found' });
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['text', Buffer.from('not a model, but long enough to be read as a header of one')],
    ['a future version', Buffer.from('GGUF\x63\0\0\0\0\0\0\0\0\0\0\0')],
    ['version 1', Buffer.from('GGUF\x01\0\0\0\0\0\0\0\0\0\0\0')],
    ['big-endian', Buffer.from('GGUF\0\0\0\x03\0\0\0\0\0\0\0\0')],
  ])('not a GGUF we read: %s', async (_, content) => {
    expect(await failure(content)).toMatchObject({ code: 'base-not-gguf' });
  });

  it('truncated anywhere: in the header, in the vocabulary, among the tensors, in the last one', async () => {
    const tensorInfo = whole.indexOf('token_embd.weight');
    const places = [
      4,
      7,
      12,
      23,
      30,
      100,
      3000,
      tensorInfo - 4,
      tensorInfo + 20,
      tensorInfo + 300,
      whole.length / 2,
      whole.length - 33,
    ];
    for (const length of places) {
      const error = await failure(whole.subarray(0, length));
      expect(error, `cut at ${length}`).toMatchObject({ code: 'base-truncated' });
      expect(error!.message).toMatch(/is incomplete: .+\.$/);
    }
    expect(await failure(whole)).toBeUndefined();
  });

  it('a tensor beyond the end is named', async () => {
    expect((await failure(whole.subarray(0, whole.length - 64)))!.message).toMatch(
      /"output_norm.weight" ends at byte \d+ of \d+/,
    );
  });

  it('one of several files of a model', async () => {
    const part: [string, MetadataEntry][] = [
      ['split.no', { type: 'uint16', value: 1 }],
      ['split.count', { type: 'uint16', value: 3 }],
    ];
    await writeGguf(at('part.gguf'), { metadata: [...metadata, ...part], tensors });
    await expect(openGguf(at('part.gguf'))).rejects.toMatchObject({
      code: 'base-not-gguf',
      message: `${at('part.gguf')} is part 2 of 3 of a model.`,
      next: expect.stringMatching(/^Join the parts with llama\.cpp's `llama-gguf-split --merge`/),
    });
  });

  it('truncated while it is open', async () => {
    await writeFile(at('shrinks.gguf'), whole);
    const file = await openGguf(at('shrinks.gguf'));
    await writeFile(at('shrinks.gguf'), whole.subarray(0, whole.length - 64));
    await expect(file.readF32('output_norm.weight')).rejects.toMatchObject({ code: 'base-truncated' });
    await file.close();
  });

  // A tensor's entry: name, dimensions (4), sizes (8 each), type (4), offset (8).
  const embedding = 'token_embd.weight';
  it('an unknown quantisation, named', async () => {
    const iq4 = await failure(patched(embedding, 4 + 16, 23));
    expect(iq4).toMatchObject({
      code: 'base-unsupported-quantisation',
      message: expect.stringContaining('IQ4_XS'),
    });
    expect(iq4!.next).toContain('Q8_0');
    expect(await failure(patched(embedding, 4 + 16, 9999))).toMatchObject({
      code: 'base-unsupported-quantisation',
      message: expect.stringContaining('type 9999'),
    });
  });

  it.each([
    ['a size of zero', patchOf(4, 0), 'base-not-gguf'],
    ['a huge size', patchOf(4, 0xffffffff), 'base-truncated'],
    ['a size beyond all files', patchOf(4 + 4, 0xffffff), 'base-truncated'],
    ['9999 dimensions', patchOf(0, 9999), 'base-truncated'],
    ['an offset past the end', patchOf(4 + 16 + 4 + 4, 1), 'base-truncated'],
    ['an offset that is not aligned', patchOf(4 + 16 + 4, 7), 'base-not-gguf'],
  ])('%s', async (_, [after, value], code) => {
    expect(await failure(patched(embedding, after, value))).toMatchObject({ code });
  });
  function patchOf(after: number, value: number): [number, number] {
    return [after, value];
  }

  it('rows that are not whole blocks', async () => {
    await writeGguf(at('rows.gguf'), {
      metadata,
      tensors: [{ name: 't', shape: [2, 32], type: 'Q8_0', data: new Uint8Array(68) }],
    });
    const content = await readFile(at('rows.gguf'));
    content.writeUInt32LE(16, content.lastIndexOf('t') + 1 + 4);
    expect(await failure(content)).toMatchObject({
      code: 'base-not-gguf',
      message: expect.stringContaining('blocks of Q8_0'),
    });
  });

  it('the same tensor twice', async () => {
    await writeGguf(at('twice.gguf'), { metadata, tensors: [tensors[0]!, tensors[0]!] });
    await expect(openGguf(at('twice.gguf'))).rejects.toMatchObject({ code: 'base-not-gguf' });
  });

  it.each([
    ['billions of tensors', 8],
    ['billions of metadata entries', 16],
  ])('%s', async (_, place) => {
    const content = Buffer.from(whole);
    content.writeBigUInt64LE(2n ** 40n, place);
    expect(await failure(content)).toMatchObject({ code: 'base-truncated' });
  });

  it('a string longer than the file', async () => {
    const key = 'general.architecture';
    expect(await failure(patched(key, 4, 9_000_000))).toMatchObject({ code: 'base-truncated' });
  });

  it('any bytes of the header changed: read, or rejected with one of our error codes', async () => {
    const random = new Random(1);
    const end = whole.indexOf('output_norm.weight') + 60;
    const spared = whole.indexOf('tokenizer.ggml.tokens') + 50;
    const merges = whole.indexOf('tokenizer.ggml.eos_token_id');
    let refused = 0;
    for (let round = 0; round < 250; round++) {
      const content = Buffer.from(whole);
      for (let changes = 1 + random.integer(3); changes > 0; changes--) {
        // Most of a header is vocabulary, where a change seldom matters.
        const place = 4 + random.integer(end - 4 - (merges - spared));
        content[place < spared ? place : place + merges - spared] = random.integer(256);
      }
      const error = await failure(content);
      if (!error) continue;
      refused++;
      expect(error.code).toMatch(/^base-(not-gguf|truncated|unsupported-quantisation)$/);
    }
    expect(refused).toBeGreaterThan(50);
  });

  it('a key such as __proto__ does no harm', async () => {
    const entries: [string, MetadataEntry][] = [
      ...metadata,
      ['__proto__', { type: 'string[]', value: ['x'] }],
    ];
    await writeGguf(at('proto.gguf'), { metadata: entries, tensors });
    const file = await openGguf(at('proto.gguf'));
    expect(file.metadata['toString']).toBeUndefined();
    expect({}.toString).toBe(Object.prototype.toString);
    await file.close();
  });
});

it('a tiny model is deterministic, and different for another seed', async () => {
  await writeTinyModel(at('one.gguf'), { seed: 5 });
  await writeTinyModel(at('two.gguf'), { seed: 5 });
  await writeTinyModel(at('three.gguf'), { seed: 6 });
  const content = await readFile(at('one.gguf'));
  expect((await readFile(at('two.gguf'))).equals(content)).toBe(true);
  expect((await readFile(at('three.gguf'))).equals(content)).toBe(false);
  expect((await stat(at('one.gguf'))).size).toBeLessThan(1e6);
});

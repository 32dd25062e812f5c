/** Files at which llama.cpp aborts: a separate process opens them first. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openTokenizer } from '../../src/llama-cpp/tokenizer.ts';
import { openGguf, writeGguf, type MetadataEntry } from '../../src/gguf/index.ts';
import { openLlamaHost } from '../../src/serving/host/llama-host.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

let dir: string;
const at = (name: string) => join(dir, name);
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-tried-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', at('home'));
  await writeTinyModel(at('base.gguf'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

/** The base with other metadata, under its name or another. */
async function writeChanged(
  path: string,
  changes: Record<string, MetadataEntry>,
  from = 'base.gguf',
): Promise<void> {
  const gguf = await openGguf(at(from));
  const metadata = new Map([...(await gguf.copyMetadata()), ...Object.entries(changes)]);
  const tensors = [...gguf.tensors].map(([name, { shape, type }]) => {
    return { name, shape, type, data: () => gguf.readBytes(name) };
  });
  await writeGguf(path, { metadata, tensors });
  await gguf.close();
}

const text = (value: string): MetadataEntry => ({ type: 'string', value });
const outcomes = async () =>
  Object.values(JSON.parse(await readFile(at('home/cache/tried-models.json'), 'utf8')) as object) as {
    outcome: string;
    at: number;
  }[];

it.each([
  ['llama', 'tokenizer.ggml.model', text('llama')],
  ['rwkv', 'tokenizer.ggml.model', text('rwkv')],
  ['layers without end', 'llama.nextn_predict_layers', { type: 'uint32', value: 1e9 } as MetadataEntry],
])('refuses a model with invalid metadata in a sentence (%s)', async (_, key, entry) => {
  await writeChanged(at('bad.gguf'), { [key]: entry });
  const refused = { code: 'base-not-gguf', message: expect.stringMatching(/bad\.gguf.*\.$/) as string };
  await expect(openTokenizer(at('bad.gguf'))).rejects.toMatchObject(refused);
  await expect(openLlamaHost({ basePath: at('bad.gguf') })).rejects.toMatchObject(refused);
  const host = await openLlamaHost({
    basePath: at('base.gguf'),
    models: [{ name: 'other', path: at('base.gguf') }],
  });
  try {
    // In place of a valid one, after the host was opened.
    await rename(at('bad.gguf'), at('base.gguf'));
    await expect(host.complete({ model: 'other', prompt: 'a', maxTokens: 2 })).rejects.toMatchObject({
      code: 'base-not-gguf',
    });
    await host.complete({ model: 'base', prompt: 'a', maxTokens: 2 });
  } finally {
    await host.dispose();
  }
});

it('remembers the outcome for these bytes, and refusals for a day', async () => {
  await writeChanged(at('bad.gguf'), { 'tokenizer.ggml.model': text('rwkv') });
  // Disks have coarse clocks, so another file may have the same size and time.
  for (const name of ['base.gguf', 'bad.gguf']) await utimes(at(name), 1e9, 1e9);
  await expect(openTokenizer(at('bad.gguf'))).rejects.toThrow();
  const [first] = await outcomes();
  expect(first!.outcome).toBe('ends');
  await expect(openTokenizer(at('bad.gguf'))).rejects.toThrow();
  expect(await outcomes()).toEqual([first]);

  // As if a day had passed.
  const path = at('home/cache/tried-models.json');
  const kept = JSON.parse(await readFile(path, 'utf8')) as Record<string, { at: number }>;
  for (const outcome of Object.values(kept)) outcome.at -= 25 * 3600_000;
  await writeFile(path, JSON.stringify(kept));
  await expect(openTokenizer(at('bad.gguf'))).rejects.toThrow();
  expect((await outcomes())[0]!.at).toBeGreaterThanOrEqual(first!.at);

  // Different bytes under the same name.
  await rename(at('base.gguf'), at('bad.gguf'));
  const tokenizer = await openTokenizer(at('bad.gguf'));
  expect(tokenizer.encode('a')).toHaveLength(1);
  await tokenizer.dispose();
});

it.each<[string, MetadataEntry]>([
  ['adapter.lora.alpha', { type: 'uint32', value: 8 }],
  ['general.type', { type: 'string[]', value: ['adapter'] }],
])('refuses an adapter whose %s has another type before llama.cpp opens it', async (key, entry) => {
  await writeTinyAdapter(at('adapter.gguf'), at('base.gguf'));
  await writeChanged(at('bad.gguf'), { [key]: entry }, 'adapter.gguf');
  const adapters = [{ name: 'bad', path: at('bad.gguf') }];
  await expect(openLlamaHost({ basePath: at('base.gguf'), adapters })).rejects.toMatchObject({
    code: 'adapter-damaged',
  });
});

it('ends itself if opening takes too much', async () => {
  // Without these bytes, the limit is below what Node itself needs.
  const args = ['dist/try-model.mjs', at('base.gguf'), '-500000000', 'whole'];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(child.signal).toBe('SIGKILL');
  expect(JSON.parse(child.stdout)).toEqual({ type: expect.stringMatching(/slow|memory/) as string });
});

/** Adapters that are added, removed, replaced and deleted while a host serves others. */
import { copyFile, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it, vi } from 'vitest';
import { setAdapterStrength } from '../../src/weights/strength.ts';
import { compareDistributions } from '../../src/runs/verify.ts';
import { createApp } from '../../src/serving/http/app.ts';
import { openLlamaHost, type LlamaHost } from '../../src/serving/host/llama-host.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

let dir: string;
let host: LlamaHost;
const at = (name: string) => join(dir, `${name}.gguf`);
const ask = (model: string, more = {}) => ({ model, prompt: 'const answer =', maxTokens: 12, ...more });
const textOf = async (model: string) => (await host.complete(ask(model))).text;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-adapters-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', join(dir, 'home'));
  await writeTinyModel(at('base'));
  await writeTinyModel(at('other'), { embedding: 32, seed: 3 });
  for (const [index, name] of ['one', 'two', 'three'].entries())
    await writeTinyAdapter(at(name), at('base'), { seed: index + 1 });
  await writeTinyAdapter(at('foreign'), at('other'));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  await copyFile(at('one'), at('mine'));
  host = await openLlamaHost({
    basePath: at('base'),
    adapters: [{ name: 'mine', path: at('mine') }],
    contextSize: 256,
  });
});
afterEach(() => host.dispose());

describe('an adapter', () => {
  it('is added and removed, and answers as it does alone', async () => {
    const mine = await textOf('mine');
    await host.addAdapter({ name: 'later', path: at('two') });
    expect(host.models).toEqual(['base', 'mine', 'later']);
    const later = await textOf('later');
    expect(new Set([mine, later, await textOf('base')]).size).toBe(3);
    const { contexts } = host.memory;
    expect(await host.removeAdapter('later')).toBe(true);
    expect(await host.removeAdapter('later')).toBe(false);
    expect(host.memory.contexts).toBe(contexts - 1);
    await expect(host.complete(ask('later'))).rejects.toMatchObject({ code: 'model_not_found' });
    await host.addAdapter({ name: 'later', path: at('two') });
    expect(await textOf('later')).toBe(later);
    expect(await textOf('mine')).toBe(mine);
  });

  it('is served at its scale', async () => {
    await host.addAdapter({ name: 'nothing', path: at('one'), scale: 0 });
    await host.addAdapter({ name: 'half', path: at('one'), scale: 0.5 });
    const rows = await Promise.all(
      ['base', 'nothing', 'half', 'mine'].map(
        async (name) => (await host.distributions(name, await host.encode('const answer =')))[2],
      ),
    );
    expect(rows[1]).toEqual(rows[0]);
    expect(rows[2]).not.toEqual(rows[0]);
    expect(rows[2]).not.toEqual(rows[3]);
  });

  it('finishes its answer if removed meanwhile', async () => {
    const whole = await host.complete(ask('mine', { maxTokens: 100 }));
    let removed: Promise<boolean> | undefined;
    const underway = host.complete(ask('mine', { maxTokens: 100 }), undefined, () => {
      removed ??= host.removeAdapter('mine');
    });
    expect((await underway).text).toBe(whole.text);
    expect(await removed).toBe(true);
    expect(host.memory.contexts).toBe(0);
  });

  it('leaves nothing in memory if removed while a request begins', async () => {
    const underway = textOf('mine');
    expect(await host.removeAdapter('mine')).toBe(true);
    expect(await underway).not.toBe('');
    expect(host.memory.contexts).toBe(0);
  });

  it('finishes its answer if its file is deleted, and is gone until the file is back', async () => {
    const whole = await host.complete(ask('mine', { maxTokens: 100 }));
    let deleted: Promise<void> | undefined;
    const underway = host.complete(ask('mine', { maxTokens: 100 }), undefined, () => {
      deleted ??= rm(at('mine'));
    });
    expect((await underway).text).toBe(whole.text);
    await deleted;
    await expect(host.complete(ask('mine'))).rejects.toMatchObject({
      status: 404,
      message: expect.stringMatching(/"mine".*deleted/),
    });
    expect(host.memory.contexts).toBe(0);
    await copyFile(at('one'), at('mine'));
    expect((await host.complete(ask('mine', { maxTokens: 100 }))).text).toBe(whole.text);
  });

  it('is the new one once its file is replaced', async () => {
    const old = await textOf('mine');
    await rm(at('mine'));
    await copyFile(at('two'), at('mine'));
    const replaced = await textOf('mine');
    await host.addAdapter({ name: 'two', path: at('two') });
    expect(replaced).not.toBe(old);
    expect(replaced).toBe(await textOf('two'));
    await rm(at('mine'));
    await copyFile(at('foreign'), at('mine'));
    await expect(host.complete(ask('mine'))).rejects.toMatchObject({ code: 'adapter-mismatch' });
  });

  it('answers at its new strength once that is changed', async () => {
    const spec = { id: 'r', hyper: { method: 'lora', alpha: 8, rank: 4, scaling: 'standard' } } as const;
    const rows = async (name: string) => host.distributions(name, await host.encode('const answer ='));
    await copyFile(at('one'), at('adapter'));
    await host.addAdapter({ name: 'result', path: at('adapter') });
    const whole = await rows('result');
    await host.addAdapter({ name: 'half', path: at('one'), scale: 0.5 });
    await setAdapterStrength(dir, spec, 0.5);
    const half = await rows('result');
    expect(compareDistributions(whole, half).meanKl).toBeGreaterThan(1e-4);
    expect(compareDistributions(await rows('half'), half).meanKl).toBeLessThan(1e-9);
    await setAdapterStrength(dir, spec, 1);
    expect(await rows('result')).toEqual(whole);
  });

  it('is evicted from memory when least recently used, and answers the same once back', async () => {
    await host.complete(ask('mine'));
    // Room for two: the graph of the second includes the first, and little else needs memory here.
    const limit = 3 * host.memory.bytes;
    await host.dispose();
    host = await openLlamaHost({
      basePath: at('base'),
      adapters: ['one', 'two', 'three'].map((name) => ({ name, path: at(name) })),
      contextSize: 256,
      memoryLimit: limit,
    });
    const texts = [await textOf('one'), await textOf('two'), await textOf('three')];
    expect(host.memory).toMatchObject({ contexts: 2, evictions: 1 });
    expect(host.memory.bytes).toBeLessThanOrEqual(limit);
    const { cachedTokens } = await host.complete(ask('three'));
    expect(cachedTokens).toBeGreaterThan(0);
    expect((await host.complete(ask('one'))).cachedTokens).toBe(0);
    const names = ['one', 'two', 'three'];
    const jobs = Array.from({ length: 18 }, (_, index) => (index * 7) % 3);
    const answers = await Promise.all(jobs.map((index) => textOf(names[index]!)));
    expect(answers).toEqual(jobs.map((index) => texts[index]));
    expect(host.memory.bytes).toBeLessThanOrEqual(limit);
  });
});

describe("over HTTP, with vLLM's API", () => {
  const token = 'secret';
  const headers = { authorization: `Bearer ${token}` };
  it('is only loaded and unloaded with the token', async () => {
    const app = await createApp(host, { token });
    const post = (url: string, payload: object, own: Record<string, string> = headers) =>
      app.inject({ method: 'POST', url, payload, headers: own });
    const load = (name: string, file = name, more = {}) =>
      post('/v1/load_lora_adapter', { lora_name: name, lora_path: at(file), ...more });
    expect(
      (await post('/v1/load_lora_adapter', { lora_name: 'x', lora_path: at('two') }, {})).statusCode,
    ).toBe(401);
    expect((await load('two')).statusCode).toBe(200);
    const answer = () => post('/v1/completions', { model: 'two', prompt: 'const answer =', max_tokens: 12 });
    const first = (await answer()).json().choices[0].text;
    expect(first).toBe(await textOf('two'));
    expect((await load('two')).json().error.message).toMatch(/"two"/);
    expect((await load('two', 'three', { load_inplace: true })).statusCode).toBe(200);
    expect((await answer()).json().choices[0].text).not.toBe(first);
    const models = (await app.inject({ url: '/v1/models', headers })).json().data;
    expect(models.at(-1)).toMatchObject({ id: 'two', root: at('three'), parent: 'base' });
    expect((await post('/v1/unload_lora_adapter', { lora_name: 'two' })).statusCode).toBe(200);
    expect((await post('/v1/unload_lora_adapter', { lora_name: 'two' })).statusCode).toBe(404);
    const gone = await answer();
    expect([gone.statusCode, gone.json().error.code]).toEqual([404, 'model_not_found']);
    await app.close();
  });

  it('is refused if for another base, damaged or without a path, and the others stay available', async () => {
    const app = await createApp(host, { token });
    const load = async (payload: object) => {
      const answer = await app.inject({ method: 'POST', url: '/v1/load_lora_adapter', payload, headers });
      return [answer.statusCode, answer.json().error.message];
    };
    await copyFile(at('two'), at('cut'));
    await truncate(at('cut'), 4000);
    expect(await load({ lora_name: 'foreign', lora_path: at('foreign') })).toEqual([
      409,
      expect.stringMatching(/foreign\.gguf.*base\.gguf/),
    ]);
    expect((await load({ lora_name: 'cut', lora_path: at('cut') }))[0]).toBe(409);
    expect((await load({ lora_name: 'x', lora_path: 'relative.gguf' }))[0]).toBe(400);
    expect((await load({ lora_name: 'base', lora_path: at('two') }))[0]).toBe(400);
    expect((await load({ lora_name: 'mine', lora_path: at('cut'), load_inplace: true }))[0]).toBe(409);
    expect((await host.complete(ask('mine'))).completionTokens).toBeGreaterThan(0);
    await app.close();
  });
});

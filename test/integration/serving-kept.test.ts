import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openLlamaHost, type HostRequest, type LlamaHost } from '../../src/serving/host/llama-host.ts';
import type { LlamaHostOptions } from '../../src/serving/host-types.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

let dir: string;
const at = (name: string) => join(dir, name);
const file = (name: string) =>
  `// ${name}\n${Array.from({ length: 12 }, (_, line) => `const ${name}${line} = ${name}(${line});\n`).join('')}`;
const ask = (prompt: string, more: Partial<HostRequest> = {}): HostRequest => ({
  model: 'base',
  prompt,
  maxTokens: 24,
  ...more,
});

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-kept-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', join(dir, 'home'));
  await writeTinyModel(at('base.gguf'));
  await writeTinyAdapter(at('one.gguf'), at('base.gguf'), { seed: 1 });
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

async function withHost<R>(
  options: Partial<LlamaHostOptions>,
  work: (host: LlamaHost) => Promise<R>,
): Promise<R> {
  const host = await openLlamaHost({
    basePath: at('base.gguf'),
    adapters: [{ name: 'one', path: at('one.gguf') }],
    contextSize: 768,
    threads: 1,
    ...options,
  });
  try {
    return await work(host);
  } finally {
    await host.dispose();
  }
}

describe('returning to a file', () => {
  const backAndForth = (keptPrompts: number) =>
    withHost({ keptPrompts }, async (host) => {
      await host.complete(ask(file('alpha')));
      await host.complete(ask(file('beta')));
      return host.complete(ask(file('alpha')));
    });

  it('finds its text in the cache', async () => {
    const [without, kept] = [await backAndForth(0), await backAndForth(2)];
    expect(kept.cachedTokens).toBe(kept.promptTokens - 1);
    expect(without.cachedTokens).toBeLessThan(kept.promptTokens / 2);
  });
});

describe('the last prompt on disk', () => {
  const prompts = () => join(dir, 'home', 'cache', 'prompts');
  const start = (more: Partial<HostRequest> = {}, options: Partial<LlamaHostOptions> = {}) =>
    withHost({ keepOnDisk: true, ...options }, (host) => host.complete(ask(file('alpha'), more)));

  it('is loaded at the next start, by the same model only', async () => {
    const first = await start();
    expect(first.cachedTokens).toBe(0);
    const next = await start();
    expect(next.cachedTokens).toBe(next.promptTokens - 1);
    expect(next.text).toBe(first.text);
    expect((await start({ model: 'one' })).cachedTokens).toBe(0);
    expect((await start({}, { contextSize: 512 })).cachedTokens).toBe(0);
    expect((await start({}, { keepOnDisk: false })).cachedTokens).toBe(0);
  });

  it.skipIf(process.platform === 'win32')('is only readable by the user', async () => {
    expect((await stat(prompts())).mode & 0o777).toBe(0o700);
    const names = await readdir(prompts());
    expect(names).toHaveLength(6);
    for (const name of names) expect((await stat(join(prompts(), name))).mode & 0o777).toBe(0o600);
  });

  it('belongs to the base that was loaded, not to one that replaced it meanwhile', async () => {
    await withHost({ keepOnDisk: true }, async (host) => {
      await writeTinyModel(at('base.gguf'), { seed: 5 });
      await host.complete(ask(file('alpha')));
    });
    expect((await start()).cachedTokens).toBe(0);
    await writeTinyModel(at('base.gguf'));
  });

  it('is ignored and removed if damaged', async () => {
    const states = (await readdir(prompts())).filter((name) => name.endsWith('.state'));
    for (const name of states) {
      const bytes = await readFile(join(prompts(), name));
      bytes[bytes.length >> 1]! ^= 1;
      await writeFile(join(prompts(), name), bytes);
    }
    expect((await start()).cachedTokens).toBe(0);
    expect((await start()).cachedTokens).toBeGreaterThan(0);
  });
});

/**
 * Completion on a GPU: on Mesa's llvmpipe, which runs llama.cpp's Vulkan kernels on the CPU, compared with llama.cpp's
 * CPU kernels.
 */
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ensureVulkan } from '../../scripts/setup.mjs';
import { sharedLlama } from '../../src/llama-cpp/llama.ts';
import type { GpuChoice } from '../../src/protocol/gpu.ts';
import { openLlamaHost, type HostRequest, type LlamaHost } from '../../src/serving/host/llama-host.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

const planned = vi.hoisted(() => ({ bytes: 0 }));
vi.mock('../../src/serving/host/training-memory.ts', async (original) => ({
  ...(await original<object>()),
  trainingGpuMemory: () => Promise.resolve({ bytes: planned.bytes, isAllocated: false }),
}));

/** llama.cpp lists a software device only if it is named. */
const SOFTWARE = 'GGML_VK_VISIBLE_DEVICES';
const DRIVERS = '/usr/share/vulkan/icd.d';
const hasVulkan = await ensureVulkan();
const isRoot = process.getuid?.() === 0;
/** Mesa's driver, the only one used, even on a machine with a GPU. */
const llvmpipe = existsSync(DRIVERS)
  ? readdirSync(DRIVERS).find((name) => /^lvp_icd.*json$/.test(name))
  : undefined;
const isThere =
  (hasVulkan || isRoot) &&
  llvmpipe !== undefined &&
  existsSync('node_modules/@node-llama-cpp/linux-x64-vulkan') &&
  process.platform === 'linux';
/** As root, all of it was installed; but not Mesa's driver beside that of a GPU. */
const mustBeThere =
  isRoot && process.platform === 'linux' && process.arch === 'x64' && (llvmpipe !== undefined || !hasVulkan);

let dir: string;
const at = (name: string) => join(dir, name);
const text = 'export function add(a: number, b: number) {\n  return';
const ask = (more: Partial<HostRequest> = {}): HostRequest => ({
  model: 'base',
  prompt: text.repeat(2),
  maxTokens: 24,
  ignoreEnd: true,
  ...more,
});
const open = (gpu: GpuChoice, base: string, more = {}): Promise<LlamaHost> =>
  openLlamaHost({ basePath: at(base), contextSize: 512, threads: 1, gpu, ...more });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-gpu-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', join(dir, 'home'));
  if (!isThere) return;
  // Older loaders only know the second name.
  for (const name of ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES']) vi.stubEnv(name, join(DRIVERS, llvmpipe!));
  await writeTinyModel(at('base.gguf'), { embedding: 256, ffn: 256 });
  await writeTinyAdapter(at('own.gguf'), at('base.gguf'));
  await writeTinyModel(at('small.gguf'));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

it.runIf(mustBeThere)('can be tested', () => expect(isThere).toBe(true));

describe.runIf(isThere)('on llvmpipe', () => {
  // F32 only, since Mesa compiles each type's kernels for a minute or more; docs/science.md has others.
  it('gives the same tokens as on the CPU, with an adapter too', async () => {
    const adapters = [{ name: 'own', path: at('own.gguf') }];
    const answers = async (host: LlamaHost) => {
      const said = [];
      for (const model of ['base', 'own']) said.push((await host.complete(ask({ model }))).text);
      const rows = await host.distributions('own', await host.encode(text));
      await host.dispose();
      return { said, rows };
    };
    const onProcessor = await answers(await open('off', 'base.gguf', { adapters }));
    vi.stubEnv(SOFTWARE, '0');
    const host = await open('vulkan', 'base.gguf', { adapters });
    vi.stubEnv(SOFTWARE, undefined);
    expect(host.device).toMatchObject({ backend: 'vulkan', layers: 3, ofLayers: 3 });
    expect(host.device.devices.join()).toContain('llvmpipe');
    const onGpu = await answers(host);
    expect(onGpu.said).toEqual(onProcessor.said);
    const apart = onGpu.rows.flatMap((row, place) =>
      [...row].map((chance, token) => Math.abs(chance - onProcessor.rows[place]![token]!)),
    );
    expect(Math.max(...apart)).toBeLessThan(1e-3);
  });

  it("leaves a training's planned memory free, and falls back to the CPU if none is left", async () => {
    vi.stubEnv(SOFTWARE, '0');
    planned.bytes = 1e15;
    const host = await open('vulkan', 'small.gguf');
    planned.bytes = 0;
    vi.stubEnv(SOFTWARE, undefined);
    expect(host.device).toMatchObject({ backend: 'cpu', why: expect.stringContaining('too full') });
    expect(await host.gpuMayBeFree()).toBe(true);
    expect((await host.complete(ask())).completionTokens).toBe(24);
    await host.dispose();
  });

  it('falls back to the CPU when GPU memory is taken later', async () => {
    const adapters = [{ name: 'own', path: at('own.gguf') }];
    vi.stubEnv(SOFTWARE, '0');
    const host = await open('vulkan', 'base.gguf', { adapters });
    vi.stubEnv(SOFTWARE, undefined);
    const before = await host.complete(ask());
    expect(host.device.backend).toBe('vulkan');
    await (await sharedLlama()).setVramCap(1);
    expect((await host.complete(ask({ model: 'own' }))).completionTokens).toBe(24);
    expect(host.device).toMatchObject({ backend: 'cpu', why: expect.stringContaining('too full') });
    expect((await host.complete(ask())).text).toBe(before.text);
    await host.dispose();
  });

  // Last, because llama.cpp reads the names of devices once per process.
  it('does not select a software device automatically', async () => {
    const host = await open('auto', 'small.gguf');
    expect(host.device).toMatchObject({ backend: 'cpu', devices: [], layers: 0 });
    expect(host.device.why).toMatch(/finds no GPU/);
    await host.dispose();
  });
});

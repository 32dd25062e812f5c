/** What trains on a fake machine: what is looked for, measured and cached, and how often. */
import type * as files from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Adapter, WebgpuProbe } from '../../../../src/protocol/doctor.ts';
import type { MachineInspector } from '../../../../src/tensor/devices/plan.ts';
import type { Rate } from '../../../../src/tensor/devices/rate-line.ts';
import type * as finding from '../../../../src/tensor/runtime/find.ts';
import { english } from '../../../../src/text/message.ts';

const runtime = vi.hoisted(() => ({ installed: false }));
vi.mock('../../../../src/tensor/runtime/find.ts', async (original) => ({
  ...(await original<typeof finding>()),
  findRuntime: () => Promise.resolve(runtime.installed ? { version: '2', gpu: false } : undefined),
}));
// A driver was removed, but its symbolic link in a system folder was left behind.
const links = vi.hoisted(() => ({ dangling: false }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof files>();
  const readdirSync = (folder: string) => {
    if (links.dangling && folder.endsWith('icd.d')) return ['removed-driver.json'];
    return fs.readdirSync(folder);
  };
  return { ...fs, readdirSync };
});

const adapter = (name: string, kind: Adapter['kind']): Adapter => ({
  name,
  driver: '',
  kind,
  shared: false,
  maxBufferSize: 2 ** 32,
  maxStorageBufferBindingSize: 2 ** 31,
  features: [],
});
const card = adapter('AMD Radeon RX 7600', 'discrete');

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'fmn-plan-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', home);
  vi.stubEnv('FORGET_ME_NOT_BINDING', '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
  Object.assign(runtime, { installed: false });
  Object.assign(links, { dangling: false });
  await rm(home, { recursive: true, force: true });
});

/** As in a new process: only what is on disk is known. */
const newProcess = async () => {
  vi.resetModules();
  return (await import('../../../../src/tensor/devices/plan.ts')).planBackend;
};

function machine(probe: WebgpuProbe, rates: Record<string, number | Rate> = {}) {
  const asked: string[] = [];
  const look: MachineInspector = {
    mayHaveGpu: () => true,
    lacksDawn: () => false,
    canProbe: () => true,
    findWebgpu: (wanted) => {
      asked.push(['adapters', wanted].filter(Boolean).join(' '));
      return Promise.resolve(probe);
    },
    measureRate: (backend, device) => {
      asked.push([backend, device].filter(Boolean).join(' '));
      const rate = rates[backend];
      if (typeof rate === 'object') return Promise.resolve(rate);
      return Promise.resolve(rate ? { rate } : { lack: `${backend} does not start.` });
    },
  };
  return { asked, look };
}

const auto = { backend: 'auto' } as const;

describe('planBackend', () => {
  it('measures a GPU once per machine, and uses it if it is faster', async () => {
    const { asked, look } = machine({ adapters: [card] }, { webgpu: 4e12, wasm: 20e9 });
    const plan = await (await newProcess())(auto, look);
    expect(plan).toMatchObject({ backend: 'webgpu', order: ['webgpu', 'wasm'], device: { adapter: card } });
    expect(english(plan.reason)).toBe('the fastest here: 4.0 TFLOP/s against 20 GFLOP/s (WebAssembly)');
    expect(asked).toEqual(['adapters', 'webgpu 0', 'wasm']);
    expect(await (await newProcess())(auto, look)).toEqual(plan);
    expect(asked).toHaveLength(3);
  });

  it('measures again if a driver has changed', async () => {
    const { asked, look } = machine({ adapters: [card] }, { webgpu: 4e12, wasm: 20e9 });
    await (
      await newProcess()
    )(auto, look);
    vi.stubEnv('VK_DRIVER_FILES', '/another/driver.json');
    await (
      await newProcess()
    )(auto, look);
    expect(asked).toHaveLength(6);
  });

  it('works if a link to a driver is dangling', async () => {
    links.dangling = true;
    const { look } = machine({ adapters: [card] }, { webgpu: 4e12, wasm: 20e9 });
    expect((await (await newProcess())(auto, look)).backend).toBe('webgpu');
  });

  const DAY_MS = 24 * 3600 * 1000;
  it.each<[string, Adapter[], Record<string, number | Rate>, boolean]>([
    ['a GPU that was measured', [card], { webgpu: 4e12, tensorflow: 1e12 }, false],
    ['a TensorFlow that failed', [card], { webgpu: 4e12, wasm: 20e9 }, true],
    ['only a software GPU', [adapter('llvmpipe', 'software')], {}, true],
  ])('looks again after two days: %s', async (_, adapters, rates, again) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    runtime.installed = true;
    const { asked, look } = machine({ adapters }, rates);
    const plan = await newProcess();
    await plan(auto, look);
    vi.setSystemTime(Date.now() + 2 * DAY_MS);
    asked.length = 0;
    const next = await newProcess();
    await next(auto, look);
    expect(asked.includes('adapters')).toBe(again);
  });

  it('looks again if the cache was written by a clock that was ahead', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { asked, look } = machine({ adapters: [card] }, { webgpu: 4e12 });
    const plan = await newProcess();
    await plan(auto, look);
    vi.setSystemTime(Date.now() - 400 * DAY_MS);
    asked.length = 0;
    const next = await newProcess();
    await next(auto, look);
    expect(asked).toContain('adapters');
  });

  it('falls back on a TensorFlow that was not measured in time', async () => {
    runtime.installed = true;
    const rates = { webgpu: 4e12, wasm: 20e9 };
    const late = { lack: 'The process that measured tensorflow did not answer.', late: true };
    const slow = machine({ adapters: [card] }, { ...rates, tensorflow: late });
    expect((await (await newProcess())(auto, slow.look)).order).toEqual(['webgpu', 'wasm', 'tensorflow']);
    vi.stubEnv('VK_DRIVER_FILES', '/another/driver.json');
    const broken = machine({ adapters: [card] }, rates);
    expect((await (await newProcess())(auto, broken.look)).order).toEqual(['webgpu', 'wasm']);
  });

  it('does not measure or use a software adapter', async () => {
    const { asked, look } = machine({ adapters: [adapter('llvmpipe', 'software')] }, { webgpu: 1e15 });
    expect((await (await newProcess())(auto, look)).backend).toBe('wasm');
    expect(asked).toEqual(['adapters']);
  });

  it('excludes a GPU whose driver crashes the process, and says why', async () => {
    const { look } = machine({ adapters: [], reason: 'The process that looked for GPUs ended early.' });
    expect((await (await newProcess())(auto, look)).backend).toBe('wasm');
    const broken = machine({ adapters: [card] }, { wasm: 20e9 });
    vi.stubEnv('VK_DRIVER_FILES', '/another/driver.json');
    const plan = await (await newProcess())(auto, broken.look);
    expect(plan).toMatchObject({ backend: 'wasm', order: ['wasm'] });
    expect(english(plan.reason)).toContain('webgpu does not start');
  });

  it('neither measures nor uses a GPU that multiplies wrongly, and uses another one on request', async () => {
    const reason = 'AMD Radeon RX 7600 multiplies wrongly (1).';
    const adapters = [card, adapter('Intel(R) UHD Graphics 630', 'integrated')];
    const { asked, look } = machine({ adapters, reason }, { webgpu: 4e12 });
    const planBackend = await newProcess();
    const plan = await planBackend(auto, look);
    expect(plan).toMatchObject({ backend: 'wasm', order: ['wasm'] });
    expect(english(plan.reason)).toContain(reason.replace(/\.$/, ''));
    expect(asked).toEqual(['adapters']);
    const other = await planBackend({ ...auto, device: 'UHD' }, look);
    expect(other).toMatchObject({ backend: 'webgpu', device: { number: 1 } });
  });

  it('starts nothing if the system shows no GPU', async () => {
    const { asked, look } = machine({ adapters: [card] }, { webgpu: 4e12 });
    const plan = await (await newProcess())(auto, { ...look, mayHaveGpu: () => false });
    expect(plan.backend).toBe('wasm');
    expect(asked).toEqual([]);
  });

  it('says so if Dawn, which a checkout downloads, is missing', async () => {
    const { asked, look } = machine({ adapters: [card] }, { webgpu: 4e12 });
    const plan = await (await newProcess())(auto, { ...look, canProbe: () => false, lacksDawn: () => true });
    expect(plan.order).toEqual(['wasm']);
    expect(english(plan.reason)).toContain('WebGPU is not installed: {install-gpu} downloads it');
    expect(asked).toEqual([]);
  });

  it('uses the requested GPU, even software, without measuring', async () => {
    const adapters = [card, adapter('llvmpipe', 'software')];
    const { asked, look } = machine({ adapters });
    const plan = await (await newProcess())({ ...auto, device: 'llvm' }, look);
    expect(plan).toMatchObject({ backend: 'webgpu', device: { number: 1 } });
    expect(asked).toEqual(['adapters llvm']);
  });

  it("rejects a GPU for a backend that can't use one", async () => {
    const plan = await newProcess();
    await expect(plan({ backend: 'wasm', device: '0' })).rejects.toMatchObject({ code: 'bad-argument' });
  });
});

describe('gpuProductRate', () => {
  const rateOf = async (precision: 'f32' | 'f16', rates: Rate, wanted?: string) => {
    const probe = { adapters: [adapter('Intel UHD 770', 'integrated'), card] };
    const { look } = machine(probe, { webgpu: rates, wasm: 20e9 });
    await newProcess();
    const { gpuProductRate } = await import('../../../../src/tensor/devices/plan.ts');
    return gpuProductRate(precision, wanted, look);
  };

  it('is what was measured when the backend was chosen, in the precision of the run', async () => {
    expect(await rateOf('f32', { rate: 4e12, half: 6e12 })).toBe(4e12);
    expect(await rateOf('f16', { rate: 4e12, half: 6e12 })).toBe(6e12);
  });

  it('is unknown for another GPU', async () => {
    expect(await rateOf('f32', { rate: 4e12 }, '0')).toBeUndefined();
  });

  it('is unknown for a GPU that does not start', async () => {
    expect(await rateOf('f32', { lack: 'No.' })).toBeUndefined();
  });
});

describe('fasterInF16', () => {
  const faster = async (rates: Rate, probe: WebgpuProbe = { adapters: [card] }, wanted?: string) => {
    const { asked, look } = machine(probe, { webgpu: rates, wasm: 20e9 });
    await newProcess();
    const { fasterInF16 } = await import('../../../../src/tensor/devices/plan.ts');
    return { is: await fasterInF16(wanted, look), asked };
  };

  it('is decided by a measurement, once per machine', async () => {
    expect(await faster({ rate: 4e12, half: 6e12 })).toEqual({
      is: true,
      asked: ['adapters', 'webgpu 0', 'wasm'],
    });
    expect(await faster({ rate: 4e12, half: 1e12 })).toEqual({ is: true, asked: [] });
  });

  it('says nothing about a GPU other than the measured one', async () => {
    const probe = { adapters: [adapter('Intel UHD 770', 'integrated'), card] };
    expect((await faster({ rate: 4e12, half: 6e12 }, probe, 'RX 7600')).is).toBe(true);
    expect((await faster({ rate: 4e12, half: 6e12 }, probe, '0')).is).toBe(false);
  });

  it.each([
    ['is hardly faster', { rate: 4e12, half: 4.1e12 }, [card]],
    ['has no f16', { rate: 4e12 }, [card]],
    ['does not start', { lack: 'No.' }, [card]],
    ['is software', { rate: 4e12, half: 6e12 }, [adapter('llvmpipe', 'software')]],
  ] as const)('is false if the GPU %s', async (_, rates, adapters) => {
    expect((await faster(rates, { adapters: [...adapters] })).is).toBe(false);
  });
});

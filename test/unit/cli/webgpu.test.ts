/** What doctor says about fake GPUs. */
import { describe, expect, it } from 'vitest';
import { completionCheck } from '../../../src/cli/machine/completion-gpu.ts';
import { gpuCheck, summaryOf } from '../../../src/cli/machine/training-device.ts';
import { webgpuBackend, webgpuCheck } from '../../../src/cli/machine/webgpu.ts';
import { gpuKindsHere } from '../../../src/packages/gpu-packages.ts';
import type { Adapter } from '../../../src/protocol/doctor.ts';
import { chooseDevice } from '../../../src/tensor/devices/choose-device.ts';
import type { RuntimeReport } from '../../../src/tensor/runtime/index.ts';
import { offer } from '../../../src/tensor/runtime/release.ts';
import { english, type Text } from '../../../src/text/message.ts';

const adapter = (name: string, rest: Partial<Adapter>): Adapter => ({
  ...{
    name,
    driver: '',
    kind: 'discrete',
    shared: false,
    maxBufferSize: 4e9,
    maxStorageBufferBindingSize: 2e9,
    features: [],
  },
  ...rest,
});
const iris = adapter('Intel Iris Xe', { kind: 'integrated', shared: true, features: ['shader-f16'] });
const card = adapter('NVIDIA GeForce RTX 4090', { memory: 24e9 });
const unknown = adapter('Intel Arc A770', {});

const check = (adapters: Adapter[], trains: boolean, reason = 'the fastest here: 5.1 TFLOP/s') =>
  webgpuCheck({ adapters }, chooseDevice(adapters), { trains, reason });

it('lists GPUs with their memory, and says which one is used, and why', () => {
  const { status, text } = check([iris, card], true);
  expect(status).toBe('ok');
  expect(english(text)).toBe(
    "GPU 0 is Intel Iris Xe and uses the machine's memory; a compute kernel can address 2.00 GB of a buffer (shader-f16). " +
      'GPU 1 is NVIDIA GeForce RTX 4090 with 24.00 GB of memory; a compute kernel can address 2.00 GB of a buffer (-). ' +
      'GPU 1 is used: a discrete GPU (--device). Training runs on it: the fastest here: 5.1 TFLOP/s.',
  );
});

it('says if memory is unknown, and that a slower GPU must be requested', () => {
  const { text } = check([unknown], false);
  expect(english(text)).toContain('GPU 0 is Intel Arc A770, whose memory is not known');
  expect(english(text)).toContain(
    'Train on it with --backend webgpu; it is not used by default: the fastest here',
  );
  expect(english(text)).not.toContain('--device');
});

it("lists the GPUs and the reason why the largest can't be used", () => {
  const probe = { adapters: [card, unknown], reason: 'NVIDIA GeForce RTX 4090 multiplies wrongly (1).' };
  const chosen = chooseDevice(probe.adapters);
  const { status, text } = webgpuCheck(probe, chosen, { trains: false, reason: '' });
  expect(status).toBe('note');
  expect(english(text)).toMatch(
    /^NVIDIA GeForce RTX 4090 multiplies wrongly.*GPU 0 is NVIDIA.*GPU 1 is Intel Arc/,
  );
  expect(webgpuBackend(probe, chosen)).toMatchObject({ starts: false, reason: probe.reason });
});

it('says why there is none', () => {
  const probe = { adapters: [], reason: 'The process that looked for GPUs ended early: update the driver.' };
  const { status, text } = webgpuCheck(probe, undefined, { trains: false, reason: '' });
  expect([status, english(text)]).toEqual(['note', probe.reason]);
  const { starts, reason } = webgpuBackend({ adapters: [] }, undefined);
  expect([starts, english(reason)]).toEqual([false, 'No GPU with a driver was found.']);
});

it.runIf(gpuKindsHere().length > 0)(
  'advises what a GPU needs where one is seen, or only Dawn, which is not installed, would see it',
  () => {
    const why = 'The build of llama.cpp for Vulkan is not installed: {install-gpu vulkan} downloads it.';
    const row = (gpus: string[], unseen: boolean) => {
      const check = completionCheck({ backend: 'cpu', devices: [], why }, gpus, unseen);
      return [check.status, check.command !== undefined, english(check.text)];
    };
    expect(row(['llvmpipe'], false)).toEqual(['note', false, expect.stringContaining('No GPU was found.')]);
    expect(row([], true)).toEqual(['missing', true, expect.stringContaining(why)]);
    expect(row([card.name], false)).toEqual(['missing', true, expect.stringContaining(card.name)]);
  },
);

describe('the row about the GPU', () => {
  const nvidia = { name: card.name, driver: '550.54', memory: 24e9 };
  const runtime = (patch: Partial<RuntimeReport>): RuntimeReport => ({
    ...{ offered: true, installed: false, starts: false, version: undefined, cuda: false, gpu: false },
    ...{ reason: 'TensorFlow is not installed.', command: 'forget-me-not runtime install' },
    ...{ prebuilt: true, compiler: undefined },
    ...patch,
  });
  const notOffered = (platform: string) => {
    const offered = offer(false, { platform, arch: 'x64', glibc: '2.36', musl: false, avx: true });
    const { why } = offered as { why: Text };
    return runtime({ offered: false, reason: why, command: undefined });
  };
  const installed = { installed: true, starts: true, version: '2.21.0', reason: 'It starts.' };
  const runtimes = {
    macOS: notOffered('darwin'),
    Windows: notOffered('win32'),
    'Linux without TensorFlow': runtime({}),
    'Linux with TensorFlow': runtime(installed),
    'Linux with CUDA': runtime({ ...installed, cuda: true, gpu: true }),
    'Linux with an old driver': runtime({ ...installed, cuda: true }),
  };
  const starting = { starts: true, reason: '' };
  const others = { needsNode: false, wasm: starting, llama: starting };

  it.each(Object.entries(runtimes))('does not deny what the summary says: %s', (_, report) => {
    for (const gpus of [[], [nvidia]])
      for (const chosen of ['webgpu', report.starts ? 'tensorflow' : 'wasm']) {
        const facts = { chosen, onGpu: chosen === 'webgpu' ? card.name : undefined, runtime: report };
        const summary = english(summaryOf({ ...facts, ...others }));
        const trainsOnGpu = /^Ready: trains on (NVIDIA|.*\(GPU\))/.test(summary);
        const { status, text, command } = gpuCheck(gpus, facts, report.offered);
        const rows = `${english(text)} ${english(report.reason)}`;
        expect(rows).not.toMatch(trainsOnGpu ? /not used|the CPU|wasm|cannot|without/ : / uses it/);
        expect(status === 'ok').toBe(trainsOnGpu);
        if (trainsOnGpu) expect(command).toBeUndefined();
      }
  });

  it('names the command only where there is a build for CUDA', () => {
    const facts = { chosen: 'tensorflow', onGpu: undefined, runtime: runtime(installed) };
    expect(gpuCheck([nvidia], facts, true)).toMatchObject({
      status: 'missing',
      command: 'forget-me-not runtime install --gpu',
    });
    const { text, ...row } = gpuCheck([nvidia, nvidia], facts, false);
    expect(row).toEqual({ area: 'gpu', title: 'GPU', status: 'note' });
    expect(english(text)).toBe(
      '2 x NVIDIA GeForce RTX 4090, 24.00 GB, driver 550.54; there is no TensorFlow with CUDA for this platform, so the GPU is not used.',
    );
  });

  it("leaves out the memory of one that shares the machine's", () => {
    const facts = { chosen: 'wasm', onGpu: undefined, runtime: notOffered('win32') };
    expect(english(gpuCheck([{ name: 'NVIDIA GB10', driver: '580.126' }], facts, false).text)).toMatch(
      /^NVIDIA GB10, driver 580\.126; /,
    );
  });

  it("the summary says so if a GPU is not used only because VS Code's own Node can't", () => {
    const facts = { chosen: 'wasm', onGpu: undefined, runtime: notOffered('darwin'), ...others };
    expect(english(summaryOf({ ...facts, needsNode: true }))).toBe(
      'Works, but slowly: trains on the wasm backend. With Node 20 or newer installed, training could use a GPU.',
    );
    expect(english(summaryOf(facts))).not.toContain('Node');
  });
});

/** How much memory a GPU has, from what drivers print and write. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { fastestPrecision } from '../../../../src/tensor/precision.ts';
import { mayHaveGpu } from '../../../../src/tensor/devices/find.ts';
import {
  findNvidia,
  memoryOf,
  parseNvidia,
  parseRegistry,
  readAmd,
  readRegistry,
} from '../../../../src/tensor/devices/memory.ts';

const GiB = 2 ** 30;
const linux = { platform: 'linux', total: 32 * GiB };

// As nvidia-smi prints it with --format=csv,noheader,nounits.
const nvidia = parseNvidia(
  'NVIDIA GeForce RTX 3060, 550.54.14, 12288\nNVIDIA H100 80GB HBM3, 550.54.14, 81559\n',
).map(({ name, memory }) => ({ vendor: 'nvidia' as const, name, memory, shared: 0 }));

it("finds an NVIDIA card's memory by its name", () => {
  const memory = (name: string) => memoryOf({ name, kind: 'discrete' }, nvidia, linux);
  expect(memory('NVIDIA GeForce RTX 3060')).toEqual({ memory: 12 * GiB, shared: false });
  expect(memory('NVIDIA H100 80GB HBM3').memory).toBe(81559 * 2 ** 20);
  // Two cards of different sizes, neither with that name.
  expect(memory('NVIDIA Graphics Device')).toEqual({ shared: false });
  expect(memory('Intel(R) Arc(TM) A770 Graphics (DG2)')).toEqual({ shared: false });
});

it('reads the compute capability if the driver reports it', () => {
  const [ada, old] = parseNvidia(
    'NVIDIA GeForce RTX 4090, 550.54.14, 24564, 8.9\nTesla K80, 470.1, 11441, [N/A]\n',
  );
  expect(ada!.computeCapability).toBe(8.9);
  expect(old).toEqual({ name: 'Tesla K80', driver: '470.1', memory: 11441 * 2 ** 20 });
});

it("counts the machine's memory for an NVIDIA GPU without its own", () => {
  const [spark] = parseNvidia('NVIDIA GB10, 580.126, [N/A], 12.1');
  expect(spark).toEqual({ name: 'NVIDIA GB10', driver: '580.126', computeCapability: 12.1 });
  const listed = [{ vendor: 'nvidia' as const, name: 'NVIDIA GB10', memory: undefined, shared: 0 }];
  expect(memoryOf({ name: 'NVIDIA GB10', kind: 'discrete' }, listed, linux)).toEqual({ shared: true });
});

it("reads amdgpu's files; an integrated GPU has main memory in addition", async () => {
  const root = await mkdtemp(join(tmpdir(), 'fmn-drm-'));
  try {
    const device = join(root, 'card1', 'device');
    await mkdir(device, { recursive: true });
    await mkdir(join(root, 'card1-HDMI-A-1'));
    await writeFile(join(device, 'mem_info_vram_total'), `${512 * 2 ** 20}\n`);
    await writeFile(join(device, 'mem_info_gtt_total'), `${14 * GiB}\n`);
    const listed = await readAmd(root);
    expect(listed).toEqual([{ vendor: 'amd', name: '', memory: GiB / 2, shared: 14 * GiB }]);
    const name = 'AMD Radeon 780M Graphics (RADV PHOENIX)';
    expect(memoryOf({ name, kind: 'integrated' }, listed, linux)).toEqual({
      memory: 14.5 * GiB,
      shared: true,
    });
    expect(memoryOf({ name: 'AMD Radeon RX 7600', kind: 'discrete' }, listed, linux).memory).toBe(GiB / 2);
    expect(await readAmd(join(root, 'nowhere'))).toEqual([]);
  } finally {
    await rm(root, { recursive: true });
  }
});

it("reads Windows' registry", () => {
  const key = String.raw`HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}`;
  const printed = [
    `${key}\\0000`,
    '    DriverDesc    REG_SZ    Intel(R) UHD Graphics 770',
    `${key}\\0001`,
    '    DriverDesc    REG_SZ    NVIDIA GeForce RTX 4090',
    '    HardwareInformation.qwMemorySize    REG_QWORD    0x5ff800000',
    '',
  ].join('\r\n');
  const listed = parseRegistry(printed);
  expect(listed).toEqual([
    { vendor: 'any', name: 'NVIDIA GeForce RTX 4090', memory: 0x5ff800000, shared: 0 },
  ]);
  const windows = { platform: 'win32', total: 32 * GiB };
  expect(memoryOf({ name: 'NVIDIA GeForce RTX 4090', kind: 'discrete' }, listed, windows).memory).toBe(
    0x5ff800000,
  );
});

it("on Windows, adds half of the main memory to an integrated GPU's own", () => {
  const name = 'Intel(R) Graphics';
  const listed = [{ vendor: 'any' as const, name, memory: 128 * 2 ** 20, shared: 0 }];
  const windows = { platform: 'win32', total: 32 * GiB };
  const memory = 16 * GiB + 128 * 2 ** 20;
  expect(memoryOf({ name, kind: 'integrated' }, listed, windows)).toEqual({ memory, shared: true });
});

it('assumes that an unknown GPU uses main memory', () => {
  expect(memoryOf({ name: 'Some GPU', kind: 'unknown' }, nvidia, linux)).toEqual({ shared: true });
});

let programs: string;
beforeEach(async () => {
  programs = await mkdtemp(join(tmpdir(), 'fmn-programs-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(programs, { recursive: true });
});

/** Puts a fake program of this name first on the PATH. */
async function putProgram(name: string, lines: string[]): Promise<void> {
  await writeFile(join(programs, name), ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 });
  vi.stubEnv('PATH', `${programs}:${process.env['PATH']}`);
}

it.skipIf(process.platform === 'win32')('uses the registry values read before a key is denied', async () => {
  const values = [
    'DriverDesc    REG_SZ    Intel(R) Graphics',
    'HardwareInformation.qwMemorySize    REG_QWORD    0x8000000',
  ];
  await putProgram('reg', [...values.map((value) => `echo '    ${value}'`), 'exit 1']);
  expect(await readRegistry()).toMatchObject([{ name: 'Intel(R) Graphics', memory: 0x8000000 }]);
});

it.skipIf(process.platform === 'win32')('asks nvidia-smi only once', async () => {
  const asked = join(programs, 'asked');
  await putProgram('nvidia-smi', [`echo asked >> '${asked}'`, "echo 'Tesla T4, 550.54, 15360, 7.5'"]);
  expect(await findNvidia()).toMatchObject([{ name: 'Tesla T4', computeCapability: 7.5 }]);
  expect(await findNvidia()).toHaveLength(1);
  expect(await readFile(asked, 'utf8')).toBe('asked\n');
});

it("assigns Metal its share of a Mac's memory, and software none", () => {
  const mac = (total: number) =>
    memoryOf({ name: 'Apple M3', kind: 'integrated' }, [], { platform: 'darwin', total });
  expect(mac(24 * GiB)).toEqual({ memory: 16 * GiB, shared: true });
  expect(mac(64 * GiB)).toEqual({ memory: 48 * GiB, shared: true });
  expect(memoryOf({ name: 'llvmpipe', kind: 'software' }, nvidia, linux)).toEqual({ shared: true });
});

it('chooses the precision that the device multiplies fastest', () => {
  const on = (computeCapability?: number) =>
    fastestPrecision('tensorflow', 'lora', computeCapability === undefined ? {} : { computeCapability });
  expect([on(8.9), on(8), on(7.5), on()]).toEqual(['bf16', 'bf16', 'f32', 'f32']);
  expect(fastestPrecision('tensorflow', 'full', { computeCapability: 9 })).toBe('f32');
  expect(fastestPrecision('webgpu', 'lora')).toBe('f32');
});

it('looks for GPUs only if the system shows one', async () => {
  const dev = await mkdtemp(join(tmpdir(), 'fmn-dev-'));
  try {
    expect(mayHaveGpu('linux', dev)).toBe(false);
    await mkdir(join(dev, 'dri'));
    // A card without a compute driver.
    await writeFile(join(dev, 'dri', 'card0'), '');
    expect(mayHaveGpu('linux', dev)).toBe(false);
    await writeFile(join(dev, 'dri', 'renderD128'), '');
    expect(mayHaveGpu('linux', dev)).toBe(true);
    expect(mayHaveGpu('darwin', dev)).toBe(true);
  } finally {
    await rm(dev, { recursive: true });
  }
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { gpuKindsHere, gpuPackages, gpuPackagesVersion } from '../../../src/llama-cpp/gpu-packages.ts';
import table from '../../../src/llama-cpp/gpu-packages.json' with { type: 'json' };

interface Locked {
  version: string;
  integrity: string;
}
const locked = (
  JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked | undefined> }
).packages;

describe("llama.cpp's builds for GPUs", () => {
  it('are exactly those in package-lock.json', () => {
    expect(gpuPackagesVersion).toBe(locked['node_modules/node-llama-cpp']!.version);
    const wanted = Object.entries(locked).flatMap(([path, entry]) =>
      /@node-llama-cpp\/.*-(vulkan|cuda|cuda-ext|metal)$/.test(path)
        ? [{ name: path.replace('node_modules/', ''), integrity: entry!.integrity }]
        : [],
    );
    expect(table.packages.map(({ name, integrity }) => ({ name, integrity }))).toEqual(wanted);
  });

  it.each([
    ['linux', 'x64', ['cuda', 'vulkan']],
    ['win32', 'x64', ['cuda', 'vulkan']],
    ['darwin', 'arm64', ['metal']],
    ['linux', 'arm64', []],
    ['darwin', 'x64', []],
  ] as const)('on %s %s: %j', (platform, arch, kinds) =>
    expect(gpuKindsHere({ platform, arch })).toEqual(kinds),
  );

  it('CUDA is two packages: one for machines with its libraries, and one with the libraries', () =>
    expect(gpuPackages('cuda', { platform: 'linux', arch: 'x64' }).map(({ name }) => name)).toEqual([
      '@node-llama-cpp/linux-x64-cuda',
      '@node-llama-cpp/linux-x64-cuda-ext',
    ]));
});

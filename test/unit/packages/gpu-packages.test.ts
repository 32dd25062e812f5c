import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dawn, gpuKindsHere, gpuPackages, gpuPackagesVersion } from '../../../src/packages/gpu-packages.ts';
import table from '../../../src/packages/gpu-packages.json' with { type: 'json' };

interface Locked {
  /** Of another package, which takes its place. */
  name?: string;
  version: string;
  integrity: string;
  optionalDependencies: Record<string, string>;
}
const locked = (
  JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked | undefined> }
).packages;

describe("llama.cpp's builds for GPUs", () => {
  it("are exactly node-llama-cpp's, of its version", () => {
    const { version, optionalDependencies } = locked['node_modules/node-llama-cpp']!;
    expect(gpuPackagesVersion).toBe(version);
    const wanted = Object.keys(optionalDependencies).filter((name) =>
      /-(vulkan|cuda|cuda-ext|metal)$/.test(name),
    );
    expect(table.packages.map(({ name }) => name)).toEqual(wanted);
  });

  it('are not installed by npm, like Dawn, except for the one that Apple needs to compute at all', () => {
    for (const { name, integrity } of table.packages) {
      const entry = locked[`node_modules/${name}`]!;
      if (name.endsWith('-metal')) expect(entry).toMatchObject({ integrity });
      // package.json's overrides: none of our machines is one.
      else expect(entry.name).toBe('@node-llama-cpp/linux-riscv64');
    }
    expect(locked[`node_modules/${dawn.name}`]).toBeUndefined();
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

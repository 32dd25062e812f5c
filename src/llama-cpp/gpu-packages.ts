/**
 * llama.cpp's binaries for GPUs: npm packages of which ours contain only Metal's. The others are fetched into the data
 * directory on request (fetch-gpu.ts).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { llamaDir } from '../platform/files/paths.ts';
import { gpuKinds, type GpuKind } from '../protocol/gpu.ts';
import table from './gpu-packages.json' with { type: 'json' };

export interface GpuPackage {
  /** "@node-llama-cpp/linux-x64-vulkan" */
  name: string;
  /** As in package-lock.json: "sha512-" and the checksum of the packed file in base64. */
  integrity: string;
  /** Size of the packed file, and of its contents. */
  bytes: number;
  unpacked: number;
}

/** The version of node-llama-cpp, which accepts no other. */
export const gpuPackagesVersion: string = table.version;

type Machine = Pick<NodeJS.Process, 'platform' | 'arch'>;

const systems: Partial<Record<string, string>> = { linux: 'linux', win32: 'win', darwin: 'mac' };

/** The packages that `kind` needs here; empty if there are none for this platform. The ways are tried in this order. */
export function gpuPackages(kind: GpuKind, { platform, arch }: Machine = process): GpuPackage[] {
  const own = `@node-llama-cpp/${systems[platform]}-${arch}-${kind}`;
  return table.packages.filter(({ name }) => name === own || name === `${own}-ext`);
}

/** The ways in which llama.cpp can use a GPU on this platform, the fastest first. */
export const gpuKindsHere = (machine: Machine = process): GpuKind[] =>
  gpuKinds.filter((kind) => gpuPackages(kind, machine).length > 0);

/** Where a package is, or will be, in the data directory. */
export const fetchedPackage = (name: string): string =>
  join(llamaDir(), gpuPackagesVersion, name.replace(/^.*\//, ''));

/** Those that are neither beside node-llama-cpp (`root`: the package or repository) nor in the data directory. */
export const missingGpuPackages = (kind: GpuKind, root: string): GpuPackage[] =>
  gpuPackages(kind).filter(
    ({ name }) => !existsSync(join(root, 'node_modules', name)) && !existsSync(fetchedPackage(name)),
  );

export const hasGpuPackages = (kind: GpuKind, root: string): boolean =>
  gpuPackages(kind).length > 0 && missingGpuPackages(kind, root).length === 0;

/** Addresses of the modules of fetched packages, by name. */
export function fetchedModules(): Record<string, string> {
  const found = gpuKindsHere()
    .flatMap((kind) => gpuPackages(kind))
    .filter(({ name }) => existsSync(fetchedPackage(name)));
  return Object.fromEntries(
    found.map(({ name }) => [name, pathToFileURL(join(fetchedPackage(name), 'dist/index.js')).href]),
  );
}

/**
 * npm packages that only a GPU needs: llama.cpp's binaries, of which our own packages contain only Metal's, and Dawn,
 * which a checkout lacks. What is missing is downloaded into the data directory on request (fetch-gpu.ts).
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { exists } from '../platform/files/exists.ts';
import { llamaDir } from '../platform/files/paths.ts';
import { gpuKinds, type GpuKind } from '../protocol/gpu.ts';
import table from './gpu-packages.json' with { type: 'json' };

export interface GpuPackage {
  /** "@node-llama-cpp/linux-x64-vulkan" */
  name: string;
  version: string;
  /** As npm writes it: "sha512-" and the archive's checksum in base64. */
  integrity: string;
  /** Size of the archive, and of its contents. */
  bytes: number;
  unpacked: number;
}

/** The version of node-llama-cpp, which must match exactly. */
export const gpuPackagesVersion: string = table.version;

type Machine = Pick<NodeJS.Process, 'platform' | 'arch'>;

const systems: Partial<Record<string, string>> = { linux: 'linux', win32: 'win', darwin: 'mac' };

/** The packages that `kind` needs here; empty if there are none for this platform. */
export function gpuPackages(kind: GpuKind, { platform, arch }: Machine = process): GpuPackage[] {
  const own = `@node-llama-cpp/${systems[platform]}-${arch}-${kind}`;
  return table.packages
    .filter(({ name }) => name === own || name === `${own}-ext`)
    .map((one) => ({ ...one, version: gpuPackagesVersion }));
}

/** Chromium's WebGPU, through which training uses a GPU (tensor/dawn.ts). */
export const dawn: GpuPackage = table.dawn;

/** The GPU APIs that llama.cpp supports on this platform, fastest first. */
export const gpuKindsHere = (machine: Machine = process): GpuKind[] =>
  gpuKinds.filter((kind) => gpuPackages(kind, machine).length > 0);

/** The versions in the data directory that only earlier versions of the product can use. */
export async function earlierGpuVersions(): Promise<string[]> {
  const versions = await readdir(llamaDir()).catch(() => [] as string[]);
  return versions.filter((version) => version !== gpuPackagesVersion);
}

/**
 * The folder of a package in the data directory, which may not exist yet. All are in that of node-llama-cpp's version,
 * with which they are replaced.
 */
export function fetchedPackage({ name, version }: Pick<GpuPackage, 'name' | 'version'>): string {
  const suffix = version === gpuPackagesVersion ? '' : `-${version}`;
  return join(llamaDir(), gpuPackagesVersion, basename(name) + suffix);
}

/** Those of `packages` that are neither installed in `root` (the package or repository) nor downloaded. */
export async function missingGpuPackages(
  packages: readonly GpuPackage[],
  root: string,
): Promise<GpuPackage[]> {
  const missing: GpuPackage[] = [];
  for (const one of packages)
    if (!(await exists(join(root, 'node_modules', one.name))) && !(await exists(fetchedPackage(one))))
      missing.push(one);
  return missing;
}

/** Those of `kinds` that have all their packages. */
export async function installedGpuKinds(kinds: readonly GpuKind[], root: string): Promise<GpuKind[]> {
  const installed: GpuKind[] = [];
  for (const kind of kinds)
    if (gpuPackages(kind).length > 0 && (await missingGpuPackages(gpuPackages(kind), root)).length === 0)
      installed.push(kind);
  return installed;
}

/** URLs of the downloaded packages' modules, by package name. */
export function fetchedModules(): Record<string, string> {
  const found = gpuKindsHere()
    .flatMap((kind) => gpuPackages(kind))
    .filter((one) => existsSync(fetchedPackage(one)));
  return Object.fromEntries(
    found.map((one) => [one.name, pathToFileURL(join(fetchedPackage(one), 'dist/index.js')).href]),
  );
}

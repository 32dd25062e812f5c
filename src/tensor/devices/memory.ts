/**
 * How much memory a GPU has. WebGPU does not tell, so the driver's own listing is read: nvidia-smi, amdgpu's files in
 * /sys, the registry on Windows. Where none of them names the GPU, its memory is not known, and nothing is assumed.
 */
import { readdir, readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { outputOf, type OutputError } from '../../platform/processes/start.ts';
import type { Adapter } from '../../protocol/doctor.ts';

/** What a driver says of a GPU. */
export interface Listed {
  maker: 'nvidia' | 'amd' | 'any';
  /** Empty where the driver tells no name. */
  name: string;
  /** Bytes of its own memory. */
  memory: number;
  /** Bytes of main memory that it may use besides. */
  shared: number;
}

/** An NVIDIA GPU. */
export interface NvidiaGpu {
  name: string;
  driver: string;
  /** Bytes. */
  memory: number;
  /** 8.9 for Ada; undefined where the driver is too old to tell. */
  computeCapability?: number;
}

/** Whoever asks a driver is given some 15 s itself (find.ts), and has more to do. */
const LONGEST_MS = 5000;

let nvidia: Promise<NvidiaGpu[]> | undefined;

/** NVIDIA GPUs, from nvidia-smi, which is asked once for a process; empty when it is not there or does not answer. */
export const findNvidia = (): Promise<NvidiaGpu[]> => (nvidia ??= askNvidia());

async function askNvidia(): Promise<NvidiaGpu[]> {
  const fields = 'name,driver_version,memory.total';
  // Drivers from before 2022 don't know the last field, and then print nothing at all.
  for (const query of [`${fields},compute_cap`, fields])
    try {
      const args = [`--query-gpu=${query}`, '--format=csv,noheader,nounits'];
      const { stdout } = await outputOf('nvidia-smi', args, { timeout: LONGEST_MS });
      return parseNvidia(stdout);
    } catch (error) {
      // One that did not answer would not answer the other question either.
      const { code, killed } = error as OutputError;
      if (code === 'ENOENT' || killed) break;
    }
  return [];
}

/** Parses nvidia-smi's lines: name, driver, memory in MiB, compute capability if asked for. */
export function parseNvidia(csv: string): NvidiaGpu[] {
  return csv.split('\n').flatMap((line) => {
    const [name, driver, mebibytes, capability] = line.split(',').map((cell) => cell.trim());
    if (!name || !driver) return [];
    const computeCapability = Number(capability);
    return [
      {
        ...{ name, driver, memory: (Number(mebibytes) || 0) * 2 ** 20 },
        ...(computeCapability > 0 && { computeCapability }),
      },
    ];
  });
}

let listed: Promise<Listed[]> | undefined;

/** All that the drivers of this machine list, asked once for a process. */
export const listMemory = (): Promise<Listed[]> => (listed ??= askDrivers(process.platform));

async function askDrivers(platform: string): Promise<Listed[]> {
  const others = platform === 'linux' ? readAmd() : platform === 'win32' ? readRegistry() : [];
  const [cards, more] = await Promise.all([platform === 'darwin' ? [] : findNvidia(), others]);
  return [
    ...cards.map(({ name, memory }) => ({ maker: 'nvidia' as const, name, memory, shared: 0 })),
    ...more,
  ];
}

/** amdgpu's cards: bytes of their own memory, and of the main memory that they may use. */
export async function readAmd(root = '/sys/class/drm'): Promise<Listed[]> {
  const cards = (await readdir(root).catch(() => [])).filter((name) => /^card\d+$/.test(name)).sort();
  const found: Listed[] = [];
  for (const card of cards) {
    const number = async (file: string) =>
      Number(await readFile(join(root, card, 'device', file), 'utf8').catch(() => '')) || 0;
    const memory = await number('mem_info_vram_total');
    if (memory) found.push({ maker: 'amd', name: '', memory, shared: await number('mem_info_gtt_total') });
  }
  return found;
}

/** Windows keeps the GPUs' drivers here. */
const DISPLAYS = String.raw`HKLM\SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}`;

/** What the registry says of the display drivers; empty where there is none. */
export async function readRegistry(): Promise<Listed[]> {
  const options = { timeout: LONGEST_MS, maxBuffer: 1 << 24 };
  const { stdout = '' } = await outputOf('reg', ['query', DISPLAYS, '/s'], options).catch(
    // A key that only administrators may read ends it with an error, after all the others were printed.
    (error: unknown) => error as OutputError,
  );
  return parseRegistry(stdout);
}

/** Parses what `reg query` prints of the display drivers: DriverDesc and HardwareInformation.qwMemorySize of each. */
export function parseRegistry(printed: string): Listed[] {
  return printed.split(/^HKEY_/m).flatMap((part) => {
    const name = /^\s+DriverDesc\s+REG_SZ\s+(.+?)\s*$/m.exec(part)?.[1];
    const bytes = /^\s+HardwareInformation\.qwMemorySize\s+REG_QWORD\s+(0x[0-9a-f]+)/im.exec(part)?.[1];
    return name && bytes ? [{ maker: 'any' as const, name, memory: Number(bytes), shared: 0 }] : [];
  });
}

/** The shares of main memory that Metal recommends a program to use at most, below and from 36 GB on. */
const METAL_SHARE = { small: 2 / 3, large: 3 / 4, from: 36 * 2 ** 30 };

/**
 * Bytes that an adapter can compute with, and whether they are main memory; undefined if not known. An integrated GPU
 * has what the driver grants it, or what Metal recommends; on Windows its own and half of the main memory. One of which
 * nothing is known may be such a GPU, so that its memory has to be planned as main memory.
 */
export function memoryOf(
  { name, kind }: Pick<Adapter, 'name' | 'kind'>,
  listed: readonly Listed[],
  { platform, total }: { platform: string; total: number } = {
    platform: process.platform,
    total: totalmem(),
  },
): Pick<Adapter, 'memory' | 'shared'> {
  if (kind === 'software') return { shared: true };
  if (platform === 'darwin')
    return {
      memory: total * (total < METAL_SHARE.from ? METAL_SHARE.small : METAL_SHARE.large),
      shared: true,
    };
  const shared = kind === 'integrated';
  const found = matching(name, listed);
  if (!found) return { shared: kind !== 'discrete' };
  const besides = platform === 'win32' ? total / 2 : found.shared;
  return { memory: found.memory + (shared ? besides : 0), shared };
}

/** The driver's entry for an adapter of this name: by name, or the only one (or all alike) of its maker. */
function matching(name: string, listed: readonly Listed[]): Listed | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/\((r|tm)\)|nvidia|amd|intel|\W/g, '');
  const named = listed.find((one) => one.name && plain(one.name) === plain(name));
  if (named) return named;
  const maker = /nvidia|geforce/i.test(name)
    ? 'nvidia'
    : /\bamd\b|radeon|radv/i.test(name)
      ? 'amd'
      : undefined;
  const [first, ...more] = listed.filter((one) => one.maker === maker);
  return first && more.every(({ memory }) => memory === first.memory) ? first : undefined;
}

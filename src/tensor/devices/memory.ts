/**
 * How much memory a GPU has. WebGPU does not report it, so it is read from nvidia-smi, amdgpu's files in /sys, or the
 * Windows registry. If none of them lists the GPU, its memory is unknown and nothing is assumed.
 */
import { readdir, readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { outputOf, type OutputError } from '../../platform/processes/start.ts';
import type { Adapter } from '../../protocol/doctor.ts';

/** What a driver reports about a GPU. */
interface ListedGpu {
  vendor: 'nvidia' | 'amd' | 'any';
  /** Empty if the driver reports no name. */
  name: string;
  /** Bytes of dedicated memory; undefined if it has none. */
  memory: number | undefined;
  /** Bytes of main memory that it may use in addition. */
  shared: number;
}

export interface NvidiaGpu {
  name: string;
  driver: string;
  /** Bytes; undefined if it shares the machine's, as on a DGX Spark. */
  memory?: number;
  /** 8.9 for Ada; undefined if the driver is too old to report it. */
  computeCapability?: number;
}

/** The calling process has about 15 s in all (find.ts). */
const MAX_MS = 5000;

let nvidia: Promise<NvidiaGpu[]> | undefined;

/** NVIDIA GPUs from nvidia-smi, run once per process; empty if it is missing or does not answer. */
export const findNvidia = (): Promise<NvidiaGpu[]> => (nvidia ??= queryNvidia());

async function queryNvidia(): Promise<NvidiaGpu[]> {
  const fields = 'name,driver_version,memory.total';
  // Drivers from before 2022 reject the last field and print nothing at all.
  for (const query of [`${fields},compute_cap`, fields])
    try {
      const args = [`--query-gpu=${query}`, '--format=csv,noheader,nounits'];
      const { stdout } = await outputOf('nvidia-smi', args, { timeout: MAX_MS });
      return parseNvidia(stdout);
    } catch (error) {
      // If it hung or is missing, a second query would fail too.
      const { code, killed } = error as OutputError;
      if (code === 'ENOENT' || killed) break;
    }
  return [];
}

/** Parses nvidia-smi's lines: name, driver, memory in MiB, and compute capability if queried. */
export function parseNvidia(csv: string): NvidiaGpu[] {
  return csv.split('\n').flatMap((line) => {
    const [name, driver, mebibytes, capability] = line.split(',').map((cell) => cell.trim());
    if (!name || !driver) return [];
    const [memory, computeCapability] = [Number(mebibytes) * 2 ** 20, Number(capability)];
    return [
      {
        name,
        driver,
        ...(memory > 0 && { memory }),
        ...(computeCapability > 0 && { computeCapability }),
      },
    ];
  });
}

let listed: Promise<ListedGpu[]> | undefined;

/** All GPUs that this machine's drivers list, queried once per process. */
export const listMemory = (): Promise<ListedGpu[]> => (listed ??= queryDrivers(process.platform));

async function queryDrivers(platform: string): Promise<ListedGpu[]> {
  const others = platform === 'linux' ? readAmd() : platform === 'win32' ? readRegistry() : [];
  const [cards, more] = await Promise.all([platform === 'darwin' ? [] : findNvidia(), others]);
  return [
    ...cards.map(({ name, memory }) => ({ vendor: 'nvidia' as const, name, memory, shared: 0 })),
    ...more,
  ];
}

/** GPUs listed by amdgpu. */
export async function readAmd(root = '/sys/class/drm'): Promise<ListedGpu[]> {
  const cards = (await readdir(root).catch(() => [])).filter((name) => /^card\d+$/.test(name)).sort();
  const found: ListedGpu[] = [];
  for (const card of cards) {
    const number = async (file: string) =>
      Number(await readFile(join(root, card, 'device', file), 'utf8').catch(() => '')) || 0;
    const memory = await number('mem_info_vram_total');
    if (memory) found.push({ vendor: 'amd', name: '', memory, shared: await number('mem_info_gtt_total') });
  }
  return found;
}

/** Where Windows registers display drivers. */
const DISPLAYS = String.raw`HKLM\SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}`;

/** GPUs listed in the Windows registry; empty if there are none. */
export async function readRegistry(): Promise<ListedGpu[]> {
  const options = { timeout: MAX_MS, maxBuffer: 1 << 24 };
  const { stdout = '' } = await outputOf('reg', ['query', DISPLAYS, '/s'], options).catch(
    // A key readable only by administrators makes it fail, but only after all others are printed.
    (error: unknown) => error as OutputError,
  );
  return parseRegistry(stdout);
}

/** Parses the output of `reg query`: DriverDesc and HardwareInformation.qwMemorySize of each display driver. */
export function parseRegistry(printed: string): ListedGpu[] {
  return printed.split(/^HKEY_/m).flatMap((part) => {
    const name = /^\s+DriverDesc\s+REG_SZ\s+(.+?)\s*$/m.exec(part)?.[1];
    const bytes = /^\s+HardwareInformation\.qwMemorySize\s+REG_QWORD\s+(0x[0-9a-f]+)/im.exec(part)?.[1];
    return name && bytes ? [{ vendor: 'any' as const, name, memory: Number(bytes), shared: 0 }] : [];
  });
}

/** Metal's recommended maximum working set as a share of main memory: below 36 GB, and from there on. */
const METAL_SHARE = { small: 2 / 3, large: 3 / 4, from: 36 * 2 ** 30 };

/**
 * Bytes that an adapter can compute with, and whether they are main memory; undefined if unknown. An integrated GPU has
 * what the driver grants or Metal recommends; on Windows, its dedicated memory plus half of main memory. A GPU of
 * unknown kind may be integrated, so its memory counts as main memory.
 */
export function memoryOf(
  { name, kind }: Pick<Adapter, 'name' | 'kind'>,
  listed: readonly ListedGpu[],
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
  if (found.memory === undefined) return { shared: true };
  const additional = platform === 'win32' ? total / 2 : found.shared;
  return { memory: found.memory + (shared ? additional : 0), shared };
}

/** The driver's entry for an adapter: by name, else its vendor's entry if there is only one (or all are alike). */
function matching(name: string, listed: readonly ListedGpu[]): ListedGpu | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/\((r|tm)\)|nvidia|amd|intel|\W/g, '');
  const named = listed.find((gpu) => gpu.name && plain(gpu.name) === plain(name));
  if (named) return named;
  const vendor = /nvidia|geforce/i.test(name)
    ? 'nvidia'
    : /\bamd\b|radeon|radv/i.test(name)
      ? 'amd'
      : undefined;
  const [first, ...more] = listed.filter((gpu) => gpu.vendor === vendor);
  return first && more.every(({ memory }) => memory === first.memory) ? first : undefined;
}

/** Finds a GPU through Dawn (npm package `webgpu`), which uses Vulkan, Metal or Direct3D 12. */
import { pathToFileURL } from 'node:url';
import type { Adapter } from '../../protocol/doctor.ts';
import { UserError } from '../../text/errors.ts';
import { chooseDevice } from '../devices/choose-device.ts';
import { kindOf } from '../devices/kind.ts';
import { listMemory, memoryOf } from '../devices/memory.ts';
import { dawnMissing, locateDawn } from '../dawn.ts';
import { oneLine } from './failures.ts';
import { features } from './kernel.ts';

interface Dawn {
  create(options: string[]): GPU;
  globals: object;
}

let loaded: Promise<Dawn> | undefined;
/** Dawn instances by the adapter name that each is restricted to; '' is unrestricted. */
const started = new Map<string, GPU>();

/** Dawn, loaded once. Throws UserError `backend-unavailable` if it can't be loaded here. */
async function startDawn(only = ''): Promise<GPU> {
  const { create } = await (loaded ??= loadDawn());
  const known = started.get(only);
  if (known) return known;
  const gpu = create(only ? [`adapter=${only}`] : []);
  started.set(only, gpu);
  return gpu;
}

async function loadDawn(): Promise<Dawn> {
  // Electron's Node rejects externally allocated buffers, which is how Dawn returns results.
  if (process.versions['electron'])
    throw unavailable(
      "VS Code's own Node can't use a GPU",
      'Install Node 20 or newer, so that training runs in it.',
    );
  const next = 'Train with --backend tensorflow or wasm.';
  const file = locateDawn();
  if (!file) throw new UserError('backend-unavailable', dawnMissing, next);
  try {
    const dawn = (await import(pathToFileURL(file).href)) as Dawn;
    Object.assign(globalThis, dawn.globals);
    return dawn;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
    const why = missing ? 'the package webgpu has none for this platform' : oneLine(message);
    throw unavailable(`WebGPU does not start: ${why}`, next, error);
  }
}

/** A name that no GPU has: Dawn's error message then lists all GPUs. */
const NO_SUCH_GPU = 'none is called this';

/** The names of all GPUs that Dawn finds on this platform, in its order. */
async function allNames(): Promise<string[]> {
  const gpu = await startDawn(NO_SUCH_GPU);
  started.delete(NO_SUCH_GPU);
  // Without any GPU, it returns null instead of rejecting.
  const message = await gpu.requestAdapter().then(
    () => '',
    (reason: unknown) => String(reason),
  );
  return [...new Set([...message.matchAll(/name: '(.*)'$/gm)].map(([, name]) => name!))];
}

interface Opened {
  name: string;
  adapter: GPUAdapter;
}

async function openAll(): Promise<Opened[]> {
  const found: Opened[] = [];
  for (const name of (await allNames()).filter(Boolean)) {
    const adapter = await (await startDawn(name)).requestAdapter();
    // Dawn picks the first GPU whose name contains this one, so it may be another one with a longer name.
    if (adapter && adapter.info.device === slug(name)) found.push({ name: oneLine(name), adapter });
  }
  if (found.length) return found;
  // A GPU without a name, or a Dawn whose error message differs.
  const adapter = await (await startDawn()).requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return [];
  const { description, device, vendor } = adapter.info;
  return [{ name: oneLine(description || device || vendor || 'unnamed GPU'), adapter }];
}

/** A name as WebGPU writes it: lower case, with dashes for everything but letters and digits. */
const slug = (name: string) => name.toLowerCase().replace(/[^a-z0-9]+/g, '-');

/** The adapters that Dawn offers, without duplicates. Throws like openDevice, but returns [] if there is none. */
export async function findAdapters(): Promise<Adapter[]> {
  return described(await openAll());
}

async function described(adapters: readonly Opened[]): Promise<Adapter[]> {
  const known = adapters.map(describe);
  const listed = known.some(({ kind }) => kind !== 'software') ? await listMemory() : [];
  return known.map((device) => ({ ...device, ...memoryOf(device, listed) }));
}

/**
 * Opens an adapter with its maximum limits: the largest one, or the one selected by `wanted` (an index or part of a
 * name). Throws UserError `backend-unavailable` if there is none or it can't be opened, `bad-argument` if `wanted`
 * matches none.
 */
export async function openDevice(wanted?: string): Promise<{ device: GPUDevice; adapter: Adapter }> {
  const adapters = await openAll();
  const chosen = chooseDevice(await described(adapters), wanted);
  if (!chosen)
    throw unavailable(
      'No GPU was found that supports Vulkan, Metal or Direct3D 12',
      'Install its driver (on Debian without a GPU: apt install mesa-vulkan-drivers), or train with --backend tensorflow or wasm.',
    );
  const { adapter } = adapters[chosen.number]!;
  const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } = adapter.limits;
  try {
    const device = await adapter.requestDevice({
      requiredFeatures: Object.values(features).filter((feature) => adapter.features.has(feature)),
      requiredLimits: { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage },
    });
    return { device, adapter: chosen.adapter };
  } catch (error) {
    const why = `${chosen.adapter.name} can't be opened: ${oneLine((error as Error).message)}`;
    throw unavailable(why, 'Update its driver, or train with --backend tensorflow or wasm.', error);
  }
}

function describe({ name, adapter: { limits, features, info } }: Opened): Adapter {
  const useful = ['shader-f16', 'subgroups'];
  return {
    name,
    driver: oneLine(info.description),
    kind: kindOf(name, info.isFallbackAdapter),
    shared: false,
    maxBufferSize: limits.maxBufferSize,
    maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    features: useful.filter((feature) => features.has(feature)),
  };
}

const unavailable = (what: string, next: string, cause?: unknown) =>
  new UserError('backend-unavailable', `${what}.`, next, { cause });

/** Finds a GPU through Dawn (npm's `webgpu`), which speaks Vulkan, Metal or Direct3D 12. */
import type { Adapter } from '../../protocol/doctor.ts';
import { UserError } from '../../protocol/errors.ts';
import { oneLine } from './failures.ts';

interface Dawn {
  create(options: string[]): GPU;
  globals: object;
}

let started: Promise<GPU> | undefined;

/** Dawn, loaded once. Throws UserError `backend-unavailable` if it can't be loaded here. */
function loadDawn(): Promise<GPU> {
  started ??= (async () => {
    // Electron's Node refuses memory that it did not allocate itself, which is how Dawn hands results over.
    if (process.versions['electron'])
      throw unavailable(
        "VS Code's own Node can't use a GPU",
        'Install Node 20 or newer, so that training runs in it.',
      );
    try {
      const { create, globals } = (await import('webgpu')) as Dawn;
      Object.assign(globalThis, globals);
      return create([]);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
      const why = missing ? 'the package webgpu has none for this platform' : oneLine(message);
      throw unavailable(`WebGPU does not start: ${why}`, 'Train with --backend tensorflow or wasm.', error);
    }
  })();
  return started;
}

/** The adapters that Dawn offers, the fastest first. Throws like openDevice, but not for want of an adapter. */
export async function findAdapters(): Promise<Adapter[]> {
  const gpu = await loadDawn();
  const found = new Map<string, Adapter>();
  for (const powerPreference of ['high-performance', 'low-power'] as const) {
    const adapter = await gpu.requestAdapter({ powerPreference });
    if (adapter) found.set(nameOf(adapter), describe(adapter));
  }
  return [...found.values()];
}

/**
 * Opens the fastest adapter with all that it allows. Throws UserError `backend-unavailable` if there is none, or if it
 * can't be opened.
 */
export async function openDevice(): Promise<{ device: GPUDevice; adapter: Adapter }> {
  const gpu = await loadDawn();
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter)
    throw unavailable(
      'No GPU was found that speaks Vulkan, Metal or Direct3D 12',
      'Install its driver (on Debian without a GPU: apt install mesa-vulkan-drivers), or train with --backend tensorflow or wasm.',
    );
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  try {
    const device = await adapter.requestDevice({
      requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
    });
    return { device, adapter: describe(adapter) };
  } catch (error) {
    const why = `${nameOf(adapter)} can't be opened: ${oneLine((error as Error).message)}`;
    throw unavailable(why, 'Update its driver, or train with --backend tensorflow or wasm.', error);
  }
}

function describe(adapter: GPUAdapter): Adapter {
  const { limits, features, info } = adapter;
  const useful = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'];
  return {
    name: nameOf(adapter),
    software: info.isFallbackAdapter || /llvmpipe|swiftshader|software|basic render/i.test(nameOf(adapter)),
    mostBuffer: limits.maxBufferSize,
    mostBound: limits.maxStorageBufferBindingSize,
    features: useful.filter((name) => features.has(name)),
  };
}

const nameOf = ({ info }: GPUAdapter) =>
  oneLine(info.description || info.device || info.vendor || 'unnamed GPU');

const unavailable = (what: string, next: string, cause?: unknown) =>
  new UserError('backend-unavailable', `${what}.`, next, { cause });

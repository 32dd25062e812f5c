/** Starts llama.cpp on a GPU if the GPU, its driver and the binary exist; otherwise says why not. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Llama } from 'node-llama-cpp';
import { gpuKindNames, type GpuChoice, type GpuKind } from '../protocol/gpu.ts';
import { fetchedModules, gpuKindsHere, gpuPackages, installedGpuKinds } from '../packages/gpu-packages.ts';
import { openLlama, packageRoot, requireLlama, shareLlama } from './llama.ts';
import { installLlamaImportHook } from './import-hook.ts';
import { type Message, msg, type Text } from '../text/message.ts';

export interface GpuStart {
  /** Undefined means the processor. */
  kind?: GpuKind;
  devices: string[];
  /** Why the processor is used although a GPU was requested. */
  why?: Text;
}

/** Recognises software devices of Mesa, Google and Microsoft by name. */
export const isSoftware = (device: string): boolean =>
  /llvmpipe|lavapipe|swiftshader|basic render|\bsoftware\b/i.test(device);

/**
 * Chooses the device for llama.cpp in this process, which `sharedLlama` then uses; call it before a model is loaded.
 * GPU problems don't throw: `why` says what is missing. Throws UserError `backend-unavailable` if llama.cpp can't run
 * at all.
 */
export async function startGpu(choice: GpuChoice): Promise<GpuStart> {
  if (choice === 'off') return { devices: [] };
  await requireLlama();
  registerFetchedPackages();
  const reasons: Text[] = [];
  const kinds = choice === 'auto' ? gpuKindsHere() : [choice];
  // A missing package is reported only if no installed one failed.
  for (const kind of await installedGpuKinds(kinds, packageRoot())) {
    const started = await tryGpu(kind, choice);
    if (!('message' in started)) return started;
    reasons.push(started);
  }
  const why = reasons.at(-1) ?? notInstalled(kinds);
  return { devices: [], why };
}

/** Makes models load on the processor from now on. The caller frees the previously shared llama.cpp. */
export const useProcessor = (): void => shareLlama(undefined);

let hookInstalled = false;
function registerFetchedPackages(): void {
  if (!hookInstalled) installLlamaImportHook(fetchedModules());
  hookInstalled = true;
}

function notInstalled(kinds: readonly GpuKind[]): Text {
  const kind = kinds.at(-1);
  if (!kind) return msg`There is no build of llama.cpp that uses a GPU on this platform.`;
  const name = gpuKindNames[kind];
  return gpuPackages(kind).length === 0
    ? msg`There is no build of llama.cpp for ${name} on this platform.`
    : msg`The build of llama.cpp for ${name} is not installed: {install-gpu ${kind}} downloads it.`;
}

/** Starts llama.cpp on this kind of GPU, or returns why it can't. */
async function tryGpu(kind: GpuKind, choice: GpuChoice): Promise<GpuStart | Message> {
  const name = gpuKindNames[kind];
  if (!(await hasDriver(kind))) return msg`This machine has no driver for ${name}.`;
  let llama: Llama;
  try {
    // getLlama first tries it in a separate process, which a broken driver may crash.
    llama = await openLlama(kind);
  } catch {
    return msg`The build of llama.cpp for ${name} finds no GPU that it can use: there is none, or its driver is too old.`;
  }
  const devices = await llama.getGpuDeviceNames();
  const usableDevices = devices.filter((device) => asksForSoftware(choice) || !isSoftware(device));
  if (llama.gpu === kind && usableDevices.length > 0) {
    shareLlama(llama);
    return { kind, devices };
  }
  await llama.dispose();
  return devices.length > 0
    ? msg`${name} finds no GPU but ${devices.join(', ')}, which computes on the processor.`
    : msg`${name} finds no GPU on this machine.`;
}

/**
 * Software devices are used only on request: by the name of the kind or, for tests, by llama.cpp's own variable,
 * without which it does not even list them.
 */
const asksForSoftware = (choice: GpuChoice): boolean =>
  choice !== 'auto' || Boolean(process.env['GGML_VK_VISIBLE_DEVICES']);

/** Whether there is a driver. Without one, trying would waste a second. */
async function hasDriver(kind: GpuKind): Promise<boolean> {
  if (kind === 'metal') return true;
  if (kind === 'cuda')
    return process.platform === 'win32'
      ? existsSync(join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32/nvcuda.dll'))
      : existsSync('/dev/nvidiactl') || existsSync('/dev/dxg');
  const { getLlamaGpuTypes } = await import('node-llama-cpp');
  return (await getLlamaGpuTypes('supported')).includes(kind);
}

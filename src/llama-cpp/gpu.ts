/** Starts llama.cpp on a GPU where there is one, a driver and the binary; else says why not. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Llama } from 'node-llama-cpp';
import { gpuKindNames, type GpuChoice, type GpuKind } from '../protocol/gpu.ts';
import { fetchedModules, gpuKindsHere, gpuPackages, hasGpuPackages } from './gpu-packages.ts';
import { openLlama, packageRoot, requireLlama, shareLlama } from './llama.ts';
import { resolveAlso } from './import-hook.ts';
import { type Message, msg, type Text } from '../text/message.ts';

export interface GpuStart {
  /** Undefined: the processor. */
  kind?: GpuKind;
  /** Names of the GPUs. */
  devices: string[];
  /** Why it is the processor although a GPU was wanted. */
  why?: Text;
}

/** Names that Mesa, Google and Microsoft give to devices that compute on the processor. */
export const isSoftware = (device: string): boolean =>
  /llvmpipe|lavapipe|swiftshader|basic render|\bsoftware\b/i.test(device);

/**
 * Chooses what llama.cpp computes on in this process, before a model is loaded: `sharedLlama` is then the one on that
 * GPU. Never throws because of a GPU: `why` says what is missing. Throws UserError `backend-unavailable` where
 * llama.cpp can't run at all.
 */
export async function startGpu(choice: GpuChoice): Promise<GpuStart> {
  if (choice === 'off') return { devices: [] };
  await requireLlama();
  offerFetched();
  const reasons: Text[] = [];
  const kinds = choice === 'auto' ? gpuKindsHere() : [choice];
  // What is not installed is told only if nothing that is installed has a reason of its own.
  const installed = kinds.filter((kind) => hasGpuPackages(kind, packageRoot()));
  for (const kind of installed) {
    const started = await tryGpu(kind, choice);
    if (!('message' in started)) return started;
    reasons.push(started);
  }
  const why = reasons.at(-1) ?? notInstalled(kinds);
  return { devices: [], why };
}

/** From now on, models are loaded on the processor. The caller frees the llama.cpp that was shared. */
export const leaveGpu = (): void => shareLlama(undefined);

let offered = false;
function offerFetched(): void {
  if (!offered) resolveAlso(fetchedModules());
  offered = true;
}

function notInstalled(kinds: readonly GpuKind[]): Text {
  const kind = kinds.at(-1);
  if (!kind) return msg`There is no build of llama.cpp that uses a GPU on this platform.`;
  const name = gpuKindNames[kind];
  return gpuPackages(kind).length === 0
    ? msg`There is no build of llama.cpp for ${name} on this platform.`
    : msg`The build of llama.cpp for ${name} is not installed: {install-gpu ${kind}} downloads it.`;
}

/** Starts it, or says why it can't. */
async function tryGpu(kind: GpuKind, choice: GpuChoice): Promise<GpuStart | Message> {
  const name = gpuKindNames[kind];
  if (!(await hasDriver(kind))) return msg`This machine has no driver for ${name}.`;
  let llama: Llama;
  try {
    // Tried in a process of its own first, which a broken driver may end.
    llama = await openLlama(kind);
  } catch {
    return msg`The build of llama.cpp for ${name} finds no GPU that it can use: there is none, or its driver is too old.`;
  }
  const devices = await llama.getGpuDeviceNames();
  const used = devices.filter((device) => asksForSoftware(choice) || !isSoftware(device));
  if (llama.gpu === kind && used.length > 0) {
    shareLlama(llama);
    return { kind, devices };
  }
  await llama.dispose();
  return devices.length > 0
    ? msg`${name} finds no GPU but ${devices.join(', ')}, which computes on the processor.`
    : msg`${name} finds no GPU on this machine.`;
}

/**
 * A device that computes on the processor is used only if it is asked for: by the name of the kind, or for tests by
 * llama.cpp's own variable, without which it does not even list one.
 */
const asksForSoftware = (choice: GpuChoice): boolean =>
  choice !== 'auto' || Boolean(process.env['GGML_VK_VISIBLE_DEVICES']);

/** Whether there is anything to try: without a driver, trying takes a second for nothing. */
async function hasDriver(kind: GpuKind): Promise<boolean> {
  if (kind === 'metal') return true;
  if (kind === 'cuda')
    return process.platform === 'win32'
      ? existsSync(join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32/nvcuda.dll'))
      : existsSync('/dev/nvidiactl') || existsSync('/dev/dxg');
  const { getLlamaGpuTypes } = await import('node-llama-cpp');
  return (await getLlamaGpuTypes('supported')).includes(kind);
}

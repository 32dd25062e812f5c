/** Finds GPUs for WebGPU and measures backends, in separate processes because a driver may crash them. */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Programs } from '../../platform/processes/bundles.ts';
import { outputOf, type OutputError } from '../../platform/processes/start.ts';
import { webgpuProbeSchema, type WebgpuProbe } from '../../protocol/doctor.ts';
import { dawnMissing, locateDawn } from '../dawn.ts';
import { lastRate, type Rate } from './rate-line.ts';
import { msg, withTexts } from '../../text/message.ts';

/** Planning a run waits for this. */
const MAX_MS = 15_000;

/** Whether the machine may have a hardware GPU for WebGPU, judged quickly by the system's device files. */
export function mayHaveGpu(platform: string = process.platform, dev = '/dev'): boolean {
  if (platform !== 'linux') return true;
  const drawing = readNames(`${dev}/dri`).some((name) => name.startsWith('renderD'));
  // dxg: the GPU in Windows Subsystem for Linux.
  return drawing || ['nvidia0', 'nvidiactl', 'dxg'].some((name) => existsSync(`${dev}/${name}`));
}

const readNames = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

/**
 * What WebGPU finds, and whether the largest or the requested GPU works. Never throws: `reason` says why it does not.
 */
export async function findWebgpu(wanted = ''): Promise<WebgpuProbe> {
  if (locateDawn() === undefined)
    return { adapters: [], ...(mayHaveGpu() && withTexts({ reason: dawnMissing })) };
  try {
    return webgpuProbeSchema.parse(JSON.parse(await runDevices('probe', wanted)));
  } catch (error) {
    const reason = (error as OutputError).killed
      ? msg`The process that looked for GPUs did not answer: update the driver.`
      : msg`The process that looked for GPUs ended early: update the driver.`;
    return { adapters: [], ...withTexts({ reason }) };
  }
}

/** How fast a backend multiplies. Never throws: `lack` says why it can't train here. */
export async function measureRate(backend: string, device = ''): Promise<Rate> {
  try {
    const rate = lastRate(await runDevices('rate', backend, device));
    if (rate) return rate;
    throw new Error('It printed nothing.');
  } catch (error) {
    const known = lastRate((error as OutputError).stdout ?? '');
    if (known) return known;
    const late = (error as OutputError).killed === true;
    const lack = late
      ? msg`The process that measured ${backend} did not answer.`
      : msg`The process that measured ${backend} ended early.`;
    return { ...withTexts({ lack }), ...(late && { late }) };
  }
}

async function runDevices(...args: Programs['devices']): Promise<string> {
  const options = { timeout: MAX_MS, killSignal: 'SIGKILL' } as const;
  return (await outputOf(process.execPath, [script(), ...args], options)).stdout;
}

/** Whether GPUs could only be used once Dawn is installed. */
export const lacksDawn = (): boolean => mayHaveGpu() && locateDawn() === undefined;

/**
 * Whether Dawn is installed, and the program that probes and measures exists next to this file, as it does in the
 * bundle.
 */
export const canProbe = (): boolean => existsSync(script()) && locateDawn() !== undefined;

const script = (): string => fileURLToPath(new URL('./devices.mjs', import.meta.url));

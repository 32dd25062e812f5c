/** Looks for GPUs that WebGPU can use, and measures backends, in processes of their own: a driver may end them. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { webgpuProbeSchema, type WebgpuProbe } from '../../protocol/doctor.ts';
import { lastRate, type Rate } from './rate-line.ts';
import { msg, told } from '../../text/message.ts';

const exec = promisify(execFile);
/** Whoever plans a run waits for it. */
const LONGEST_MS = 15_000;

/** Whether WebGPU could find a GPU that is none of software's, judged by what the system shows, which takes no time. */
export function mayHaveGpu(platform: string = process.platform, dev = '/dev'): boolean {
  if (platform !== 'linux') return true;
  const drawing = readNames(`${dev}/dri`).some((name) => name.startsWith('renderD'));
  // dxg: Windows' GPU in its Linux.
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
 * What WebGPU finds, and whether the largest GPU, or the one that is asked for, works. Never throws: `reason` says why
 * there is none that does.
 */
export async function findWebgpu(wanted = ''): Promise<WebgpuProbe> {
  try {
    return webgpuProbeSchema.parse(JSON.parse(await ask('webgpu-probe', [wanted])));
  } catch (error) {
    const reason = (error as { killed?: boolean }).killed
      ? msg`The process that looked for GPUs did not answer: update the driver.`
      : msg`The process that looked for GPUs ended early: update the driver.`;
    return { adapters: [], ...told({ reason }) };
  }
}

/** A process that failed, or was ended because it took too long; what it printed until then. */
interface Ended {
  killed?: boolean;
  stdout?: string;
}

/** How fast a backend multiplies. Never throws: `lack` says why it can't train here. */
export async function measureRate(backend: string, device = ''): Promise<Rate> {
  try {
    const rate = lastRate(await ask('product-rate', [backend, device]));
    if (rate) return rate;
    throw new Error('It printed nothing.');
  } catch (error) {
    const known = lastRate((error as Ended).stdout ?? '');
    if (known) return known;
    const late = (error as Ended).killed === true;
    const lack = late
      ? msg`The process that measured ${backend} did not answer.`
      : msg`The process that measured ${backend} ended early.`;
    return { ...told({ lack }), ...(late && { late }) };
  }
}

async function ask(name: string, args: string[]): Promise<string> {
  const script = fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  const options = { env, timeout: LONGEST_MS, killSignal: 'SIGKILL' as const, windowsHide: true };
  return (await exec(process.execPath, [script, ...args], options)).stdout;
}

/** Whether the processes that look and measure lie beside this file, as they do once it is bundled. */
export const canAsk = (): boolean =>
  existsSync(fileURLToPath(new URL('./product-rate.mjs', import.meta.url)));

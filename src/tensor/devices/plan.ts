/**
 * Chooses the backend for training on this machine, and the GPU for WebGPU. Called when a run is planned and when it
 * starts; both get the same answer, because measurements are cached by a fingerprint of the machine.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { z } from 'zod';
import packageJson from '../../../package.json' with { type: 'json' };
import { webgpuProbeSchema, type WebgpuProbe } from '../../protocol/doctor.ts';
import { msg, UserError } from '../../text/errors.ts';
import { isRecent, JsonCache } from '../../platform/files/json-cache.ts';
import { usableProcessors } from '../../platform/machine/processors.ts';
import type { BackendName, Hyper } from '../../protocol/run.ts';
import { fastestPrecision } from '../precision.ts';
import { dawnMissing } from '../dawn.ts';
import { currentRuntime } from '../runtime/current.ts';
import { findRuntime, type Runtime } from '../runtime/find.ts';
import { chooseDevice, type ChosenDevice } from './choose-device.ts';
import { rankBackends, type Candidate, type Ranked } from './fastest.ts';
import * as machine from './find.ts';
import { rateSchema, type Rate } from './rate-line.ts';
import { textOf } from '../../text/message.ts';

interface BackendPlan extends Ranked {
  /** The requested backend, or the first of `order`. */
  backend: BackendName;
  /** The GPU that WebGPU would use; undefined if none was found or searched for. */
  device?: ChosenDevice | undefined;
}

const machineSchema = z.object({
  at: z.number(),
  probe: webgpuProbeSchema,
  rates: z.partialRecord(z.enum(['tensorflow', 'webgpu', 'wasm']), rateSchema),
});
type Machine = z.infer<typeof machineSchema>;

const machines = new JsonCache('backend-rates.json', machineSchema);
const DAY_MS = 24 * 3600 * 1000;
/** Measurements expire, because not every system reveals a change of driver. */
const VALID_MS = 30 * DAY_MS;
/** In case the disk cache can't be written, this process measures only once. */
const kept = new Map<string, Promise<Machine>>();

/** The functions that inspect the machine; tests substitute their own. */
export type MachineInspector = Pick<
  typeof machine,
  'mayHaveGpu' | 'lacksDawn' | 'canProbe' | 'findWebgpu' | 'measureRate'
>;

export interface RequestedBackend {
  backend: BackendName | 'auto';
  /** A GPU by index or name; it makes `auto` mean WebGPU. */
  device?: string | undefined;
}

/**
 * Chooses the backend. Searches for GPUs only where there may be one, and measures only if one is found; that takes
 * about two seconds, once per machine. Throws UserError `bad-argument` if `device` does not exist or the backend does
 * not use one.
 */
export async function planBackend(
  { backend, device }: RequestedBackend,
  inspector: MachineInspector = machine,
): Promise<BackendPlan> {
  if (device && backend !== 'auto' && backend !== 'webgpu')
    throw new UserError(
      'bad-argument',
      `--device chooses a GPU for WebGPU, which --backend ${backend} does not use.`,
      msg`Leave out one of the two.`,
    );
  if (device || backend === 'webgpu') return planGpu(device, inspector);
  if (backend !== 'auto') return { backend, order: [backend], reason: msg`asked for` };
  // A new binding is tested before anything is timed, not in the limited time of a measurement.
  const runtime = await currentRuntime();
  const { probe, rates } =
    inspector.mayHaveGpu() && inspector.canProbe() ? await cachedMachine(runtime, inspector) : nothing;
  const chosen = chooseDevice(probe.adapters);
  const lacking: Candidate[] = inspector.lacksDawn()
    ? [{ name: 'webgpu', label: 'WebGPU', lack: dawnMissing }]
    : [];
  const ranked = rankBackends([...candidatesFrom(rates, runtime, chosen), ...lacking]);
  return { ...ranked, backend: ranked.order[0] ?? 'wasm', device: chosen };
}

/** f16 must be faster by at least this factor to be worth its rounding. */
const MIN_F16_SPEEDUP = 1.05;

/**
 * How fast WebGPU's GPU multiplies. Measured once per machine, along with the backends; undefined without a hardware
 * GPU, and for one other than the default (`wanted`), which is not measured.
 */
async function gpuRate(wanted: string | undefined, inspector: MachineInspector): Promise<Rate | undefined> {
  if (!inspector.mayHaveGpu() || !inspector.canProbe()) return undefined;
  const { probe, rates } = await cachedMachine(await findRuntime(), inspector);
  const isOther =
    wanted && chooseDevice(probe.adapters, wanted)?.number !== chooseDevice(probe.adapters)?.number;
  return isOther ? undefined : rates.webgpu;
}

/**
 * Whether that GPU is faster in f16 than in f32. The driver's correctness in f16 is tested at its first use.
 */
export async function fasterInF16(wanted?: string, inspector: MachineInspector = machine): Promise<boolean> {
  const measured = await gpuRate(wanted, inspector);
  return (measured?.half ?? 0) > MIN_F16_SPEEDUP * (measured?.rate ?? Infinity);
}

/** Its operations per second in large matrix products; undefined if that is not known. */
export async function gpuProductRate(
  precision: Hyper['precision'],
  wanted?: string,
  inspector: MachineInspector = machine,
): Promise<number | undefined> {
  const measured = await gpuRate(wanted, inspector);
  return (precision === 'f16' ? measured?.half : undefined) ?? measured?.rate;
}

/** Cached by requested GPU: GPUs don't come and go while a command is planning. */
const found = new Map<string | undefined, Promise<WebgpuProbe>>();

async function planGpu(wanted: string | undefined, inspector: MachineInspector): Promise<BackendPlan> {
  const plan: BackendPlan = { backend: 'webgpu', order: ['webgpu'], reason: msg`asked for` };
  if (!inspector.canProbe()) return plan;
  const probe = found.get(wanted) ?? inspector.findWebgpu(wanted);
  found.set(wanted, probe);
  const { adapters } = await probe;
  return { ...plan, device: chooseDevice(adapters, wanted) };
}

const nothing: Pick<Machine, 'probe' | 'rates'> = { probe: { adapters: [] }, rates: {} };

/** The measured rate, with `lack` as a translatable text. */
const withReason = (rate: Rate = {}) => ({ ...rate, lack: textOf(rate, 'lack') });

/** The candidate backends with the rates measured so far. */
function candidatesFrom(
  rates: Machine['rates'],
  runtime: Runtime | undefined,
  device: ChosenDevice | undefined,
): Candidate[] {
  // A timeout may only mean that the machine was busy, so TensorFlow stays as a fallback.
  const measured = rates.tensorflow?.late ? {} : withReason(rates.tensorflow);
  const candidates: Candidate[] = [
    runtime || process.env['FORGET_ME_NOT_BINDING']
      ? { name: 'tensorflow', label: 'TensorFlow', ...measured }
      : { name: 'tensorflow', label: 'TensorFlow', lack: msg`TensorFlow is not installed.` },
    { name: 'wasm', label: 'WebAssembly', ...withReason(rates.wasm) },
  ];
  // A software adapter is slower than the other backends: used only on request.
  if (!device || device.adapter.kind === 'software') return candidates;
  return [{ name: 'webgpu', label: device.adapter.name, ...withReason(rates.webgpu) }, ...candidates];
}

/** The cached facts about this machine; probes and measures again if there are none or its fingerprint changed. */
function cachedMachine(runtime: Runtime | undefined, inspector: MachineInspector): Promise<Machine> {
  const key = fingerprint(runtime);
  const known = kept.get(key);
  if (known) return known;
  const made = lookUp(key, runtime, inspector);
  kept.set(key, made);
  return made;
}

async function lookUp(
  key: string,
  runtime: Runtime | undefined,
  inspector: MachineInspector,
): Promise<Machine> {
  const known = await machines.get(key);
  if (known && isRecent(known.at, isSettled(known) ? VALID_MS : DAY_MS)) return known;
  const probe = await inspector.findWebgpu();
  const made = { at: Date.now(), probe, rates: await measure(probe, runtime, inspector) };
  await machines.set(key, made);
  return made;
}

/** Failures are not cached: the machine may have been busy, or may get a GPU or driver without us noticing. */
const isSettled = ({ probe: { adapters, reason }, rates }: Machine): boolean =>
  reason === undefined &&
  adapters.some(({ kind }) => kind !== 'software') &&
  Object.values(rates).every(({ lack }) => lack === undefined);

/** Measures a hardware GPU and its competitor, one after the other because they may share the processor. */
async function measure(
  { adapters, reason }: WebgpuProbe,
  runtime: Runtime | undefined,
  { measureRate }: MachineInspector,
): Promise<Machine['rates']> {
  const device = chooseDevice(adapters);
  if (!device || device.adapter.kind === 'software') return {};
  if (reason !== undefined) return { webgpu: { lack: reason } };
  const webgpu = await measureRate('webgpu', String(device.number));
  if (webgpu.rate === undefined) return { webgpu };
  const tensorflow: Rate | undefined = runtime && (await measureRate('tensorflow'));
  // Without TensorFlow, the competitor is WebAssembly.
  if (tensorflow?.rate !== undefined) return { webgpu, tensorflow };
  return { webgpu, ...(tensorflow && { tensorflow }), wasm: await measureRate('wasm') };
}

/** What a measurement depends on, as far as it can be read quickly. */
function fingerprint(runtime: Runtime | undefined): string {
  const { platform, arch, versions, env } = process;
  return [
    packageJson.version,
    platform,
    arch,
    release(),
    versions['electron'] ?? `node ${versions.node}`,
    cpus()[0]?.model,
    usableProcessors(),
    fastestPrecision('tensorflow', 'lora'),
    runtime ? `TensorFlow ${runtime.version}${runtime.gpu ? ' CUDA' : ''}` : 'no TensorFlow',
    ...['VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'CUDA_VISIBLE_DEVICES'].map((name) => env[name] ?? ''),
    ...(platform === 'linux' ? linuxDrivers() : []),
  ].join(' | ');
}

const statOf = (path: string) => {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
};

/** GPUs and drivers: PCI ids, the version of NVIDIA's kernel module, and Vulkan's driver files with their times. */
function linuxDrivers(): string[] {
  const names = (folder: string) => {
    try {
      return readdirSync(folder).sort();
    } catch {
      return [];
    }
  };
  const text = (path: string) => {
    try {
      return readFileSync(path, 'utf8').trim();
    } catch {
      return '';
    }
  };
  const cards = names('/sys/class/drm').filter((name) => /^card\d+$/.test(name));
  const numbers = cards.map((card) =>
    ['vendor', 'device'].map((file) => text(`/sys/class/drm/${card}/device/${file}`)).join(':'),
  );
  const drivers = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'].flatMap((folder) =>
    // A link may dangle after its driver is removed.
    names(folder).map((name) => `${name} ${statOf(`${folder}/${name}`)?.mtimeMs}`),
  );
  return [...numbers, text('/sys/module/nvidia/version'), ...drivers];
}

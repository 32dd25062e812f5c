/** Inspects this machine: what is installed, what is missing, and the command to install it. */
import { constants, existsSync } from 'node:fs';
import { access, readdir, stat } from 'node:fs/promises';
import { arch, cpus, freemem, platform, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { usableProcessors } from '../platform/machine/processors.ts';
import { inspectPython, type Python } from '../packages/python.ts';
import type { DoctorCheck, DoctorReport } from '../protocol/doctor.ts';
import { freeSpace } from '../platform/files/disk.ts';
import { reportError } from '../text/errors.ts';
import { networkDrive, tellNetworkDrive } from '../platform/files/network-drive.ts';
import { dataDir, modelsDir } from '../platform/files/paths.ts';
import { chooseDevice } from '../tensor/devices/choose-device.ts';
import { findWebgpu } from '../tensor/devices/find.ts';
import { findNvidia, type NvidiaGpu } from '../tensor/devices/memory.ts';
import { planBackend } from '../tensor/devices/plan.ts';
import { inspectRuntime, type RuntimeReport } from '../tensor/runtime/index.ts';
import { autoBase, describeTensorflowGain, type AutoBase } from './machine/auto-base.ts';
import { completionCheck, findCompletionGpu } from './machine/completion-gpu.ts';
import { formatBytes } from './view/format.ts';
import { version } from './version.ts';
import { webgpuBackend, webgpuCheck } from './machine/webgpu.ts';

type Probe = { starts: boolean; reason: string };

export async function examine(): Promise<DoctorReport> {
  // Before the rest: what it may measure, the rest would disturb.
  const plan = await planBackend({ backend: 'auto' });
  const [machine, python, runtime, webgpu, wasm, llama, gpus, models, data, base] = await Promise.all([
    examineMachine(),
    inspectPython(),
    inspectRuntime(),
    findWebgpu(),
    probeWasm(),
    probeLlama(),
    findNvidia(),
    findModels(),
    dataCheck(),
    autoBase(),
  ]);
  // After the processor's, because one process has one llama.cpp that is shared.
  const completion = await findCompletionGpu();
  const seen = [...gpus, ...webgpu.adapters].map(({ name }) => name);
  const device = chooseDevice(webgpu.adapters);
  const backends = [tensorflowBackend(runtime), { name: 'wasm', ...wasm }, webgpuBackend(webgpu, device)];
  const starting = plan.order.filter((name) =>
    backends.some((backend) => backend.name === name && backend.starts),
  );
  const chosenBackend = starting[0] ?? (wasm.starts ? 'wasm' : undefined);
  const onGpu = chosenBackend === 'webgpu' ? device?.adapter.name : undefined;
  return {
    summary:
      data.status !== 'broken'
        ? summaryOf({ chosen: chosenBackend, onGpu, runtime, wasm, llama })
        : `No data can be saved: ${data.text}`,
    ok: chosenBackend !== undefined && llama.starts && data.status !== 'broken',
    version,
    machine,
    node: process.versions.node,
    python: python?.version,
    pip: python?.pip,
    compiler: runtime.compiler,
    chosenBackend,
    chosenReason: plan.reason,
    chosenAdapter: device?.number,
    backends,
    gpus,
    adapters: webgpu.adapters,
    llama,
    completion,
    models,
    chosenBase: base.id,
    dataDir: dataDir(),
    checks: [
      machineCheck(machine),
      diskCheck(machine.freeDisk),
      { area: 'node', title: 'Node', status: 'ok', text: `${process.versions.node}, ${process.execPath}` },
      tensorflowCheck(runtime),
      webgpuCheck(webgpu, device, { trains: onGpu !== undefined, reason: plan.reason }),
      probeCheck('wasm', 'wasm backend', wasm),
      gpuCheck(gpus, runtime),
      pythonCheck(python),
      compilerCheck(runtime),
      probeCheck('llama', 'llama.cpp (completion)', llama),
      completionCheck(completion, seen),
      modelsCheck(models, base),
      data,
    ],
  };
}

async function examineMachine(): Promise<DoctorReport['machine']> {
  return {
    platform: platform(),
    arch: arch(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: usableProcessors(),
    memory: totalmem(),
    freeMemory: freemem(),
    freeDisk: await freeDisk(dataDir()),
  };
}

/** Checks that the data directory can be written or created. */
async function dataCheck(): Promise<DoctorCheck> {
  const check = { area: 'data', title: 'Data' };
  let place = dataDir();
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  try {
    await access(place, constants.W_OK);
    const drive = networkDrive(dataDir());
    if (drive) return { ...check, status: 'note', text: tellNetworkDrive(dataDir(), drive) };
    return { ...check, status: 'ok', text: `${dataDir()} (FORGET_ME_NOT_HOME moves it)` };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const text = `${place} can't be written (${code}): set FORGET_ME_NOT_HOME to a folder that you can write to.`;
    return { ...check, status: 'broken', text };
  }
}

/** Free bytes on the disk where `path` is or will be. */
async function freeDisk(path: string): Promise<number> {
  try {
    return await freeSpace(path);
  } catch (error) {
    if (dirname(path) === path) throw error;
    return await freeDisk(dirname(path));
  }
}

async function probeWasm(): Promise<Probe> {
  try {
    const { startBackend } = await import('../tensor/index.ts');
    await startBackend('wasm');
    return { starts: true, reason: 'It starts; it needs no installation.' };
  } catch (error) {
    return { starts: false, reason: reportError(error).message };
  }
}

async function probeLlama(): Promise<Probe> {
  try {
    // node-llama-cpp tests its binary in a separate process before it loads it here.
    const { sharedLlama } = await import('../llama-cpp/llama.ts');
    const { release } = (await sharedLlama()).llamaCppRelease;
    return { starts: true, reason: `llama.cpp ${release} starts.` };
  } catch (error) {
    const { message, next } = reportError(error);
    return { starts: false, reason: `${message} ${next}` };
  }
}

async function findModels(): Promise<DoctorReport['models']> {
  const names = await readdir(modelsDir(), { recursive: true }).catch(() => [] as string[]);
  const paths = names.filter((name) => name.endsWith('.gguf')).map((name) => join(modelsDir(), name));
  return await Promise.all(paths.map(async (path) => ({ path, bytes: (await stat(path)).size })));
}

function tensorflowBackend({
  starts,
  version,
  reason,
  command,
}: RuntimeReport): DoctorReport['backends'][number] {
  return { name: 'tensorflow', starts, version, reason, command };
}

interface MachineFacts {
  chosen: string | undefined;
  /** The GPU that WebGPU trains on. */
  onGpu: string | undefined;
  runtime: RuntimeReport;
  wasm: Probe;
  llama: Probe;
}

function summaryOf({ chosen, onGpu, runtime, wasm, llama }: MachineFacts): string {
  if (!chosen)
    return `Training cannot start because no backend starts. TensorFlow: ${runtime.reason} wasm: ${wasm.reason}`;
  if (!llama.starts)
    return `Neither training nor completion works: both need llama.cpp, which does not start. ${llama.reason}`;
  if (onGpu) return `Ready: trains on ${onGpu}, completes with llama.cpp.`;
  if (chosen === 'tensorflow')
    return `Ready: trains on TensorFlow ${runtime.version} (${runtime.gpu ? 'GPU' : 'CPU'}), completes with llama.cpp.`;
  const faster = runtime.command ? `; {install-runtime} makes it about six times faster` : '';
  return `Works, but slowly: trains on the wasm backend${faster}.`;
}

function machineCheck({
  platform: system,
  arch: processor,
  cpu,
  cores,
  memory,
}: DoctorReport['machine']): DoctorCheck {
  const text = `${system} ${processor}, ${cpu}, ${cores} cores, ${formatBytes(memory)} of memory`;
  const small = memory < 4e9;
  return {
    area: 'machine',
    title: 'Machine',
    status: small ? 'note' : 'ok',
    text: small ? `${text}: little for training (4 GB or more is recommended)` : text,
  };
}

function diskCheck(free: number): DoctorCheck {
  const text = `${formatBytes(free)} free on the disk that holds the data`;
  return free < 3e9
    ? {
        area: 'disk',
        title: 'Disk',
        status: 'missing',
        text: `${text}: TensorFlow, a base model and runs need 3 GB.`,
      }
    : { area: 'disk', title: 'Disk', status: 'ok', text };
}

function tensorflowCheck({ offered, installed, starts, reason, command }: RuntimeReport): DoctorCheck {
  const status = starts ? 'ok' : !offered ? 'note' : installed ? 'broken' : 'missing';
  return { area: 'tensorflow', title: 'TensorFlow backend', status, text: reason, command };
}

function probeCheck(area: string, title: string, { starts, reason }: Probe): DoctorCheck {
  return { area, title, status: starts ? 'ok' : 'broken', text: reason };
}

function gpuCheck(gpus: NvidiaGpu[], runtime: RuntimeReport): DoctorCheck {
  const [first] = gpus;
  const check = { area: 'gpu', title: 'GPU' };
  if (!first)
    return {
      ...check,
      status: 'note',
      text: 'No NVIDIA GPU was found (nvidia-smi); training runs on the CPU.',
    };
  const text = `${gpus.length > 1 ? `${gpus.length} x ` : ''}${first.name}, ${formatBytes(first.memory)}, driver ${first.driver}`;
  if (runtime.gpu)
    return {
      ...check,
      status: 'ok',
      text: `${text}; TensorFlow uses it, which this version was never tried with.`,
    };
  if (runtime.cuda)
    return {
      ...check,
      status: 'broken',
      text: `${text}; TensorFlow has CUDA but cannot use it: is the driver recent enough for CUDA 12?`,
    };
  if (!runtime.offered)
    return {
      ...check,
      status: 'note',
      text: `${text}; TensorFlow is not available for this platform, so the GPU is not used.`,
    };
  return {
    ...check,
    status: 'missing',
    text: `${text}; TensorFlow is installed without CUDA or not at all.`,
    command: 'forget-me-not runtime install --gpu',
  };
}

function pythonCheck(python: Python | undefined): DoctorCheck {
  const check = { area: 'python', title: 'Python with pip' };
  if (python?.pip) return { ...check, status: 'ok', text: `Python ${python.version}, pip ${python.pip}` };
  const text = `${python ? `Python ${python.version} has no pip` : 'Python 3 was not found'}, and is not needed: pip would only help with a package index that refuses direct downloads.`;
  return { ...check, status: 'note', text };
}

function compilerCheck({ compiler, prebuilt, installed, offered }: RuntimeReport): DoctorCheck {
  const check = { area: 'compiler', title: 'C++ compiler (binding)' };
  if (compiler) return { ...check, status: 'ok', text: compiler };
  if (prebuilt || installed || !offered)
    return { ...check, status: 'note', text: 'None was found, and none is needed.' };
  return {
    ...check,
    status: 'missing',
    text: "None was found; building TensorFlow's Node binding needs one.",
    command: 'sudo apt install g++',
  };
}

function modelsCheck(models: DoctorReport['models'], base: AutoBase): DoctorCheck {
  const check = { area: 'models', title: 'Base models' };
  const choice = `Training starts from ${base.id} by default: ${base.why}.${describeTensorflowGain(base)}`;
  const command = `forget-me-not models fetch ${base.id}`;
  if (models.length === 0)
    return { ...check, status: 'note', text: ['None yet.', choice].join(' '), command };
  const list = models.map(({ path, bytes }) => `${path} (${formatBytes(bytes)})`).join(', ');
  return { ...check, status: 'ok', text: `${list}. ${choice}` };
}

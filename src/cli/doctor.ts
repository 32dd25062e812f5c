/** Inspects this machine: what is installed, what is missing, and the command to install it. */
import { constants, existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { arch, cpus, freemem, platform, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { ggufFilesIn } from '../base-models/models-on-disk.ts';
import { usableProcessors } from '../platform/machine/processors.ts';
import { inspectPython, type Python } from '../packages/python.ts';
import type { DoctorReport } from '../protocol/doctor.ts';
import { freeSpace } from '../platform/files/disk.ts';
import { describeError, reasonOf } from '../text/errors.ts';
import { english, msg, type Text, joinTexts, withTexts } from '../text/message.ts';
import { networkDrive, networkDriveWarning } from '../platform/files/network-drive.ts';
import { dataDir, modelsDir } from '../platform/files/paths.ts';
import { chooseDevice } from '../tensor/devices/choose-device.ts';
import { findWebgpu, lacksDawn, mayHaveGpu } from '../tensor/devices/find.ts';
import { findNvidia } from '../tensor/devices/memory.ts';
import { planBackend } from '../tensor/devices/plan.ts';
import { inspectRuntime, installSize, type RuntimeReport } from '../tensor/runtime/index.ts';
import { autoBase, describeTensorflowGain, type AutoBase } from './machine/auto-base.ts';
import {
  completionCheck,
  findCompletionGpu,
  type BackendCheck,
  type Check,
} from './machine/completion-gpu.ts';
import { gpuCheck, summaryOf, type Probe } from './machine/training-device.ts';
import { formatBytes } from './view/format.ts';
import { version } from './version.ts';
import { webgpuBackend, webgpuCheck } from './machine/webgpu.ts';

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
    ggufFilesIn(modelsDir()),
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
  // WebGPU is refused there (tensor/webgpu/adapter.ts).
  const isEditorsNode = process.versions['electron'] !== undefined;
  const needsNode = chosenBackend === 'wasm' && isEditorsNode && mayHaveGpu();
  const training = { chosen: chosenBackend, onGpu, runtime };
  const checks: Check[] = [
    machineCheck(machine),
    diskCheck(machine.freeDisk),
    { area: 'node', title: 'Node', status: 'ok', text: `${process.versions.node}, ${process.execPath}` },
    tensorflowCheck(runtime),
    {
      ...webgpuCheck(webgpu, device, { trains: onGpu !== undefined, reason: plan.reason }),
      ...(lacksDawn() && { status: 'missing', command: 'forget-me-not runtime install-gpu' }),
    },
    probeCheck('wasm', msg`wasm backend`, wasm),
    gpuCheck(gpus, training, installSize(true) !== undefined),
    pythonCheck(python),
    compilerCheck(runtime),
    probeCheck('llama', msg`llama.cpp (completion)`, llama),
    completionCheck(completion, seen, lacksDawn()),
    modelsCheck(models, base),
    data,
  ];
  return {
    ...withTexts({
      summary:
        data.status !== 'broken'
          ? summaryOf({ ...training, needsNode, wasm, llama })
          : msg`No data can be saved: ${data.text}`,
    }),
    ok: chosenBackend !== undefined && llama.starts && data.status !== 'broken',
    version,
    machine,
    node: process.versions.node,
    python: python?.version,
    pip: python?.pip,
    compiler: runtime.compiler,
    chosenBackend,
    chosenReason: english(plan.reason),
    chosenAdapter: device?.number,
    needsNode,
    backends: backends.map((one) => ({ ...one, ...withTexts({ reason: one.reason }) })),
    gpus,
    adapters: webgpu.adapters,
    llama: { ...llama, ...withTexts({ reason: llama.reason }) },
    completion: { ...completion, ...withTexts({ why: completion.why }) },
    models,
    chosenBase: base.id,
    dataDir: dataDir(),
    checks: checks.map((one) => ({ ...one, ...withTexts({ title: one.title, text: one.text }) })),
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
async function dataCheck(): Promise<Check> {
  const check = { area: 'data', title: 'Data' };
  let place = dataDir();
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  try {
    await access(place, constants.W_OK);
    const drive = networkDrive(dataDir());
    if (drive) return { ...check, status: 'note', text: networkDriveWarning(dataDir(), drive) };
    return { ...check, status: 'ok', text: msg`${dataDir()} (FORGET_ME_NOT_HOME moves it)` };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const text = msg`${place} can't be written (${code!}): set FORGET_ME_NOT_HOME to a folder that you can write to.`;
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
    return { starts: true, reason: msg`It starts; it needs no installation.` };
  } catch (error) {
    return { starts: false, reason: reasonOf(error) };
  }
}

async function probeLlama(): Promise<Probe> {
  try {
    // node-llama-cpp tests its binary in a separate process before it loads it here.
    const { sharedLlama } = await import('../llama-cpp/llama.ts');
    const { release } = (await sharedLlama()).llamaCppRelease;
    return { starts: true, reason: msg`llama.cpp ${release} starts.` };
  } catch (error) {
    return { starts: false, reason: describeError(error) };
  }
}

function tensorflowBackend({ starts, version, reason, command }: RuntimeReport): BackendCheck {
  return { name: 'tensorflow', starts, version, reason, command };
}

function machineCheck({
  platform: system,
  arch: processor,
  cpu,
  cores,
  memory,
}: DoctorReport['machine']): Check {
  const text = msg`${system} ${processor}, ${cpu}, ${cores} cores, ${formatBytes(memory)} of memory`;
  const small = memory < 4e9;
  return {
    area: 'machine',
    title: msg`Machine`,
    status: small ? 'note' : 'ok',
    text: small ? msg`${text}: little for training (4 GB or more is recommended)` : text,
  };
}

function diskCheck(free: number): Check {
  const text = msg`${formatBytes(free)} free on the disk that holds the data`;
  return free < 3e9
    ? {
        area: 'disk',
        title: msg`Disk`,
        status: 'missing',
        text: msg`${text}: TensorFlow, a base model and runs need 3 GB.`,
      }
    : { area: 'disk', title: msg`Disk`, status: 'ok', text };
}

function tensorflowCheck({ offered, installed, starts, reason, command }: RuntimeReport): Check {
  const status = starts ? 'ok' : !offered ? 'note' : installed ? 'broken' : 'missing';
  return { area: 'tensorflow', title: msg`TensorFlow backend`, status, text: reason, command };
}

function probeCheck(area: string, title: Text, { starts, reason }: Probe): Check {
  return { area, title, status: starts ? 'ok' : 'broken', text: reason };
}

function pythonCheck(python: Python | undefined): Check {
  const check = { area: 'python', title: msg`Python with pip` };
  if (python?.pip) return { ...check, status: 'ok', text: `Python ${python.version}, pip ${python.pip}` };
  const text = msg`${python ? msg`Python ${python.version} has no pip` : msg`Python 3 was not found`}, and is not needed: pip would only help with a package index that refuses direct downloads.`;
  return { ...check, status: 'note', text };
}

function compilerCheck({ compiler, prebuilt, installed, offered }: RuntimeReport): Check {
  const check = { area: 'compiler', title: msg`C++ compiler (binding)` };
  if (compiler) return { ...check, status: 'ok', text: compiler };
  if (prebuilt || installed || !offered) return { ...check, status: 'note', text: msg`None is needed.` };
  return {
    ...check,
    status: 'missing',
    text: msg`None was found; building TensorFlow's Node binding needs one.`,
    command: 'sudo apt install g++',
  };
}

function modelsCheck(models: DoctorReport['models'], base: AutoBase): Check {
  const check = { area: 'models', title: msg`Base models` };
  const choice = msg`Training starts from ${base.id} by default: ${base.why}.${describeTensorflowGain(base)}`;
  const command = `forget-me-not models fetch ${base.id}`;
  if (models.length === 0)
    return { ...check, status: 'note', text: joinTexts([msg`None yet.`, choice]), command };
  const files = models.map(({ path, bytes }) => `${path} (${formatBytes(bytes)})`).join(', ');
  return { ...check, status: 'ok', text: msg`${files}. ${choice}` };
}

/** `runtime install-gpu`: llama.cpp's build for GPUs, which completes faster, and in a checkout Dawn, which trains. */
import { Command } from 'commander';
import { fetchGpuPackages } from '../../../packages/fetch-gpu.ts';
import {
  dawn,
  gpuKindsHere,
  gpuPackages,
  missingGpuPackages,
  type GpuPackage,
} from '../../../packages/gpu-packages.ts';
import { packageRoot, requireLlama } from '../../../llama-cpp/llama.ts';
import { mayHaveGpu } from '../../../tensor/devices/find.ts';
import { UserError } from '../../../text/errors.ts';
import { gpuKindNames, type GpuKind } from '../../../protocol/gpu.ts';
import { llamaDir } from '../../../platform/files/paths.ts';
import { requireConfirmed } from '../../confirm.ts';
import { formatBytes } from '../../view/format.ts';
import { print, printJson } from '../../view/output.ts';
import { withProgress } from '../../view/progress.ts';

interface Options {
  cuda?: boolean;
  found?: boolean;
  yes?: boolean;
  json?: boolean;
}

export const installGpuCommand = (): Command =>
  new Command('install-gpu')
    .description(
      "download llama.cpp's build for GPUs, so that completion computes there: Vulkan, for any GPU",
    )
    .option('--cuda', "the build for NVIDIA's CUDA instead: faster there, and several times as large")
    .option('--found', 'do nothing unless the system shows a GPU')
    .option('--yes', 'do not ask')
    .option('--json', 'print the result as JSON, progress as JSON lines on stderr')
    .option('--verbose', 'print stack traces')
    .action(installGpu);

async function installGpu({
  cuda = false,
  found = false,
  yes = false,
  json = false,
}: Options): Promise<void> {
  await requireLlama();
  const kind: GpuKind | undefined = cuda ? 'cuda' : gpuKindsHere().find((one) => one !== 'cuda');
  const builds = kind ? gpuPackages(kind) : [];
  const missing = await missingGpuPackages([...builds, dawn], packageRoot());
  if (found && (missing.length === 0 || !mayHaveGpu()))
    return json ? printJson({ kind, alreadyThere: missing.length === 0, dir: llamaDir() }) : undefined;
  // Dawn alone is worth it where llama.cpp has no build.
  if (builds.length === 0 && (cuda || missing.length === 0)) throw noBuild();
  const what = [
    ...(kind && builds.length > 0 ? [`llama.cpp for ${gpuKindNames[kind]}`] : []),
    ...(missing.some(({ name }) => name === dawn.name) ? ['WebGPU'] : []),
  ].join(' and ');
  if (missing.length > 0) await announce(what, missing, { yes, json });
  await withProgress({ json }, (onProgress, signal) => fetchGpuPackages(missing, { signal, onProgress }));
  const alreadyThere = missing.length === 0;
  if (json) return printJson({ kind, alreadyThere, dir: llamaDir() });
  print(
    alreadyThere
      ? `${what} is already installed.`
      : `${what}: installed; used from the next start on, if the GPU's driver is recent enough.`,
  );
}

const noBuild = () =>
  new UserError(
    'bad-argument',
    'There is no build of llama.cpp that uses a GPU on this platform.',
    'Completion computes on the processor.',
  );

async function announce(
  what: string,
  missing: readonly GpuPackage[],
  options: { yes: boolean; json: boolean },
): Promise<void> {
  const sum = (name: 'bytes' | 'unpacked') => formatBytes(missing.reduce((all, part) => all + part[name], 0));
  const text = `${what}: downloads ${sum('bytes')} from your npm registry (npm's configuration) and takes ${sum('unpacked')} in ${llamaDir()}.`;
  const next = 'The processor computes until {install-gpu} is run.';
  await requireConfirmed(text, options, 'Nothing was installed', next);
}

/** `runtime install-gpu`: llama.cpp's build for GPUs, which completes faster. */
import { Command } from 'commander';
import { fetchGpuPackages } from '../../../llama-cpp/fetch-gpu.ts';
import { gpuKindsHere, gpuPackages, missingGpuPackages } from '../../../llama-cpp/gpu-packages.ts';
import { packageRoot, requireLlama } from '../../../llama-cpp/llama.ts';
import { UserError } from '../../../text/errors.ts';
import { gpuKindNames, type GpuKind } from '../../../protocol/gpu.ts';
import { llamaDir } from '../../../platform/files/paths.ts';
import { requireConfirmed } from '../../confirm.ts';
import { formatBytes } from '../../view/format.ts';
import { print, printJson } from '../../view/output.ts';
import { withProgress } from '../../view/progress.ts';

interface Options {
  cuda?: boolean;
  yes?: boolean;
  json?: boolean;
}

export const installGpuCommand = (): Command =>
  new Command('install-gpu')
    .description(
      "download llama.cpp's build for GPUs, so that completion computes there: Vulkan, for any GPU",
    )
    .option('--cuda', "the build for NVIDIA's CUDA instead: faster there, and several times as large")
    .option('--yes', 'do not ask')
    .option('--json', 'print the result as JSON, progress as JSON lines on stderr')
    .option('--verbose', 'print stack traces')
    .action(installGpu);

async function installGpu({ cuda = false, yes = false, json = false }: Options): Promise<void> {
  await requireLlama();
  const kind = supportedKind(cuda);
  const missing = await missingGpuPackages(kind, packageRoot());
  if (missing.length > 0) await announce(kind, missing, { yes, json });
  await withProgress({ json }, (onProgress, signal) => fetchGpuPackages(missing, { signal, onProgress }));
  const alreadyThere = missing.length === 0;
  if (json) return printJson({ kind, alreadyThere, dir: llamaDir() });
  const what = `llama.cpp's build for ${gpuKindNames[kind]} is`;
  print(
    alreadyThere
      ? `${what} already installed.`
      : `${what} installed; completion uses it from its next start on, if the GPU's driver is recent enough.`,
  );
}

/** Errors: bad-argument if there is nothing to install. */
function supportedKind(cuda: boolean): GpuKind {
  const kind: GpuKind | undefined = cuda ? 'cuda' : gpuKindsHere().find((one) => one !== 'cuda');
  if (kind && gpuPackages(kind).length > 0) return kind;
  throw new UserError(
    'bad-argument',
    'There is no build of llama.cpp that uses a GPU on this platform.',
    'Completion computes on the processor.',
  );
}

async function announce(
  kind: GpuKind,
  missing: readonly { bytes: number; unpacked: number }[],
  options: { yes: boolean; json: boolean },
): Promise<void> {
  const sum = (name: 'bytes' | 'unpacked') => formatBytes(missing.reduce((all, part) => all + part[name], 0));
  const text = `llama.cpp for ${gpuKindNames[kind]}: downloads ${sum('bytes')} from your npm registry (npm's configuration) and takes ${sum('unpacked')} in ${llamaDir()}.`;
  const next = 'Completion computes on the processor until {install-gpu} is run.';
  await requireConfirmed(text, options, 'Nothing was installed', next);
}

import { Command } from 'commander';
import { requireLlama } from '../../../llama-cpp/llama.ts';
import { UserError } from '../../../text/errors.ts';
import { runtimeDir } from '../../../platform/files/paths.ts';
import { findRuntime, installRuntime, installSize } from '../../../tensor/runtime/index.ts';
import { requireConfirmed, type Answering } from '../../confirm.ts';
import { installGpuCommand } from './install-gpu.ts';
import { formatBytes, formatDuration } from '../../view/format.ts';
import { print, printJson } from '../../view/output.ts';
import { withProgress } from '../../view/progress.ts';

interface Options {
  gpu?: boolean;
  yes?: boolean;
  json?: boolean;
}

export function runtimeCommand(): Command {
  const install = new Command('install')
    .description('install TensorFlow, which trains about six times faster than the built-in wasm backend')
    .option('--gpu', 'with CUDA, for NVIDIA GPUs on Linux; was never tried on one')
    .option('--yes', 'do not ask')
    .option('--json', 'print the result as JSON, progress as JSON lines on stderr')
    .option('--verbose', 'print stack traces')
    .action(installAction);
  return new Command('runtime')
    .description('manage the libraries that training and completion run on')
    .addCommand(install)
    .addCommand(installGpuCommand());
}

async function installAction({ gpu = false, yes = false, json = false }: Options): Promise<void> {
  await requireLlama();
  const started = performance.now();
  const before = await findRuntime();
  const there = before !== undefined && (before.gpu || !gpu);
  const size = installSize(gpu);
  if (!there && size) await announce(size, { yes, json });
  await withProgress({ json }, (onProgress, signal) => installRuntime({ gpu, signal, onProgress }));
  const runtime = await findRuntime();
  if (!runtime)
    throw new UserError(
      'runtime-missing',
      'TensorFlow was installed, but can no longer be found.',
      'Run {install-runtime} once more.',
    );
  const seconds = (performance.now() - started) / 1000;
  if (json) printJson({ ...runtime, alreadyThere: there, seconds, dir: runtimeDir() });
  else if (there)
    print(
      `TensorFlow ${runtime.version}${runtime.gpu ? ' with CUDA' : ''} is already installed in ${runtimeDir()}.`,
    );
  else
    print(
      `TensorFlow ${runtime.version}${runtime.gpu ? ' with CUDA' : ''} is installed and computes (${formatDuration(seconds)}), in ${runtimeDir()}.`,
    );
}

/** Prints the download size and disk space; on a terminal, asks for consent. */
async function announce(size: { download: number; installed: number }, options: Answering): Promise<void> {
  const text = `TensorFlow: downloads about ${formatBytes(size.download)} from your package index (pip's configuration) and takes ${formatBytes(size.installed)} in ${runtimeDir()}.`;
  const next = 'Training uses the slower wasm backend until {install-runtime} is run.';
  await requireConfirmed(text, options, 'Nothing was installed', next);
}

/** llama.cpp's build for GPUs: offered where it would be used, and installed. */
import * as vscode from 'vscode';
import { gpuKindsHere, missingGpuPackages } from '../../llama-cpp/gpu-packages.ts';
import { gpuKindNames, type ComputeDevice, type GpuKind } from '../../protocol/gpu.ts';
import { joined, t, translate } from '../../text/l10n.ts';
import type { Context } from '../context.ts';
import { examine } from '../doctor.ts';
import type { Which } from '../results/pick-run.ts';
import { settings } from '../settings.ts';
import { askConsent, install } from '../wizard/consent.ts';
import { textOf } from '../../text/message.ts';

/** The reason that was told last: a server that starts again has the same one. */
let told: string | undefined;

/** Tells it whenever a completion server has started: see `offerGpu`. */
export const watchGpu = (context: Context): vscode.Disposable =>
  context.completion.onDidStart((device) => void offerGpu(context, device));

/**
 * When completion starts on the processor: why, if a GPU was asked for by name; and once on each machine, if there is a
 * GPU, what it lacks.
 */
async function offerGpu(context: Context, device: ComputeDevice): Promise<void> {
  const { store, log } = context;
  const { backend, why } = device;
  const named = !['auto', 'off'].includes(settings.gpu);
  if (named && backend === 'cpu' && why && why !== told) {
    told = why;
    return log.ask(
      'warning',
      joined([t('Completion computes on the processor.'), translate(textOf(device, 'why')!)]),
    );
  }
  if (store.gpuOffered || !why?.includes('{install-gpu')) return;
  // Whether there is a GPU takes seconds to find out, and the first suggestion has to wait for no such thing.
  await answered(context.completion);
  if (store.gpuOffered) return;
  await store.setGpuOffered();
  // A failure there is the doctor's to tell.
  const report = await examine(context).catch(() => undefined);
  const found = report?.checks.find(({ area }) => area === 'completion');
  if (found?.status !== 'missing') return;
  await log.ask('info', textOf(found, 'text'), {
    title: t('Install GPU Support'),
    run: () => vscode.commands.executeCommand('forgetMeNot.installGpu'),
  });
}

/** Resolves once something was completed. */
function answered(completion: Context['completion']): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (completion.latencyMs === undefined) return;
      listener.dispose();
      resolve();
    };
    const listener = completion.onDidChange(look);
    look();
  });
}

/** Downloads it with the user's consent. `which`: the kind; without one, that for any GPU. */
export async function installGpu({ log, extension, ...context }: Context, which: Which): Promise<void> {
  const kinds = gpuKindsHere();
  const kind: GpuKind | undefined = kinds.find((one) => one === which) ?? kinds.find((one) => one !== 'cuda');
  if (!kind) return log.ask('info', t('There is no build of llama.cpp that uses a GPU on this platform.'));
  const name = gpuKindNames[kind];
  const missing = missingGpuPackages(kind, extension.extensionPath);
  if (missing.length === 0)
    return log.ask('info', t('The build of llama.cpp for {name} is already installed.', { name }));
  const part = {
    name: `llama.cpp (${name})`,
    bytes: missing.reduce((sum, { bytes }) => sum + bytes, 0),
    from: 'npm',
    needed: true,
    command: ['runtime', 'install-gpu', '--yes', ...(kind === 'cuda' ? ['--cuda'] : [])],
  };
  if (!(await askConsent([part], 'gpu')) || !(await install(context, [part]))) return;
  await log.ask(
    'info',
    t('The build of llama.cpp for {name} is installed; the next completion uses it.', { name }),
  );
}

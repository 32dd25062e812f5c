/** llama.cpp's build for GPUs: offers it where it would be used, and installs it. */
import type * as vscode from 'vscode';
import {
  dawn,
  earlierGpuVersions,
  gpuKindsHere,
  gpuPackages,
  gpuPackagesVersion,
  missingGpuPackages,
} from '../../packages/gpu-packages.ts';
import { gpuKindNames, type ComputeDevice, type GpuKind } from '../../protocol/gpu.ts';
import { joined, t, translate } from '../../text/l10n.ts';
import type { Context } from '../context.ts';
import { runDoctor } from '../doctor.ts';
import type { CommandArgument } from '../results/pick-run.ts';
import { settings } from '../settings.ts';
import { askConsent, install } from '../wizard/consent.ts';
import { textOf } from '../../text/message.ts';
import { commandAction } from '../log.ts';

/** The reason shown last: a restarted server gives the same one. */
let lastReason: string | undefined;

/** Calls `offerGpu` whenever a completion server has started, or moved. */
export const watchGpu = (context: Context): vscode.Disposable =>
  context.completion.onDidStart((device) => void offerGpu(context, device));

/**
 * When completion starts on the processor: shows why if the settings name a GPU, and once per machine offers what a GPU
 * needs; again after an update that needs another build, if one was installed before.
 */
export async function offerGpu(context: Context, device: ComputeDevice): Promise<void> {
  const { store, log } = context;
  const { backend, why } = device;
  const isChosenByName = !['auto', 'off'].includes(settings.gpu());
  if (isChosenByName && backend === 'cpu' && why && why !== lastReason) {
    lastReason = why;
    return log.notify(
      'warning',
      joined([t('Completion computes on the processor.'), translate(textOf(device, 'why')!)]),
    );
  }
  if (!why?.includes('{install-gpu')) return;
  const wasInstalled = (await earlierGpuVersions()).length > 0;
  const wasOffered = () =>
    store.gpuOffered === gpuPackagesVersion || (store.gpuOffered !== undefined && !wasInstalled);
  if (wasOffered()) return;
  // Detecting a GPU takes seconds, which must not delay the first suggestion.
  await firstAnswer(context.completion);
  if (wasOffered()) return;
  await store.setGpuOffered(gpuPackagesVersion);
  // The doctor reports its own failures.
  const report = await runDoctor(context).catch(() => undefined);
  const completionCheck = report?.checks.find(({ area }) => area === 'completion');
  if (completionCheck?.status !== 'missing') return;
  const install = commandAction(t('Install GPU Support'), 'installGpu');
  await log.notify('info', textOf(completionCheck, 'text'), install);
}

/** Resolves after the first completion. */
function firstAnswer(completion: Context['completion']): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (!completion.answers.hasAnswered) return;
      listener.dispose();
      resolve();
    };
    const listener = completion.onDidChange(check);
    check();
  });
}

/** Downloads it with the user's consent. `argument`: the kind of GPU; by default the build for any GPU. */
export async function installGpu(
  { log, extension, ...context }: Context,
  argument: CommandArgument,
): Promise<void> {
  const kinds = gpuKindsHere();
  const kind: GpuKind | undefined =
    kinds.find((kindHere) => kindHere === argument) ?? kinds.find((kindHere) => kindHere !== 'cuda');
  if (!kind) return log.notify('info', t('There is no build of llama.cpp that uses a GPU on this platform.'));
  const name = gpuKindNames[kind];
  const missing = await missingGpuPackages([...gpuPackages(kind), dawn], extension.extensionPath);
  if (missing.length === 0)
    return log.notify('info', t('The build of llama.cpp for {name} is already installed.', { name }));
  const part = {
    name: `llama.cpp (${name})`,
    bytes: missing.reduce((sum, { bytes }) => sum + bytes, 0),
    from: 'npm',
    needed: true,
    command: ['runtime', 'install-gpu', '--yes', ...(kind === 'cuda' ? ['--cuda'] : [])],
  };
  if (!(await askConsent([part], 'gpu'))) return;
  await install(context, [part]);
  void context.completion.lookAgain();
  await log.notify(
    'info',
    t('The build of llama.cpp for {name} is installed; the next completion uses it.', { name }),
  );
}

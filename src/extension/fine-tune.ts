/** "Fine-tune on Workspace": wizard, consent to downloads, downloads, and the trainer is on its way. */
import * as vscode from 'vscode';
import { z } from 'zod';
import type { DoctorReport } from '../protocol/doctor.ts';
import { UserError } from '../protocol/errors.ts';
import type { BackendName } from '../protocol/run.ts';
import { offeredSchema } from './bases.ts';
import type { Progress } from './children.ts';
import type { Context } from './context.ts';
import { examine } from './doctor.ts';
import { missingParts, missingRuntime, type Part } from './downloads.ts';
import { settings } from './settings.ts';
import { size } from './texts.ts';
import { askPlan, trainArguments } from './wizard.ts';

const startedSchema = z.object({ run: z.string(), dir: z.string() });

export async function fineTune(context: Context): Promise<void> {
  requireFolder();
  const report = examine(context);
  // Looked at again below; a failure must not go unhandled while the person still chooses.
  report.catch(() => undefined);
  const bases = context.children.ask(offeredSchema, ['models']);
  bases.catch(() => undefined);
  const plan = await askPlan(
    () => bases,
    async () => expectedBackend(await report),
  );
  if (!plan) return;
  const wanted = await askConsent(missingParts(plan.base, await report, settings.backend));
  if (!wanted) return;
  if (!(await install(context, wanted))) return;
  // Reading a large folder takes a while before there is a run to follow.
  const run = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: 'Reading the workspace', cancellable: true },
    (progress, token) =>
      context.children.ask(startedSchema, trainArguments(plan), {
        signal: signalOf(token),
        onProgress: reporter(progress),
      }),
  );
  await context.begun(run.run);
}

/** Errors: corpus-empty without an open folder. */
export function requireFolder(): void {
  if (!vscode.workspace.workspaceFolders?.length)
    throw new UserError(
      'corpus-empty',
      'No folder is open, so there is nothing to learn from.',
      'Open the folder with your code.',
    );
}

/** TensorFlow alone, for those who went without it at first. */
export async function installRuntime(context: Context): Promise<void> {
  const { log } = context;
  const report = await examine(context);
  const [part] = missingRuntime(report);
  if (!part)
    return log.ask(
      'info',
      report.backends.find(({ name }) => name === 'tensorflow')?.reason ?? report.summary,
    );
  if (!(await askConsent([part])) || !(await install(context, [part]))) return;
  await log.ask('info', 'TensorFlow is installed; the next training uses it.');
}

/** What will compute: the setting, else what `auto` takes, else TensorFlow when it can still be fetched. */
function expectedBackend(report: DoctorReport): BackendName {
  if (settings.backend !== 'auto') return settings.backend;
  return missingRuntime(report).length || report.chosenBackend === 'tensorflow' ? 'tensorflow' : 'wasm';
}

/** The parts to fetch; undefined when the person leaves. Nothing is fetched without a yes. */
export async function askConsent(missing: Part[]): Promise<Part[] | undefined> {
  if (missing.length === 0) return [];
  const list = missing
    .map((part) => `${part.name}: ${part.bytes ? size(part.bytes) : 'size not known yet'}, from ${part.from}`)
    .join('\n');
  const total = missing.reduce((sum, part) => sum + part.bytes, 0);
  const download = 'Download';
  const without = 'Without TensorFlow';
  const needed = missing.filter((part) => part.needed);
  const optional = missing.length > needed.length;
  const answer = await vscode.window.showInformationMessage(
    `Fine-tuning needs a download${total ? ` of about ${size(total)}` : ''}.`,
    {
      modal: true,
      detail: `${list}\n\n${optional ? 'Without TensorFlow the same training takes about six times as long. ' : ''}Your code stays on this machine.`,
    },
    download,
    ...(optional && needed.length < missing.length ? [without] : []),
  );
  if (answer === download) return missing;
  return answer === without ? needed : undefined;
}

/** Fetches the parts, one after the other. False when the person cancelled. */
export async function install({ children }: Context, parts: Part[]): Promise<boolean> {
  for (const part of parts) {
    const done = await vscode.window.withProgress(
      {
        location: vscode.ProgressLocation.Notification,
        title: `Downloading ${part.name}`,
        cancellable: true,
      },
      async (progress, token) => {
        await children.ask(z.unknown(), part.command, {
          signal: signalOf(token),
          onProgress: reporter(progress),
        });
        return !token.isCancellationRequested;
      },
    );
    if (!done) return false;
  }
  return true;
}

export function signalOf(token: vscode.CancellationToken): AbortSignal {
  const controller = new AbortController();
  token.onCancellationRequested(() => controller.abort());
  return controller.signal;
}

/** A child's progress lines as a notification's. */
export function reporter(
  progress: vscode.Progress<{ message?: string; increment?: number }>,
): (line: Progress) => void {
  let phase = '';
  let reached = 0;
  return (line) => {
    const { done, total, unit } = line;
    const percent = total > 0 ? Math.min(100, (100 * done) / total) : 0;
    const counted =
      total > 0
        ? unit === 'bytes'
          ? `: ${size(done)} of ${size(total)}`
          : `: ${done} of ${total}${unit ? ` ${unit}` : ''}`
        : '';
    // The bar can only go forward: a new phase goes on from where the last one was.
    if (line.phase !== phase) reached = percent;
    progress.report({ message: `${line.phase}${counted}`, increment: Math.max(0, percent - reached) });
    phase = line.phase;
    reached = Math.max(reached, percent);
  };
}

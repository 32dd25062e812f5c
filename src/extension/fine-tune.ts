/** "Fine-tune on Workspace": wizard, consent to downloads, downloads, and the trainer is on its way. */
import * as vscode from 'vscode';
import { z } from 'zod';
import type { DoctorReport } from '../protocol/doctor.ts';
import { UserError } from '../protocol/errors.ts';
import type { BackendName } from '../protocol/run.ts';
import { offeredSchema } from './bases.ts';
import { whileShown } from './child-progress.ts';
import type { Context } from './context.ts';
import { examine } from './doctor.ts';
import { missingParts, missingRuntime, type Part } from './downloads.ts';
import { settings } from './settings.ts';
import { size } from './texts.ts';
import { askBaseFor, askPlan, trainArguments } from './wizard.ts';

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
  const run = await whileShown('Reading the workspace', (options) =>
    context.children.ask(startedSchema, trainArguments(plan), options),
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

/** A base alone: the one that a text names, or one that the person picks. */
export async function fetchBase(context: Context, which: string | undefined): Promise<void> {
  const bases = () => context.children.ask(offeredSchema, ['models']);
  const base = which ?? (await askBaseFor('Download Base Model', bases, 'Which model?'));
  if (!base) return;
  const missing = missingParts(base, await examine(context), 'wasm');
  const wanted = await askConsent(missing);
  if (!wanted || !(await install(context, wanted))) return;
  await context.log.ask('info', `${base} is here; a fine-tuning can begin with it.`);
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
    const done = await whileShown(`Downloading ${part.name}`, async (options) => {
      await children.ask(z.unknown(), part.command, options);
      return !options.signal?.aborted;
    });
    if (!done) return false;
  }
  return true;
}

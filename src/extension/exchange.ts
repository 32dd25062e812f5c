/** "Export Result" and "Import Adapter": what was learned here for other programs, and what was learned elsewhere. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { z } from 'zod';
import { describeCheck, describeTarget, exportRecordSchema, type ExportTarget } from '../protocol/export.ts';
import type { RunSnapshot } from '../protocol/panel.ts';
import { offeredSchema } from './bases.ts';
import { whileShown } from './child-progress.ts';
import type { Context } from './context.ts';
import { examine } from './doctor.ts';
import { missingParts } from './downloads.ts';
import { askConsent, install } from './consent.ts';
import { pickRun, type Which } from './pick-run.ts';
import { settings } from './settings.ts';
import { size } from './texts.ts';
import { askBaseFor } from './wizard.ts';

interface Form extends vscode.QuickPickItem {
  to: ExportTarget;
  /** Further arguments of `export`. */
  args?: string[];
  ending: string;
}

const adapterForms: Form[] = [
  {
    label: 'GGUF adapter',
    detail: 'A small file beside the base, for llama.cpp and what is built on it.',
    to: 'gguf-adapter',
    ending: '-adapter.gguf',
  },
  {
    label: 'PEFT adapter',
    detail: 'A folder for the PEFT library: adapter_model.safetensors and adapter_config.json.',
    to: 'peft',
    ending: '-peft',
  },
];
const merged = (label: string, type: string, detail: string): Form => ({
  label: `Whole model, ${label}`,
  detail,
  to: 'gguf-merged',
  args: ['--type', type],
  ending: `-${type}.gguf`,
});
const modelForms: Form[] = [
  merged('F16', 'F16', 'GGUF, two bytes a weight: exact.'),
  merged('Q8_0', 'Q8_0', 'GGUF, about one byte a weight: close to exact.'),
  merged(
    "the base's own types",
    'base',
    'GGUF, as small as the base; rounding may undo part of what was learned.',
  ),
];

export async function exportResult(context: Context, which: Which): Promise<void> {
  const run = await pickRun(
    context,
    which,
    ['done'],
    'Which result is to be exported?',
    'No run is finished yet.',
  );
  if (!run) return;
  const { id, name, hyper } = run.spec;
  const form = await vscode.window.showQuickPick(
    hyper.method === 'lora' ? [...adapterForms, ...modelForms] : modelForms,
    { title: `Export ${name}`, placeHolder: 'For which program?', matchOnDetail: true },
  );
  const place = form && (await askPlace(run, form));
  if (!place) return;
  const args = ['export', id, '--to', form.to, ...(form.args ?? []), '--output', place.fsPath];
  const record = await whileShown(`Exporting ${name}`, (options) =>
    context.children.ask(exportRecordSchema, args, options),
  );
  await context.log.ask(
    'info',
    `${describeTarget(record)}, ${size(record.bytes)}: ${record.path}. ${describeCheck(record.check)}.${record.warning ? ` ${record.warning}` : ''}`,
    { title: 'Reveal', run: () => vscode.commands.executeCommand('revealFileInOS', place) },
  );
}

function askPlace({ spec }: RunSnapshot, { ending, label }: Form): Thenable<vscode.Uri | undefined> {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  return vscode.window.showSaveDialog({
    title: `Export as ${label}`,
    saveLabel: 'Export',
    defaultUri: vscode.Uri.file(join(folder?.uri.fsPath ?? homedir(), `${spec.id}${ending}`)),
  });
}

const kinds = [
  { label: 'A GGUF adapter', description: 'one file', files: true },
  { label: "PEFT's folder", description: 'adapter_model.safetensors and adapter_config.json', files: false },
];

const importedSchema = z.object({ run: z.string() });

/** Makes a run of an adapter, checks that it is served as it computes, and measures what it forgot. */
export async function importAdapter(context: Context): Promise<void> {
  const title = 'Import Adapter';
  const report = examine(context);
  // Looked at again below; a failure must not go unhandled while the person still chooses.
  report.catch(() => undefined);
  const kind = await vscode.window.showQuickPick(kinds, { title, placeHolder: 'What was saved?' });
  if (!kind) return;
  const [path] =
    (await vscode.window.showOpenDialog({
      title: 'Adapter to Import',
      openLabel: 'Import',
      canSelectFiles: kind.files,
      canSelectFolders: !kind.files,
      ...(kind.files ? { filters: { GGUF: ['gguf'] } } : {}),
    })) ?? [];
  if (!path) return;
  const base = await askBaseFor(title, () => context.children.ask(offeredSchema, ['models']));
  if (!base) return;
  const wanted = await askConsent(missingParts(base, await report, settings.backend));
  if (!wanted || !(await install(context, wanted))) return;
  const { run } = await whileShown(title, async (options) => {
    const made = await context.children.ask(
      importedSchema,
      ['import', path.fsPath, '--base', base, '--yes'],
      options,
    );
    await context.children.ask(z.unknown(), ['evaluate', made.run, '--tasks', 'retention'], options);
    return made;
  }).finally(() => context.runs.refresh());
  await context.log.ask(
    'info',
    `${path.path.split('/').at(-1)} is a run now, measured on what the base itself writes.`,
    { title: 'Show Results', run: () => context.panel.show(run) },
    {
      title: 'Use for Completion',
      run: () => vscode.commands.executeCommand('forgetMeNot.useForCompletion', run),
    },
  );
}

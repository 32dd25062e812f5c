/** "Export Result": writes a result for other programs. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { notBetter } from '../../findings/offer.ts';
import { hasResult } from '../../findings/run-status.ts';
import {
  describeCheck,
  describeExport,
  exportRecordSchema,
  type ExportTarget,
} from '../../protocol/export.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { withChildProgress } from '../child-progress.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { joined, t, translate } from '../../text/l10n.ts';
import { reveal } from '../reveal.ts';
import { pickRun, type CommandArgument } from './pick-run.ts';
import { size } from '../texts.ts';
import { showQuickPick } from '../editor-ui.ts';
import { textOf } from '../../text/message.ts';

interface ExportFormat extends vscode.QuickPickItem {
  to: ExportTarget;
  /** Further arguments of `export`. */
  args?: string[];
  ending: string;
}

const adapterFormats = (): ExportFormat[] => [
  {
    label: t('GGUF adapter'),
    detail: t('A small file that is loaded together with the base, for llama.cpp and programs built on it.'),
    to: 'gguf-adapter',
    ending: '-adapter.gguf',
  },
  {
    label: t('PEFT adapter'),
    detail: t('A folder for the PEFT library: adapter_model.safetensors and adapter_config.json.'),
    to: 'peft',
    ending: '-peft',
  },
];
const mergedFormat = (type: string, detail: string): ExportFormat => ({
  label: t('Whole model, {type}', { type }),
  detail,
  to: 'gguf-merged',
  args: ['--type', type],
  ending: `-${type}.gguf`,
});
const modelFormats = (): ExportFormat[] => [
  mergedFormat('F16', t('GGUF, two bytes per weight: exact.')),
  mergedFormat('Q8_0', t('GGUF, about one byte per weight: close to exact.')),
];

export async function exportResult(
  services: ServicesWithCompletion,
  argument: CommandArgument,
): Promise<void> {
  const run = await pickRun(
    services,
    argument,
    hasResult,
    t('Which result do you want to export?'),
    t('No run is finished yet.'),
  );
  if (!run) return;
  const { id, name, hyper } = run.spec;
  const format = await showQuickPick(
    hyper.method === 'lora' ? [...adapterFormats(), ...modelFormats()] : modelFormats(),
    {
      title: t('Export {name}', { name }),
      placeHolder: t('Which format?'),
      matchOnDetail: true,
      ignoreFocusOut: true,
    },
  );
  const target = format && (await askTarget(run, format));
  if (!target) return;
  const args = ['export', id, '--to', format.to, ...(format.args ?? []), '--output', target.fsPath];
  const record = await withChildProgress(t('Exporting {name}', { name }), (options) =>
    services.children.ask(exportRecordSchema, args, options),
  );
  const problem = run.summary && notBetter(name, run.summary);
  await services.log.notify(
    problem ? 'warning' : 'info',
    joined([
      problem?.message ?? '',
      `${describeExport(record)}, ${size(record.bytes)}: ${record.path}.`,
      t('{clause}.', { clause: describeCheck(record.check) }),
      translate(textOf(record, 'note') ?? ''),
      translate(textOf(record, 'warning') ?? ''),
    ]),
    { title: t('Reveal'), run: () => reveal(target) },
  );
}

function askTarget(
  { spec }: RunSnapshot,
  { ending: suffix, label }: ExportFormat,
): Thenable<vscode.Uri | undefined> {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  return vscode.window.showSaveDialog({
    title: t('Export as {format}', { format: label }),
    saveLabel: t('Export'),
    defaultUri: vscode.Uri.file(join(folder?.uri.fsPath ?? homedir(), `${spec.id}${suffix}`)),
  });
}

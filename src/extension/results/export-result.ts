/** "Export Result": writes a result for other programs. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import {
  describeCheck,
  describeTarget,
  exportRecordSchema,
  type ExportTarget,
} from '../../protocol/export.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { whileShown } from '../child-progress.ts';
import type { Services } from '../services.ts';
import { joined, t, translate } from '../../text/l10n.ts';
import { reveal } from '../reveal.ts';
import { pickRun, type Which } from './pick-run.ts';
import { size } from '../texts.ts';
import { showQuickPick } from '../shown.ts';
import { textOf } from '../../text/message.ts';

interface Form extends vscode.QuickPickItem {
  to: ExportTarget;
  /** Further arguments of `export`. */
  args?: string[];
  ending: string;
}

const adapterForms = (): Form[] => [
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
const merged = (type: string, detail: string): Form => ({
  label: t('Whole model, {type}', { type }),
  detail,
  to: 'gguf-merged',
  args: ['--type', type],
  ending: `-${type}.gguf`,
});
const modelForms = (): Form[] => [
  merged('F16', t('GGUF, two bytes per weight: exact.')),
  merged('Q8_0', t('GGUF, about one byte per weight: close to exact.')),
];

export async function exportResult(services: Services, which: Which): Promise<void> {
  const run = await pickRun(
    services,
    which,
    ['done'],
    t('Which result do you want to export?'),
    t('No run is finished yet.'),
  );
  if (!run) return;
  const { id, name, hyper } = run.spec;
  const form = await showQuickPick(
    hyper.method === 'lora' ? [...adapterForms(), ...modelForms()] : modelForms(),
    {
      title: t('Export {name}', { name }),
      placeHolder: t('Which format?'),
      matchOnDetail: true,
      ignoreFocusOut: true,
    },
  );
  const place = form && (await askPlace(run, form));
  if (!place) return;
  const args = ['export', id, '--to', form.to, ...(form.args ?? []), '--output', place.fsPath];
  const record = await whileShown(t('Exporting {name}', { name }), (options) =>
    services.children.ask(exportRecordSchema, args, options),
  );
  await services.log.ask(
    'info',
    joined([
      `${describeTarget(record)}, ${size(record.bytes)}: ${record.path}.`,
      t('{clause}.', { clause: describeCheck(record.check) }),
      translate(textOf(record, 'note') ?? ''),
      translate(textOf(record, 'warning') ?? ''),
    ]),
    { title: t('Reveal'), run: () => reveal(place) },
  );
}

function askPlace({ spec }: RunSnapshot, { ending, label }: Form): Thenable<vscode.Uri | undefined> {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  return vscode.window.showSaveDialog({
    title: t('Export as {format}', { format: label }),
    saveLabel: t('Export'),
    defaultUri: vscode.Uri.file(join(folder?.uri.fsPath ?? homedir(), `${spec.id}${ending}`)),
  });
}

/** Which workspace folders the model learns: the only one, or those that the user picks. */
import { resolve } from 'node:path';
import * as vscode from 'vscode';
import { distinctFolders } from '../../corpus/reading/folders.ts';
import { t } from '../../text/l10n.ts';
import type { Draft } from '../draft.ts';
import { chooseMany, withAnswer, type Step } from './steps.ts';

/**
 * The workspace folders that are on this machine, where child processes can read them. A link to one of them counts as
 * the same folder, as in the command line.
 */
export function localFolders(): vscode.WorkspaceFolder[] {
  const local = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
  const distinct = distinctFolders(local.map(({ uri }) => uri.fsPath));
  return local.filter(({ uri }) => distinct.includes(resolve(uri.fsPath)));
}

/** The answer that is known without asking: the folder, if there is only one. */
export function onlyFolder(): Pick<Draft, 'folders'> {
  const folders = localFolders();
  return folders.length === 1 ? { folders: [folders[0]!.uri.fsPath] } : {};
}

/** The question for the folders, if there are several. All are selected at first. */
export function askFolders(title: string): Step<Draft>[] {
  const folders = localFolders();
  if (folders.length < 2) return [];
  const choices = folders.map(({ name, uri }) => ({
    label: `$(folder) ${name}`,
    description: uri.fsPath,
    value: uri.fsPath,
  }));
  const placeholder = t('Which folders should the model learn?');
  return [
    (plan, position) =>
      withAnswer(
        plan,
        'folders',
        chooseMany({ title, ...position, placeholder, choices, preferred: plan.folders ?? [] }),
      ),
  ];
}

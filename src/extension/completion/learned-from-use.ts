/** Shows and deletes the completions recorded in a workspace folder. */
import * as vscode from 'vscode';
import { deletePreferences, describePreferences, preferencesFile } from '../../preferences/store.ts';
import { UserError } from '../../protocol/errors.ts';
import type { Context } from '../context.ts';
import { setLearnFromUse, settings } from '../settings.ts';
import { size } from '../texts.ts';

export async function showLearnedFromUse({ log, completion }: Context): Promise<void> {
  const folder = await pickFolder();
  if (!folder) return;
  const file = preferencesFile(folder.uri.fsPath);
  const kept = await describePreferences(file);
  const on = settings.learnFromUse;
  const turn = {
    title: on ? 'Turn Off' : 'Turn On',
    run: () => setLearnFromUse(!on),
  };
  if (!kept) return log.ask('info', `No completions are recorded for ${folder.name}. ${explained(on)}`, turn);
  const since = kept.since ? ` since ${new Date(kept.since).toLocaleDateString()}` : '';
  const count = `${kept.count} ${kept.count === 1 ? 'completion' : 'completions'}`;
  await log.ask(
    'info',
    `${count} in ${folder.name} recorded${since}, with what you did with them (${size(kept.bytes)}): ${file}. ${explained(on)}`,
    { title: 'Open File', run: () => vscode.window.showTextDocument(vscode.Uri.file(file)) },
    { title: 'Delete', run: () => drop(folder, completion) },
    turn,
  );
}

const explained = (on: boolean) =>
  on
    ? 'The record stays on this machine.'
    : 'Learning from your use is off. If you turn it on, each completion that you are shown is recorded on this machine, with the code around it and the code at that place five minutes later, so that a training can learn from it.';

export async function deleteLearnedFromUse({ completion }: Context): Promise<void> {
  const folder = await pickFolder();
  if (folder) await drop(folder, completion);
}

async function drop(folder: vscode.WorkspaceFolder, { recorder }: Context['completion']): Promise<void> {
  const file = preferencesFile(folder.uri.fsPath);
  const kept = await describePreferences(file);
  const answer =
    kept &&
    (await vscode.window.showWarningMessage(
      `Delete what was learned from your use in ${folder.name}?`,
      {
        modal: true,
        detail: `${kept.count} recorded completions. Runs that learned from them are not changed.`,
      },
      'Delete',
    ));
  if (kept && answer !== 'Delete') return;
  recorder.forget();
  await deletePreferences(file);
  vscode.window.setStatusBarMessage(`The recorded completions of ${folder.name} are deleted.`, 5000);
}

/**
 * The folder of the open file, the only folder, or the one that the user picks. Errors: bad-request if no folder is
 * open.
 */
async function pickFolder(): Promise<vscode.WorkspaceFolder | undefined> {
  const document = vscode.window.activeTextEditor?.document;
  const here = document && vscode.workspace.getWorkspaceFolder(document.uri);
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length === 0)
    throw new UserError('bad-request', 'No folder is open.', 'Open the folder that you mean.');
  return here ?? (folders.length === 1 ? folders[0] : vscode.window.showWorkspaceFolderPick());
}

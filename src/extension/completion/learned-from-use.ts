/** What is kept of the completions in a workspace folder: seen, and deleted, by the person. */
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
  if (!kept)
    return log.ask('info', `Nothing is kept of the completions in ${folder.name}. ${explained(on)}`, turn);
  const since = kept.since ? ` since ${new Date(kept.since).toLocaleDateString()}` : '';
  const count = `${kept.count} ${kept.count === 1 ? 'completion' : 'completions'}`;
  await log.ask(
    'info',
    `${count} in ${folder.name} kept${since}, with what became of them (${size(kept.bytes)}): ${file}. ${explained(on)}`,
    { title: 'Open File', run: () => vscode.window.showTextDocument(vscode.Uri.file(file)) },
    { title: 'Delete', run: () => drop(folder, completion) },
    turn,
  );
}

const explained = (on: boolean) =>
  on
    ? 'It stays on this machine.'
    : 'Learning from your use is off. Turned on, what you are shown is kept on this machine, with the code around it and what stands there five minutes later, for a training to learn from.';

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
      { modal: true, detail: `${kept.count} completions and what became of them. Runs stay as they are.` },
      'Delete',
    ));
  if (kept && answer !== 'Delete') return;
  recorder.forget();
  await deletePreferences(file);
  vscode.window.setStatusBarMessage(`Nothing is kept of the completions in ${folder.name} any more.`, 5000);
}

/** That of the open file, the only one, or the one that is chosen. Errors: bad-request where no folder is open. */
async function pickFolder(): Promise<vscode.WorkspaceFolder | undefined> {
  const document = vscode.window.activeTextEditor?.document;
  const here = document && vscode.workspace.getWorkspaceFolder(document.uri);
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length === 0)
    throw new UserError('bad-request', 'No folder is open.', 'Open the one that you mean.');
  return here ?? (folders.length === 1 ? folders[0] : vscode.window.showWorkspaceFolderPick());
}

/** Shows and deletes the completions recorded in a workspace folder. */
import * as vscode from 'vscode';
import { deletePreferences, describePreferences, preferencesFile } from '../../corpus/preferences/store.ts';
import { UserError } from '../../text/errors.ts';
import type { Context } from '../context.ts';
import { fullDate, t } from '../../text/l10n.ts';
import { setLearnFromUse, settings } from '../settings.ts';
import { size } from '../texts.ts';
import { setStatusBarMessage, showWarningMessage } from '../shown.ts';

export async function showLearnedFromUse({ log, completion }: Context): Promise<void> {
  const folder = await pickFolder();
  if (!folder) return;
  const file = preferencesFile(folder.uri.fsPath);
  const kept = await describePreferences(file);
  const on = settings.learnFromUse;
  const turn = {
    title: on ? t('Turn Off') : t('Turn On'),
    run: () => setLearnFromUse(!on),
  };
  if (!kept)
    return log.ask(
      'info',
      `${t('No completions are recorded for {folder}.', { folder: folder.name })} ${explained(on)}`,
      turn,
    );
  const values = {
    count: kept.count,
    folder: folder.name,
    since: kept.since ? t(' since {date}', { date: fullDate(new Date(kept.since)) }) : '',
    size: size(kept.bytes),
    file,
  };
  const what =
    kept.count === 1
      ? t('1 completion in {folder} recorded{since}, with what you did with it ({size}): {file}.', values)
      : t(
          '{count} completions in {folder} recorded{since}, with what you did with them ({size}): {file}.',
          values,
        );
  await log.ask(
    'info',
    `${what} ${explained(on)}`,
    { title: t('Open File'), run: () => vscode.window.showTextDocument(vscode.Uri.file(file)) },
    { title: t('Delete'), run: () => drop(folder, completion) },
    turn,
  );
}

const explained = (on: boolean) =>
  on
    ? t('The record stays on this machine.')
    : t(
        'Recording is off. If you turn it on, each completion that you are shown is recorded on this machine, with the code around it and the code at that place five minutes later.',
      );

export async function deleteLearnedFromUse({ completion }: Context): Promise<void> {
  const folder = await pickFolder();
  if (folder) await drop(folder, completion);
}

async function drop(folder: vscode.WorkspaceFolder, { recorder }: Context['completion']): Promise<void> {
  const file = preferencesFile(folder.uri.fsPath);
  const kept = await describePreferences(file);
  const confirmed = t('Delete');
  const answer =
    kept &&
    (await showWarningMessage(
      t('Delete the completions recorded in {folder}?', { folder: folder.name }),
      {
        modal: true,
        detail: t('Recorded completions: {count}.', { count: kept.count }),
      },
      confirmed,
    ));
  if (kept && answer !== confirmed) return;
  recorder.forget();
  await deletePreferences(file);
  setStatusBarMessage(t('The recorded completions of {folder} are deleted.', { folder: folder.name }), 5000);
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
    throw new UserError('bad-request', t('No folder is open.'), t('Open the folder that you mean.'));
  return here ?? (folders.length === 1 ? folders[0] : vscode.window.showWorkspaceFolderPick());
}

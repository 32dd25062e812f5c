/** Shows and deletes the completions recorded for a workspace folder. */
import * as vscode from 'vscode';
import { deletePreferences, describePreferences, preferencesFile } from '../../corpus/preferences/store.ts';
import { UserError } from '../../text/errors.ts';
import type { Context } from '../context.ts';
import { fullDate, t } from '../../text/l10n.ts';
import { setRecordCompletions, settings } from '../settings.ts';
import { size } from '../texts.ts';
import { setStatusBarMessage, showWarningMessage } from '../editor-ui.ts';

export async function showRecordedCompletions({ log, completion }: Context): Promise<void> {
  const folder = await pickFolder();
  if (!folder) return;
  const file = preferencesFile(folder.uri.fsPath);
  const records = await describePreferences(file);
  const isRecording = settings.recordCompletions();
  const toggle = {
    title: isRecording ? t('Turn Off') : t('Turn On'),
    run: () => setRecordCompletions(!isRecording),
  };
  if (!records)
    return log.notify(
      'info',
      `${t('No completions are recorded for {folder}.', { folder: folder.name })} ${recordingNote(isRecording)}`,
      toggle,
    );
  const values = {
    count: records.count,
    folder: folder.name,
    since: records.since ? t(' since {date}', { date: fullDate(new Date(records.since)) }) : '',
    size: size(records.bytes),
    file,
  };
  const summary =
    records.count === 1
      ? t('1 completion in {folder} recorded{since}, with what you did with it ({size}): {file}.', values)
      : t(
          '{count} completions in {folder} recorded{since}, with what you did with them ({size}): {file}.',
          values,
        );
  await log.notify(
    'info',
    `${summary} ${recordingNote(isRecording)}`,
    { title: t('Open File'), run: () => vscode.window.showTextDocument(vscode.Uri.file(file)) },
    { title: t('Delete'), run: () => deleteRecords(folder, completion) },
    toggle,
  );
}

const recordingNote = (isRecording: boolean) =>
  isRecording
    ? t('The record stays on this machine.')
    : t(
        'Recording is off. If you turn it on, each completion that you are shown is recorded on this machine, with the code around it and the code at that place five minutes later.',
      );

export async function deleteRecordedCompletions({ completion }: Context): Promise<void> {
  const folder = await pickFolder();
  if (folder) await deleteRecords(folder, completion);
}

async function deleteRecords(
  folder: vscode.WorkspaceFolder,
  { recorder }: Context['completion'],
): Promise<void> {
  const file = preferencesFile(folder.uri.fsPath);
  const records = await describePreferences(file);
  const confirm = t('Delete');
  const answer =
    records &&
    (await showWarningMessage(
      t('Delete the completions recorded in {folder}?', { folder: folder.name }),
      {
        modal: true,
        detail: t('Recorded completions: {count}.', { count: records.count }),
      },
      confirm,
    ));
  if (records && answer !== confirm) return;
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
  const documentFolder = document && vscode.workspace.getWorkspaceFolder(document.uri);
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length === 0)
    throw new UserError('bad-request', t('No folder is open.'), t('Open the folder that you mean.'));
  return documentFolder ?? (folders.length === 1 ? folders[0] : vscode.window.showWorkspaceFolderPick());
}

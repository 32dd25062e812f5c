/** Shows a file in the system's file manager, if that can see the file. */
import * as vscode from 'vscode';
import { t } from '../text/l10n.ts';
import { showInformationMessage } from './editor-ui.ts';

/** In a browser, and over SSH, in WSL or in a container, the file is on another machine: its path is copied instead. */
export async function reveal(file: vscode.Uri): Promise<void> {
  const { env } = vscode;
  if (env.remoteName === undefined && env.uiKind === vscode.UIKind.Desktop) {
    await vscode.commands.executeCommand('revealFileInOS', file);
    return;
  }
  await env.clipboard.writeText(file.fsPath);
  void showInformationMessage(t('{path} (copied to the clipboard)', { path: file.fsPath }));
}

/** The open files, most recent first: the other files that completion may read. */
import * as vscode from 'vscode';
import type { OtherFile, RepositoryPath } from '../../completion/index.ts';

/** More files than the completion core uses. */
const REMEMBERED = 100;
/** Longer files are probably data or generated. */
const MOST_LINES = 20_000;

export class RecentFiles implements vscode.Disposable {
  private recent: string[] = [];
  private readonly subscription = vscode.window.onDidChangeActiveTextEditor((editor) => {
    if (!editor) return;
    const uri = editor.document.uri.toString();
    this.recent = [uri, ...this.recent.filter((one) => one !== uri)].slice(0, REMEMBERED);
  });

  /** The other open files in the workspace folder of `document`. */
  beside(document: vscode.TextDocument): OtherFile[] {
    const folder = vscode.workspace.getWorkspaceFolder(document.uri);
    const age = ({ uri }: vscode.TextDocument) => this.recent.indexOf(uri.toString()) + 1 || REMEMBERED + 1;
    return vscode.workspace.textDocuments
      .filter(
        (one) =>
          one !== document &&
          one.uri.scheme === 'file' &&
          one.lineCount <= MOST_LINES &&
          vscode.workspace.getWorkspaceFolder(one.uri) === folder,
      )
      .sort((a, b) => age(a) - age(b))
      .map((one) => ({ path: pathOf(one), text: one.getText() }));
  }

  dispose(): void {
    this.subscription.dispose();
  }
}

/** The place of a document as training names it: the folder, and the path in it. */
export function placeOf(document: vscode.TextDocument): RepositoryPath | undefined {
  const folder = vscode.workspace.getWorkspaceFolder(document.uri);
  return folder && { repository: folder.name, path: pathOf(document) };
}

const pathOf = ({ uri }: vscode.TextDocument) => vscode.workspace.asRelativePath(uri, false);

/** The open files, most recent first: the other files that completion may read. */
import * as vscode from 'vscode';
import { innermost, repositoryName } from '../../corpus/reading/folders.ts';
import type { NamedFolder } from '../../protocol/folders.ts';
import type { OtherFile, RepositoryPath } from '../../completion/index.ts';
import { holdsSecrets } from './secret-files.ts';

/** More files than the completion core uses. */
const REMEMBERED = 100;
/** Longer files are probably data or generated. */
const MOST_LINES = 20_000;

export class RecentFiles implements vscode.Disposable {
  private recent: string[] = [];
  private readonly subscription = vscode.window.onDidChangeActiveTextEditor((editor) => {
    if (!editor) return;
    const uri = editor.document.uri.toString();
    this.recent = [uri, ...this.recent.filter((other) => other !== uri)].slice(0, REMEMBERED);
  });

  /** The other open files in the folder of `document`: see `placeOf`. Without those that hold secrets. */
  beside(document: vscode.TextDocument, learned: Learned): OtherFile[] {
    const folder = whereIs(document, learned)?.folder;
    const age = ({ uri }: vscode.TextDocument) => this.recent.indexOf(uri.toString()) + 1 || REMEMBERED + 1;
    return vscode.workspace.textDocuments
      .filter(
        (other) =>
          other !== document &&
          other.uri.scheme === 'file' &&
          !holdsSecrets(other.uri.path) &&
          other.lineCount <= MOST_LINES &&
          whereIs(other, learned)?.folder === folder,
      )
      .sort((a, b) => age(a) - age(b))
      .map((other) => ({ path: whereIs(other, learned)?.path ?? other.uri.fsPath, text: other.getText() }));
  }

  dispose(): void {
    this.subscription.dispose();
  }
}

/** The folders that the model has learned. */
type Learned = readonly Pick<NamedFolder, 'path'>[];

/** The place of a document as training names it: the folder that was learned, else the workspace folder. */
export function placeOf(document: vscode.TextDocument, learned: Learned): RepositoryPath | undefined {
  const where = whereIs(document, learned);
  return where && { repository: repositoryName(where.folder), path: where.path };
}

/** The folder that `placeOf` names a document in. */
export const rootOf = (document: vscode.TextDocument, learned: Learned): string | undefined =>
  whereIs(document, learned)?.folder;

function whereIs(
  { uri }: vscode.TextDocument,
  learned: Learned,
): { folder: string; path: string } | undefined {
  const own = uri.scheme === 'file' ? innermost(learned, uri.fsPath) : undefined;
  if (own) return { folder: own.folder.path, path: own.path };
  const folder = vscode.workspace.getWorkspaceFolder(uri);
  return folder && { folder: folder.uri.fsPath, path: vscode.workspace.asRelativePath(uri, false) };
}

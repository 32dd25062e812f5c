/** The open files, most recent first: the other files that completion may read. */
import * as vscode from 'vscode';
import { innermost, repositoryName } from '../../corpus/reading/folders.ts';
import type { NamedFolder } from '../../protocol/folders.ts';
import { MAX_FILES, type OtherFile, type RepositoryPath } from '../../completion/index.ts';
import { holdsSecrets } from './secret-files.ts';

/** More than the completion core uses. */
const MAX_REMEMBERED = 100;
/** Longer files are probably data or generated. */
const MAX_LINES = 20_000;

export class RecentFiles implements vscode.Disposable {
  private recent: string[] = [];
  private readonly subscription = vscode.window.onDidChangeActiveTextEditor((editor) => {
    if (!editor) return;
    const uri = editor.document.uri.toString();
    this.recent = [uri, ...this.recent.filter((other) => other !== uri)].slice(0, MAX_REMEMBERED);
  });

  /**
   * The other open files in the folder of `document` (see `placeOf`), except those that hold secrets; as many as the
   * completion core looks at. `tabsOnly`: only those that the user opened.
   */
  othersInFolder(document: vscode.TextDocument, learned: LearnedFolders, tabsOnly = false): OtherFile[] {
    const folder = locate(document, learned)?.folder;
    const opened = tabsOnly ? urisInTabs() : undefined;
    const age = ({ uri }: vscode.TextDocument) =>
      this.recent.indexOf(uri.toString()) + 1 || MAX_REMEMBERED + 1;
    return vscode.workspace.textDocuments
      .filter(
        (other) =>
          other !== document &&
          other.uri.scheme === 'file' &&
          !holdsSecrets(other.uri.path) &&
          other.lineCount <= MAX_LINES &&
          opened?.has(other.uri.toString()) !== false &&
          locate(other, learned)?.folder === folder,
      )
      .sort((a, b) => age(a) - age(b))
      .slice(0, MAX_FILES)
      .map((other) => ({ path: locate(other, learned)?.path ?? other.uri.fsPath, text: other.getText() }));
  }

  dispose(): void {
    this.subscription.dispose();
  }
}

/** The editor also loads files without a tab: for a peek, a rename, or another extension. */
function urisInTabs(): Set<string> {
  const inputs = vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs.map(({ input }) => input));
  const uris = inputs.flatMap((input) => {
    if (input instanceof vscode.TabInputText) return [input.uri];
    return input instanceof vscode.TabInputTextDiff ? [input.original, input.modified] : [];
  });
  return new Set(uris.map((uri) => uri.toString()));
}

/** The folders that the model has learned. */
type LearnedFolders = readonly Pick<NamedFolder, 'path'>[];
type WithUri = Pick<vscode.TextDocument, 'uri'>;

/** The place of a document as training names it: in the learned folder, else in the workspace folder. */
export function placeOf(document: WithUri, learned: LearnedFolders): RepositoryPath | undefined {
  const where = locate(document, learned);
  return where && { repository: repositoryName(where.folder), path: where.path };
}

/** The folder that `placeOf` refers to. */
export const rootOf = (document: vscode.TextDocument, learned: LearnedFolders): string | undefined =>
  locate(document, learned)?.folder;

function locate({ uri }: WithUri, learned: LearnedFolders): { folder: string; path: string } | undefined {
  const learnedFolder = uri.scheme === 'file' ? innermost(learned, uri.fsPath) : undefined;
  if (learnedFolder) return { folder: learnedFolder.folder.path, path: learnedFolder.path };
  const folder = vscode.workspace.getWorkspaceFolder(uri);
  return folder && { folder: folder.uri.fsPath, path: vscode.workspace.asRelativePath(uri, false) };
}

/** Tracks what the user writes: the recent edits of visible documents. */
import * as vscode from 'vscode';
import { isSkippedFolder, judgeFolder } from '../../corpus/names.ts';
import { DocumentEdits, type Change, type Edit, type SearchedText } from '../../next-edit/index.ts';
import { settings } from '../settings.ts';

/** A longer document is unlikely to be written by hand, and slow to search. In UTF-16 units. */
const MAX_CHARACTERS = 400_000;
const MAX_LINES = 20_000;
/** Open documents that are searched. */
const MAX_DOCUMENTS = 30;

const documents = ['file', 'untitled'];

/** Whether next edits are offered in a document. */
export const isWatched = (document: vscode.TextDocument): boolean =>
  documents.includes(document.uri.scheme) &&
  document.lineCount <= MAX_LINES &&
  vscode.workspace.isTrusted &&
  settings.nextEditEnabled(document);

/** Whether the search on disk would enter the folders of a document: one of a library was perhaps only looked at. */
function isInWorkspace({ uri }: vscode.TextDocument): boolean {
  if (uri.scheme !== 'file' || !vscode.workspace.workspaceFolders?.length) return true;
  if (!vscode.workspace.getWorkspaceFolder(uri)) return false;
  const folders = vscode.workspace.asRelativePath(uri, false).split('/').slice(0, -1);
  return !folders.some((name) => isSkippedFolder(name) || judgeFolder(name, []));
}

/** A change of a watched document. */
export interface Edited {
  document: vscode.TextDocument;
  /** Positions refer to the text before the changes. */
  changes: Change[];
  reason: vscode.TextDocumentChangeReason | undefined;
}

export class EditWatch implements vscode.Disposable {
  private readonly editsByUri = new Map<string, DocumentEdits>();
  /** The version of each document that was sent to the finder. */
  private sentVersions = new Map<string, number>();
  private readonly changed = new vscode.EventEmitter<Edited>();
  readonly onDidChange = this.changed.event;
  private readonly disposables = vscode.Disposable.from(
    this.changed,
    vscode.window.onDidChangeVisibleTextEditors(() => this.followVisible()),
    vscode.workspace.onDidChangeTextDocument((event) => this.handleChange(event)),
    // Changing the language closes and opens a document, and its version starts over.
    vscode.workspace.onDidOpenTextDocument(() => this.followVisible()),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => {
      this.editsByUri.delete(uri.toString());
      this.sentVersions.delete(uri.toString());
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => this.followVisible()),
  );

  constructor() {
    this.followVisible();
  }

  /** Starts to track the visible documents in which next edits are offered. */
  followVisible(): void {
    for (const { document } of vscode.window.visibleTextEditors) this.follow(document);
  }

  private follow(document: vscode.TextDocument): void {
    const path = document.uri.toString();
    if (!isWatched(document)) this.editsByUri.delete(path);
    else if (!this.editsByUri.has(path)) {
      const text = document.getText();
      if (text.length <= MAX_CHARACTERS)
        this.editsByUri.set(path, new DocumentEdits(path, document.languageId, text));
    }
  }

  private handleChange({ document, contentChanges, reason }: vscode.TextDocumentChangeEvent): void {
    const edits = this.editsByUri.get(document.uri.toString());
    if (!edits || contentChanges.length === 0) return;
    const changes = contentChanges.map(({ rangeOffset, rangeLength, text }) => ({
      offset: rangeOffset,
      removed: rangeLength,
      inserted: text.length,
    }));
    const isUndo = reason === vscode.TextDocumentChangeReason.Undo;
    edits.change(changes, Date.now(), () => document.getText(), isUndo);
    this.changed.fire({ document, changes, reason });
  }

  /** The recent edits, oldest first. */
  recent(): Edit[] {
    const now = Date.now();
    return vscode.workspace.textDocuments
      .flatMap((document) => {
        const edits = this.editsByUri.get(document.uri.toString());
        return !edits || edits.isEmpty ? [] : edits.edits(document.getText(), now);
      })
      .sort((a, b) => a.time - b.time);
  }

  /** The open documents, those to search, and the texts of these that have changed since the last call. */
  texts(first: vscode.TextDocument): { open: string[]; searched: string[]; changed: SearchedText[] } {
    const searched = this.byRelevance(first);
    const changed = searched
      .filter(({ uri, version }) => this.sentVersions.get(uri.toString()) !== version)
      .map((document) => ({
        path: document.uri.toString(),
        languageId: document.languageId,
        text: document.getText(),
      }))
      // Otherwise the finder would keep the old text of a document that has become too long.
      .map((searchedText) =>
        searchedText.text.length <= MAX_CHARACTERS ? searchedText : { ...searchedText, text: '' },
      );
    this.sentVersions = new Map(searched.map(({ uri, version }) => [uri.toString(), version]));
    const paths = (all: readonly vscode.TextDocument[]) => all.map(({ uri }) => uri.toString());
    return { open: paths(vscode.workspace.textDocuments), searched: paths(searched), changed };
  }

  /** The active document first, then edited ones, visible ones, and those opened last. */
  private byRelevance(first: vscode.TextDocument): vscode.TextDocument[] {
    const seen = new Set(vscode.window.visibleTextEditors.map(({ document }) => document));
    const isEdited = ({ uri }: vscode.TextDocument) => this.editsByUri.get(uri.toString())?.isEmpty === false;
    const rank = (document: vscode.TextDocument) => (isEdited(document) ? 0 : seen.has(document) ? 1 : 2);
    const others = vscode.workspace.textDocuments
      .filter((document) => document !== first && isWatched(document))
      .filter((document) => isEdited(document) || isInWorkspace(document))
      .reverse();
    return [first, ...others.sort((a, b) => rank(a) - rank(b))].slice(0, MAX_DOCUMENTS);
  }

  /** The finder has forgotten all texts. */
  sendAll(): void {
    this.sentVersions.clear();
  }

  dispose(): void {
    this.disposables.dispose();
  }
}

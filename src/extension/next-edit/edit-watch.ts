/** Follows what a person writes: the recent edits of the documents that they look at. */
import * as vscode from 'vscode';
import { DocumentEdits, type Change, type Edit, type SearchedText } from '../../next-edit/index.ts';
import { settings } from '../settings.ts';

/** A longer document is hardly written by hand, and would take long to search. In UTF-16 units. */
const LONGEST = 400_000;
const MOST_LINES = 20_000;
/** Open documents that are searched. */
const MOST_DOCUMENTS = 30;

const documents = ['file', 'untitled'];

/** Whether next edits are offered in a document. */
export const isWatched = (document: vscode.TextDocument): boolean =>
  documents.includes(document.uri.scheme) &&
  document.lineCount <= MOST_LINES &&
  vscode.workspace.isTrusted &&
  settings.nextEditEnabled(document);

/** A change of a document that is watched. */
export interface Edited {
  document: vscode.TextDocument;
  /** In the text before them. */
  changes: Change[];
  reason: vscode.TextDocumentChangeReason | undefined;
}

export class EditWatch implements vscode.Disposable {
  private readonly edited = new Map<string, DocumentEdits>();
  /** The version of each document that the finder has. */
  private sent = new Map<string, number>();
  private readonly changed = new vscode.EventEmitter<Edited>();
  readonly onDidChange = this.changed.event;
  private readonly disposables = vscode.Disposable.from(
    this.changed,
    vscode.window.onDidChangeVisibleTextEditors(() => this.look()),
    vscode.workspace.onDidChangeTextDocument((event) => this.take(event)),
    // A change of the language closes and opens it; one that is opened again begins to count its versions anew.
    vscode.workspace.onDidOpenTextDocument(() => this.look()),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => {
      this.edited.delete(uri.toString());
      this.sent.delete(uri.toString());
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => this.look()),
  );

  constructor() {
    this.look();
  }

  /** Begins to follow the documents that are shown, where next edits are offered. */
  look(): void {
    for (const { document } of vscode.window.visibleTextEditors) this.follow(document);
  }

  private follow(document: vscode.TextDocument): void {
    const path = document.uri.toString();
    if (!isWatched(document)) this.edited.delete(path);
    else if (!this.edited.has(path)) {
      const text = document.getText();
      if (text.length <= LONGEST) this.edited.set(path, new DocumentEdits(path, document.languageId, text));
    }
  }

  private take({ document, contentChanges, reason }: vscode.TextDocumentChangeEvent): void {
    const edits = this.edited.get(document.uri.toString());
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
        const edits = this.edited.get(document.uri.toString());
        return !edits || edits.isEmpty ? [] : edits.edits(document.getText(), now);
      })
      .sort((a, b) => a.time - b.time);
  }

  /** The open documents, those that are searched, and the texts of these that have changed since this was asked before. */
  texts(first: vscode.TextDocument): { open: string[]; searched: string[]; changed: SearchedText[] } {
    const searched = this.likeliest(first);
    const changed = searched
      .filter(({ uri, version }) => this.sent.get(uri.toString()) !== version)
      .map((document) => ({
        path: document.uri.toString(),
        languageId: document.languageId,
        text: document.getText(),
      }))
      // Of one that has become too long, the finder would keep the text from before.
      .map((searchedText) =>
        searchedText.text.length <= LONGEST ? searchedText : { ...searchedText, text: '' },
      );
    this.sent = new Map(searched.map(({ uri, version }) => [uri.toString(), version]));
    const paths = (all: readonly vscode.TextDocument[]) => all.map(({ uri }) => uri.toString());
    return { open: paths(vscode.workspace.textDocuments), searched: paths(searched), changed };
  }

  /** The document that the person looks at, those that they edit, those that they see, and what was opened last. */
  private likeliest(first: vscode.TextDocument): vscode.TextDocument[] {
    const seen = new Set(vscode.window.visibleTextEditors.map(({ document }) => document));
    const isEdited = ({ uri }: vscode.TextDocument) => this.edited.get(uri.toString())?.isEmpty === false;
    const rank = (document: vscode.TextDocument) => (isEdited(document) ? 0 : seen.has(document) ? 1 : 2);
    const others = vscode.workspace.textDocuments
      .filter((document) => document !== first && isWatched(document))
      .reverse();
    return [first, ...others.sort((a, b) => rank(a) - rank(b))].slice(0, MOST_DOCUMENTS);
  }

  /** The finder has forgotten all texts. */
  sendAll(): void {
    this.sent.clear();
  }

  dispose(): void {
    this.disposables.dispose();
  }
}

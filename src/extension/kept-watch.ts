/** Looks again at completions that were accepted: two minutes later, or when their file is closed. */
import * as vscode from 'vscode';
import { AcceptedText } from './accepted-text.ts';

const LATER_MS = 120_000;

export interface Accepted {
  run: string;
  document: vscode.TextDocument;
  /** Where the text begins, in UTF-16 units. */
  offset: number;
  text: string;
}

interface Watched {
  run: string;
  text: AcceptedText;
  timer: NodeJS.Timeout;
}

export class KeptWatch implements vscode.Disposable {
  private readonly watched = new Map<vscode.TextDocument, Set<Watched>>();
  private readonly subscriptions: vscode.Disposable;

  constructor(private readonly onJudged: (run: string, kept: boolean) => void) {
    this.subscriptions = vscode.Disposable.from(
      vscode.workspace.onDidChangeTextDocument((event) => this.changed(event)),
      vscode.workspace.onDidCloseTextDocument((document) => {
        for (const one of this.watched.get(document) ?? []) this.judge(document, one);
      }),
    );
  }

  /** The text is in its document by now. Returns how to stop looking. */
  accepted({ run, document, offset, text }: Accepted): () => void {
    const one: Watched = {
      run,
      text: new AcceptedText(offset, text),
      timer: setTimeout(() => this.judge(document, one), LATER_MS),
    };
    this.watched.set(document, (this.watched.get(document) ?? new Set()).add(one));
    return () => this.forget(document, one);
  }

  private changed({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    const texts = this.watched.get(document);
    if (!texts) return;
    // All ranges are those of before: from the last to the first, none moves another.
    const changes = [...contentChanges].sort((a, b) => b.rangeOffset - a.rangeOffset);
    for (const { rangeOffset, rangeLength, text } of changes)
      for (const one of texts)
        one.text.edited({ offset: rangeOffset, removed: rangeLength, inserted: text.length });
  }

  private judge(document: vscode.TextDocument, one: Watched): void {
    if (!this.watched.get(document)?.has(one)) return;
    this.forget(document, one);
    this.onJudged(one.run, one.text.isKept(document.getText()));
  }

  private forget(document: vscode.TextDocument, one: Watched): void {
    clearTimeout(one.timer);
    const texts = this.watched.get(document);
    texts?.delete(one);
    if (texts?.size === 0) this.watched.delete(document);
  }

  dispose(): void {
    this.subscriptions.dispose();
    for (const texts of this.watched.values()) for (const { timer } of texts) clearTimeout(timer);
  }
}

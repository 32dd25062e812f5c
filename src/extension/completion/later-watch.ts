/** Looks at places in documents again after some time, or when their file or the editor is closed. */
import * as vscode from 'vscode';
import type { Edit } from './accepted-text.ts';

/** A place that moves with edits. */
interface MovingPlace {
  edited(edit: Edit): void;
}

export interface Look {
  document: vscode.TextDocument;
  /** The place in the document as it is now. */
  place: MovingPlace;
  afterMs: number;
  /** Called with the document's text at that time. */
  judge(text: string): void;
}

interface Watched extends Look {
  timer: NodeJS.Timeout;
}

export class LaterWatch implements vscode.Disposable {
  private readonly watched = new Map<vscode.TextDocument, Set<Watched>>();
  private readonly subscriptions = vscode.Disposable.from(
    vscode.workspace.onDidChangeTextDocument((event) => this.changed(event)),
    vscode.workspace.onDidCloseTextDocument((document) => {
      for (const look of this.watched.get(document) ?? []) this.judge(look);
    }),
  );

  /** Returns a function that stops watching. */
  watch(look: Look): () => void {
    const watched: Watched = { ...look, timer: setTimeout(() => this.judge(watched), look.afterMs) };
    this.watched.set(look.document, (this.watched.get(look.document) ?? new Set()).add(watched));
    return () => this.forget(watched);
  }

  private changed({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    const looks = this.watched.get(document);
    if (!looks) return;
    // All ranges refer to the document before the event: applied from last to first, none moves another.
    const changes = [...contentChanges].sort((a, b) => b.rangeOffset - a.rangeOffset);
    for (const { rangeOffset, rangeLength, text } of changes)
      for (const { place } of looks)
        place.edited({ offset: rangeOffset, removed: rangeLength, inserted: text.length });
  }

  private judge(look: Watched): void {
    if (!this.watched.get(look.document)?.has(look)) return;
    this.forget(look);
    look.judge(look.document.getText());
  }

  private forget(look: Watched): void {
    clearTimeout(look.timer);
    const looks = this.watched.get(look.document);
    looks?.delete(look);
    if (looks?.size === 0) this.watched.delete(look.document);
  }

  /** Judges now what is still being watched. */
  dispose(): void {
    this.subscriptions.dispose();
    for (const looks of this.watched.values()) for (const look of looks) this.judge(look);
  }
}

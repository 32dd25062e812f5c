/** Checks places in documents again after some time, or when their file or the editor is closed. */
import * as vscode from 'vscode';
import type { Change } from '../../next-edit/index.ts';

/** A place that moves with edits. */
interface MovingPlace {
  edited(edit: Change): void;
}

export interface Check {
  document: vscode.TextDocument;
  /** The place in the document as it is now. */
  place: MovingPlace;
  afterMs: number;
  /** Called with the document's text at that time. */
  check(text: string): void;
}

interface ScheduledCheck extends Check {
  timer: NodeJS.Timeout;
}

export class DelayedChecks implements vscode.Disposable {
  private readonly scheduled = new Map<vscode.TextDocument, Set<ScheduledCheck>>();
  private readonly subscriptions = vscode.Disposable.from(
    vscode.workspace.onDidChangeTextDocument((event) => this.changed(event)),
    vscode.workspace.onDidCloseTextDocument((document) => {
      for (const check of this.scheduled.get(document) ?? []) this.check(check);
    }),
  );

  /** Returns a function that stops watching. */
  schedule(check: Check): () => void {
    const scheduled: ScheduledCheck = {
      ...check,
      timer: setTimeout(() => this.check(scheduled), check.afterMs),
    };
    this.scheduled.set(check.document, (this.scheduled.get(check.document) ?? new Set()).add(scheduled));
    return () => this.cancel(scheduled);
  }

  private changed({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    const checks = this.scheduled.get(document);
    if (!checks) return;
    // All ranges refer to the document before the event: applied from last to first, none moves another.
    const changes = [...contentChanges].sort((a, b) => b.rangeOffset - a.rangeOffset);
    for (const { rangeOffset, rangeLength, text } of changes)
      for (const { place } of checks)
        place.edited({ offset: rangeOffset, removed: rangeLength, inserted: text.length });
  }

  private check(check: ScheduledCheck): void {
    if (!this.scheduled.get(check.document)?.has(check)) return;
    this.cancel(check);
    check.check(check.document.getText());
  }

  private cancel(check: ScheduledCheck): void {
    clearTimeout(check.timer);
    const checks = this.scheduled.get(check.document);
    checks?.delete(check);
    if (checks?.size === 0) this.scheduled.delete(check.document);
  }

  /** Runs all scheduled checks now. */
  dispose(): void {
    this.subscriptions.dispose();
    for (const checks of this.scheduled.values()) for (const check of checks) this.check(check);
  }
}

/** The lines changed most recently: they go into prompts at other places. */
import * as vscode from 'vscode';

const MAX_EDITS = 12;
/** Changes this close to each other are merged. */
const NEAR_LINES = 3;
/** More lines at once were probably pasted or formatted. */
const MAX_LINES = 12;
/** Lines of context around a change, and lines around the cursor that a prompt includes anyway. */
const CONTEXT_LINES = 1;
const PROMPT_LINES = 40;

interface Edited {
  document: vscode.TextDocument;
  from: number;
  to: number;
}

export class RecentEdits implements vscode.Disposable {
  /** Newest first. */
  private edits: Edited[] = [];
  private readonly subscriptions = vscode.Disposable.from(
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (document.uri.scheme !== 'file') return;
      for (const { range, text } of contentChanges) this.record(document, range, text);
    }),
    vscode.workspace.onDidCloseTextDocument((closed) => {
      this.edits = this.edits.filter(({ document }) => document !== closed);
    }),
  );

  private record(document: vscode.TextDocument, { start, end }: vscode.Range, text: string): void {
    const added = text.split('\n').length - 1;
    const moved = added - (end.line - start.line);
    const [from, to] = [start.line, start.line + added];
    for (const edit of this.edits)
      if (edit.document === document && edit.from > end.line) {
        edit.from += moved;
        edit.to += moved;
      }
    if (added > MAX_LINES) return;
    const nearby = this.edits.find(
      (edit) => edit.document === document && from <= edit.to + NEAR_LINES && to >= edit.from - NEAR_LINES,
    );
    const merged = nearby && { document, from: Math.min(from, nearby.from), to: Math.max(to, nearby.to) };
    const rest = this.edits.filter((edit) => edit !== nearby);
    const newest = merged && merged.to - merged.from <= MAX_LINES ? merged : { document, from, to };
    this.edits = [newest, ...rest].slice(0, MAX_EDITS);
  }

  /** The lines changed at other places, newest first. */
  elsewhere(here: vscode.TextDocument, line: number): { document: vscode.TextDocument; text: string }[] {
    return this.edits
      .filter(
        ({ document, from, to }) =>
          document !== here || from > line + PROMPT_LINES || to < line - PROMPT_LINES,
      )
      .map(({ document, from, to }) => {
        const last = Math.min(document.lineCount - 1, to + CONTEXT_LINES);
        const range = new vscode.Range(
          Math.max(0, from - CONTEXT_LINES),
          0,
          last,
          document.lineAt(last).text.length,
        );
        return { document, text: document.getText(range) };
      });
  }

  dispose(): void {
    this.subscriptions.dispose();
  }
}

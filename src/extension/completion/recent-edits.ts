/** Where somebody has just changed something: the lines go into prompts elsewhere. */
import * as vscode from 'vscode';

const REMEMBERED = 12;
/** Changes so near to each other are one. */
const NEAR_LINES = 3;
/** More lines at once were pasted or formatted. */
const MOST_LINES = 12;
/** Lines around a change that belong to it, and around the cursor that a prompt has anyway. */
const AROUND = 1;
const HERE = 40;

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
      for (const { range, text } of contentChanges) this.note(document, range, text);
    }),
    vscode.workspace.onDidCloseTextDocument((closed) => {
      this.edits = this.edits.filter(({ document }) => document !== closed);
    }),
  );

  private note(document: vscode.TextDocument, { start, end }: vscode.Range, text: string): void {
    const added = text.split('\n').length - 1;
    const moved = added - (end.line - start.line);
    const [from, to] = [start.line, start.line + added];
    for (const edit of this.edits)
      if (edit.document === document && edit.from > end.line) {
        edit.from += moved;
        edit.to += moved;
      }
    if (added > MOST_LINES) return;
    const known = this.edits.find(
      (edit) => edit.document === document && from <= edit.to + NEAR_LINES && to >= edit.from - NEAR_LINES,
    );
    const joined = known && { document, from: Math.min(from, known.from), to: Math.max(to, known.to) };
    const rest = this.edits.filter((edit) => edit !== known);
    const next = joined && joined.to - joined.from <= MOST_LINES ? joined : { document, from, to };
    this.edits = [next, ...rest].slice(0, REMEMBERED);
  }

  /** The lines that were changed elsewhere than at this place, the newest first. */
  elsewhere(here: vscode.TextDocument, line: number): { document: vscode.TextDocument; text: string }[] {
    return this.edits
      .filter(({ document, from, to }) => document !== here || from > line + HERE || to < line - HERE)
      .map(({ document, from, to }) => {
        const last = Math.min(document.lineCount - 1, to + AROUND);
        const range = new vscode.Range(
          Math.max(0, from - AROUND),
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

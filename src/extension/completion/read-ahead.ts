/**
 * Lets the model read what stands around the cursor while nobody types, so that the first suggestion there does not
 * have to wait for it: seconds for a small model on two cores.
 */
import * as vscode from 'vscode';

/** After so long at a place, somebody may write there. In ms. */
const REST_MS = 400;
/** Documents that people write in: no output, no source-control input, no read-only views. */
export const schemes = ['file', 'untitled', 'vscode-notebook-cell'];

export class ReadAhead implements vscode.Disposable {
  private timer: NodeJS.Timeout | undefined;
  private readonly subscriptions = vscode.Disposable.from(
    vscode.window.onDidChangeActiveTextEditor((editor) => this.later(editor)),
    vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => this.later(textEditor)),
  );

  constructor(private readonly read: (document: vscode.TextDocument, position: vscode.Position) => void) {}

  private later(editor: vscode.TextEditor | undefined): void {
    clearTimeout(this.timer);
    if (!editor || !schemes.includes(editor.document.uri.scheme)) return;
    this.timer = setTimeout(() => {
      const { selections, selection, document } = editor;
      if (vscode.window.activeTextEditor === editor && selections.length === 1 && selection.isEmpty)
        this.read(document, selection.active);
    }, REST_MS);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.subscriptions.dispose();
  }
}

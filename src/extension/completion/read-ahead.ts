/**
 * Lets the model read the code around the cursor while nobody types, so that the first suggestion there does not have
 * to wait for it. That takes seconds for a small model on two cores.
 */
import * as vscode from 'vscode';

/** After resting here for this long, the user may start to type. */
const REST_MS = 400;
/** Documents that people edit: no output, no source-control input, no read-only views. */
export const schemes = ['file', 'untitled', 'vscode-notebook-cell'];

export class ReadAhead implements vscode.Disposable {
  private timer: NodeJS.Timeout | undefined;
  private readonly subscriptions = vscode.Disposable.from(
    vscode.window.onDidChangeActiveTextEditor((editor) => this.schedule(editor)),
    vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => this.schedule(textEditor)),
  );

  constructor(private readonly read: (document: vscode.TextDocument, position: vscode.Position) => void) {}

  private schedule(editor: vscode.TextEditor | undefined): void {
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

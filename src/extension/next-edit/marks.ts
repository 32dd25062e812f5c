/** Shows one offer in the editor: what goes is struck through, what comes stands after it. Stable API only. */
import * as vscode from 'vscode';
import type { Offer } from '../../next-edit/index.ts';

/** Longer texts are cut where they are shown. */
const LONGEST = 160;

export class Marks implements vscode.Disposable {
  private readonly gone = vscode.window.createTextEditorDecorationType({
    textDecoration: 'line-through',
    opacity: '0.6',
    overviewRulerColor: new vscode.ThemeColor('editorOverviewRuler.modifiedForeground'),
    overviewRulerLane: vscode.OverviewRulerLane.Center,
  });
  private readonly comes = vscode.window.createTextEditorDecorationType({
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    overviewRulerColor: new vscode.ThemeColor('editorOverviewRuler.modifiedForeground'),
    overviewRulerLane: vscode.OverviewRulerLane.Center,
  });

  /** Replaces what was shown. `parts`: see `partsShown`. */
  show(document: vscode.TextDocument, parts: Offer['parts']): void {
    this.clear();
    const rangeOf = (start: number, end: number) =>
      new vscode.Range(document.positionAt(start), document.positionAt(end));
    const gone = parts.filter(({ start, end }) => end > start).map(({ start, end }) => rangeOf(start, end));
    const comes = parts
      .filter(({ text }) => text)
      .map(({ end, text }) => ({
        range: rangeOf(end, end),
        renderOptions: {
          after: {
            contentText: shownText(text),
            color: new vscode.ThemeColor('editorGhostText.foreground'),
            backgroundColor: new vscode.ThemeColor('diffEditor.insertedTextBackground'),
          },
        },
      }));
    for (const editor of vscode.window.visibleTextEditors) {
      if (editor.document !== document) continue;
      editor.setDecorations(this.gone, gone);
      editor.setDecorations(this.comes, comes);
    }
  }

  clear(): void {
    for (const editor of vscode.window.visibleTextEditors) {
      editor.setDecorations(this.gone, []);
      editor.setDecorations(this.comes, []);
    }
  }

  dispose(): void {
    this.gone.dispose();
    this.comes.dispose();
  }
}

/** On one line; spaces at the ends would be lost otherwise. */
function shownText(text: string): string {
  const line = text.replace(/\s*\r?\n\s*/g, ' ⏎ ');
  const cut = line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
  return cut.replace(/^ +| +$/g, (spaces) => '\u00a0'.repeat(spaces.length));
}

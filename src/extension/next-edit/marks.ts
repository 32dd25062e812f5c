/** Shows one offer: what goes is struck through, what comes stands after it, and the keys at the line's end. Stable API only. */
import * as vscode from 'vscode';
import type { Offer } from '../../next-edit/index.ts';

/** Longer texts are cut where they are shown. */
const LONGEST = 160;

/** What stands at the end of a line. */
export interface Hint {
  editor: vscode.TextEditor;
  line: number;
  text: string;
}

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
  private readonly keys = vscode.window.createTextEditorDecorationType({
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    after: { color: new vscode.ThemeColor('editorGhostText.foreground'), margin: '0 0 0 2em' },
  });

  private isTelling = false;

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

  /** Replaces the hints that were shown. */
  tell(hints: readonly Hint[]): void {
    if (hints.length === 0 && !this.isTelling) return;
    this.isTelling = hints.length > 0;
    for (const editor of vscode.window.visibleTextEditors) {
      const own = hints.filter((hint) => hint.editor === editor);
      const decorations = own.map(({ line, text }) => {
        const { end } = editor.document.lineAt(line).range;
        return {
          range: new vscode.Range(end, end),
          renderOptions: { after: { contentText: text } },
        };
      });
      editor.setDecorations(this.keys, decorations);
    }
  }

  clear(): void {
    for (const editor of vscode.window.visibleTextEditors) {
      editor.setDecorations(this.gone, []);
      editor.setDecorations(this.comes, []);
    }
  }

  dispose(): void {
    for (const type of [this.gone, this.comes, this.keys]) type.dispose();
  }
}

/** On one line; spaces at the ends would be lost otherwise. */
function shownText(text: string): string {
  const line = text.replace(/\s*\r?\n\s*/g, ' ⏎ ');
  const cut = line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
  return cut.replace(/^ +| +$/g, (spaces) => '\u00a0'.repeat(spaces.length));
}

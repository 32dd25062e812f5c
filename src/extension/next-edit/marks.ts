/**
 * Shows one offer: removed text is struck through, inserted text follows it, and the keys are at a line's end. Uses
 * the stable API only.
 */
import * as vscode from 'vscode';
import type { Offer } from '../../next-edit/index.ts';

/** Longer texts are truncated. */
const MAX_CHARACTERS = 160;

/** A hint at the end of a line. */
export interface Hint {
  editor: vscode.TextEditor;
  line: number;
  text: string;
}

export class Marks implements vscode.Disposable {
  private readonly removedType = vscode.window.createTextEditorDecorationType({
    textDecoration: 'line-through',
    opacity: '0.6',
    overviewRulerColor: new vscode.ThemeColor('editorOverviewRuler.modifiedForeground'),
    overviewRulerLane: vscode.OverviewRulerLane.Center,
  });
  private readonly insertedType = vscode.window.createTextEditorDecorationType({
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    overviewRulerColor: new vscode.ThemeColor('editorOverviewRuler.modifiedForeground'),
    overviewRulerLane: vscode.OverviewRulerLane.Center,
  });
  private readonly hintType = vscode.window.createTextEditorDecorationType({
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    after: { color: new vscode.ThemeColor('editorGhostText.foreground'), margin: '0 0 0 2em' },
  });

  private hasHints = false;

  /** Call `clear` before. `parts`: see `partsShown`. */
  show(document: vscode.TextDocument, parts: Offer['parts']): void {
    const rangeOf = (start: number, end: number) =>
      new vscode.Range(document.positionAt(start), document.positionAt(end));
    const removed = parts
      .filter(({ start, end }) => end > start)
      .map(({ start, end }) => rangeOf(start, end));
    const inserted = parts
      .filter(({ text }) => text)
      .map(({ end, text }) => {
        const range = rangeOf(end, end);
        const isAtLineEnd = range.end.character === document.lineAt(range.end.line).range.end.character;
        // The editor draws `before` first: a hint at the same place follows it.
        const renderOptions = { [isAtLineEnd ? 'before' : 'after']: insertion(text) };
        return { range, renderOptions };
      });
    for (const editor of vscode.window.visibleTextEditors) {
      if (editor.document !== document) continue;
      editor.setDecorations(this.removedType, removed);
      editor.setDecorations(this.insertedType, inserted);
    }
  }

  /** Replaces the hints that were shown. */
  showHints(hints: readonly Hint[]): void {
    if (hints.length === 0 && !this.hasHints) return;
    this.hasHints = hints.length > 0;
    for (const editor of vscode.window.visibleTextEditors) {
      const own = hints.filter((hint) => hint.editor === editor);
      const decorations = own.map(({ line, text }) => {
        const { end } = editor.document.lineAt(line).range;
        return {
          range: new vscode.Range(end, end),
          renderOptions: { after: { contentText: text } },
        };
      });
      editor.setDecorations(this.hintType, decorations);
    }
  }

  clear(): void {
    for (const editor of vscode.window.visibleTextEditors) {
      editor.setDecorations(this.removedType, []);
      editor.setDecorations(this.insertedType, []);
    }
  }

  dispose(): void {
    for (const type of [this.removedType, this.insertedType, this.hintType]) type.dispose();
  }
}

const insertion = (text: string): vscode.ThemableDecorationAttachmentRenderOptions => ({
  contentText: shownText(text),
  color: new vscode.ThemeColor('editorGhostText.foreground'),
  backgroundColor: new vscode.ThemeColor('diffEditor.insertedTextBackground'),
});

/** Puts the text on one line; non-breaking spaces keep leading and trailing space visible. */
function shownText(text: string): string {
  const line = text.replace(/\s*\r?\n\s*/g, ' ⏎ ');
  const cut = line.length > MAX_CHARACTERS ? `${line.slice(0, MAX_CHARACTERS)}…` : line;
  return cut.replace(/^ +| +$/g, (spaces) => '\u00a0'.repeat(spaces.length));
}

/**
 * Lets a suggestion grow: its first line is shown as soon as it is whole. When the rest is there, the editor is made to
 * ask again, unless the person has dismissed the suggestion or gone elsewhere. The editor has no other way to change a
 * suggestion that it shows.
 */
import * as vscode from 'vscode';
import type { Completion } from '../../completion/index.ts';

/** While it is set, Escape is ours (package.json): the editor does not tell that a suggestion was dismissed. */
const GROWING = 'forgetMeNot.suggestionGrows';

export class SuggestionGrowth {
  private watched: object | undefined;
  private asking = false;

  /** `completion` is shown at `position`, and has `more`. */
  watch(document: vscode.TextDocument, position: vscode.Position, { text, more }: Completion): void {
    const mine = {};
    this.setWatched(mine);
    void more?.then((longer) => {
      if (this.watched !== mine) return;
      this.stop();
      if (!longer || !isTyping(document, position, text)) return;
      this.asking = true;
      // Where the editor asks nothing, a later key must not be taken for ours.
      const asked = vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
      void asked.then(() => (this.asking = false));
    });
  }

  /** Whether it was us who made the editor ask, not a key. True once. */
  asksNow(): boolean {
    const { asking } = this;
    this.asking = false;
    return asking;
  }

  stop(): void {
    if (this.watched) this.setWatched(undefined);
  }

  async dismiss(): Promise<void> {
    this.stop();
    await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
  }

  private setWatched(watched: object | undefined): void {
    this.watched = watched;
    void vscode.commands.executeCommand('setContext', GROWING, watched !== undefined);
  }
}

/** Whether the cursor is where the suggestion was shown, or further along its text, but not at its end. */
function isTyping(document: vscode.TextDocument, position: vscode.Position, text: string): boolean {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document !== document || !editor.selection.isEmpty) return false;
  const { active } = editor.selection;
  if (active.isBefore(position)) return false;
  const typed = document.getText(new vscode.Range(position, active));
  return typed.length < text.length && text.startsWith(typed);
}

/**
 * Has the editor ask again once there is something to show, or more of what it shows: it has no other way to get a
 * suggestion later than with the answer to a key, and keeps its own list of suggestions waiting for that.
 */
import * as vscode from 'vscode';

/** While it is set, Escape is ours (package.json): the editor does not tell that a suggestion was dismissed. */
const GROWING = 'forgetMeNot.suggestionGrows';
interface Watched {
  document: vscode.TextDocument;
  position: vscode.Position;
  /** The text that is shown there; "" if nothing is. */
  shown: string;
}

export class AskAgain {
  private watched: Watched | undefined;
  private asking: Watched | undefined;
  /** New editors then ask only this extension; older ones ask everyone. */
  private readonly only: { providerId: string };

  constructor(extensionId: string) {
    this.only = { providerId: `${extensionId}:*` };
  }

  /** Has it ask once `ready` resolves to true, if the cursor is still there, or within the text that is shown. */
  once(ready: Promise<boolean>, watched: Watched): void {
    this.watch(watched);
    void ready.then((isReady) => {
      if (this.watched !== watched) return;
      this.stop();
      if (isReady && isAt(watched)) this.ask(watched);
    });
  }

  private ask(watched: Watched): void {
    this.asking = watched;
    // Asked once for a place, it has to forget the answer before it asks again there.
    const asked = watched.shown
      ? vscode.commands.executeCommand('runCommands', {
          commands: [
            'editor.action.inlineSuggest.hide',
            { command: 'editor.action.inlineSuggest.trigger', args: this.only },
          ],
        })
      : vscode.commands.executeCommand('editor.action.inlineSuggest.trigger', this.only);
    // Where the editor asks nothing, a later key must not be taken for ours.
    void asked.then(() => this.asking === watched && (this.asking = undefined));
  }

  /** Whether it was us who made the editor ask at this place, not a key. True once. */
  asksNow(document: vscode.TextDocument, position: vscode.Position): boolean {
    const { asking } = this;
    this.asking = undefined;
    return asking !== undefined && isWithin(asking, document, position);
  }

  stop(): void {
    this.watch(undefined);
  }

  async dismiss(): Promise<void> {
    this.stop();
    await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
  }

  private watch(watched: Watched | undefined): void {
    const [grew, grows] = [this.watched, watched].map((place) => Boolean(place?.shown));
    this.watched = watched;
    if (grows !== grew) void vscode.commands.executeCommand('setContext', GROWING, grows);
  }
}

/** Whether the cursor is at the place, or within the text that is shown there. */
function isAt(watched: Watched): boolean {
  const editor = vscode.window.activeTextEditor;
  return editor?.selection.isEmpty === true && isWithin(watched, editor.document, editor.selection.active);
}

function isWithin(
  { document, position, shown }: Watched,
  now: vscode.TextDocument,
  at: vscode.Position,
): boolean {
  if (now !== document || at.isBefore(position)) return false;
  const typed = document.getText(new vscode.Range(position, at));
  return typed === '' || (typed.length < shown.length && shown.startsWith(typed));
}

/**
 * Makes the editor request suggestions again once there is something to show, or more of what it shows. The editor has
 * no other way to get a suggestion after it has answered a key, and its own suggestion list waits for that answer.
 */
import * as vscode from 'vscode';

/**
 * While this context key is set, Escape is bound to our command (package.json): the editor does not report that a
 * suggestion was dismissed.
 */
const GROWING_KEY = 'forgetMeNot.suggestionGrows';

/** Of VS Code 1, the first release whose suggestions we replace in place. */
const REPLACES_SINCE = 121;
const canReplace = () => Number(vscode.version.split('.')[1]) >= REPLACES_SINCE;

const TRIGGER = 'editor.action.inlineSuggest.trigger';

interface WatchedPlace {
  document: vscode.TextDocument;
  position: vscode.Position;
  /** The text that is shown there; "" if nothing is. */
  shown: string;
}

export class SuggestTrigger {
  private watched: WatchedPlace | undefined;
  private triggered: WatchedPlace | undefined;
  /** Newer editors then ask only this extension; older ones ask every provider. */
  private readonly triggerArguments: { providerId: string };

  /** `provider`: ours, which is asked. */
  constructor(
    extensionId: string,
    private readonly provider: vscode.InlineCompletionItemProvider,
  ) {
    this.triggerArguments = { providerId: `${extensionId}:*` };
  }

  /**
   * Triggers a request once `ready` resolves to true, if the cursor is still at the place or within the text shown
   * there.
   */
  triggerWhen(ready: Promise<boolean>, watched: WatchedPlace): void {
    this.watch(watched);
    void ready.then((isReady) => {
      if (this.watched !== watched) return;
      this.stop();
      if (isReady && isAt(watched)) void this.trigger(watched);
    });
  }

  private async trigger(watched: WatchedPlace): Promise<void> {
    this.triggered = watched;
    if (!watched.shown) await vscode.commands.executeCommand(TRIGGER, this.triggerArguments);
    else if (canReplace()) await this.replace(watched);
    else
      await vscode.commands.executeCommand('runCommands', {
        commands: ['editor.action.inlineSuggest.hide', { command: TRIGGER, args: this.triggerArguments }],
      });
    // If the editor sent no request, a later key must not count as ours.
    if (this.triggered === watched) this.triggered = undefined;
  }

  /**
   * The editor keeps its answer for a place, but asks a provider that has not answered there. What is shown stays until
   * that answer replaces it; hidden first, as older editors need it, it would be gone meanwhile.
   */
  private async replace({ document }: WatchedPlace): Promise<void> {
    const { languageId: language, uri } = document;
    const anew = vscode.languages.registerInlineCompletionItemProvider(
      { language, scheme: uri.scheme },
      this.provider,
    );
    try {
      // An explicit request would keep the shorter text selected.
      await vscode.commands.executeCommand(TRIGGER, { ...this.triggerArguments, explicit: false });
    } finally {
      anew.dispose();
    }
  }

  /** The place for which we triggered this request; undefined if a key did. Returned only once per trigger. */
  ownRequest(document: vscode.TextDocument, position: vscode.Position): WatchedPlace | undefined {
    const { triggered } = this;
    this.triggered = undefined;
    return triggered && isWithin(triggered, document, position) ? triggered : undefined;
  }

  stop(): void {
    this.watch(undefined);
  }

  async dismiss(): Promise<void> {
    this.stop();
    await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
  }

  private watch(watched: WatchedPlace | undefined): void {
    const [wasGrowing, isGrowing] = [this.watched, watched].map((place) => Boolean(place?.shown));
    this.watched = watched;
    if (isGrowing !== wasGrowing) void vscode.commands.executeCommand('setContext', GROWING_KEY, isGrowing);
  }
}

/** Whether the cursor is at the place, or within the text that is shown there. */
function isAt(watched: WatchedPlace): boolean {
  const editor = vscode.window.activeTextEditor;
  return editor?.selection.isEmpty === true && isWithin(watched, editor.document, editor.selection.active);
}

function isWithin(
  { document, position, shown }: WatchedPlace,
  now: vscode.TextDocument,
  at: vscode.Position,
): boolean {
  if (now !== document || at.isBefore(position)) return false;
  const typed = document.getText(new vscode.Range(position, at));
  return typed === '' || (typed.length < shown.length && shown.startsWith(typed));
}

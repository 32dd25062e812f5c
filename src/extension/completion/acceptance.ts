/**
 * Counts completions by model: shown (visible for half a second, or accepted before that), accepted (at least one
 * word), the characters of both, and whether the accepted text is still there later.
 */
import * as vscode from 'vscode';
import type { UseCounts } from '../../completion/index.ts';
import type { Turn } from '../../findings/by-turns.ts';
import type { TurnCounts } from '../../protocol/by-turns.ts';
import { AcceptedText } from './accepted-text.ts';
import { DelayedChecks } from './delayed-checks.ts';
import { ShownText, type Effect } from './shown-text.ts';

/** Ghost text that is visible this long counts as shown. */
const SEEN_MS = 500;
/** After acceptance, the text counts as kept or dropped. */
const LATER_MS = 300_000;

/** `turn`: the one in which the completion was asked for, while models are compared by turns. */
type Count = (model: string, what: keyof TurnCounts, by?: number, turn?: Turn) => void;

export interface ShownItem {
  model: string;
  turn?: Turn | undefined;
  document: vscode.TextDocument;
  /** Where the text begins, in UTF-16 units. */
  offset: number;
  /** With the document's own line ends. */
  text: string;
  /** The part of the text that is selected in the suggestion list. */
  selected: string;
  /** Number of its characters that are already in the document. */
  written: number;
  /** It was asked for with a key: whether it is taken says nothing about those that appear by themselves. */
  isInvoked: boolean;
}

interface ShownCompletion extends Pick<ShownItem, 'model' | 'turn' | 'document' | 'isInvoked'> {
  text: ShownText;
  timer: NodeJS.Timeout;
  seen: boolean;
  accepted: boolean;
  /** Stops watching the text accepted so far. */
  stopWatchingText?: () => void;
}

export class AcceptanceWatch implements vscode.Disposable {
  // Created before our own listener, so that it has handled a change before we pass it a position.
  private readonly checks = new DelayedChecks();
  private current: ShownCompletion | undefined;
  private readonly changedShown = new vscode.EventEmitter<void>();
  /** A completion appears, or is gone. */
  readonly onDidChangeShown = this.changedShown.event;
  private readonly subscription = vscode.workspace.onDidChangeTextDocument((event) => this.changed(event));

  /**
   * @param wrote is told how many characters were typed
   * @param used is told of each completion that was seen, and then taken
   */
  constructor(
    private readonly count: Count,
    private readonly wrote: (document: vscode.TextDocument, characters: number) => void,
    private readonly used: (document: vscode.TextDocument, what: keyof UseCounts) => void,
  ) {}

  /** Whether a completion is shown. The editor does not report that one was dismissed. */
  get isShowing(): boolean {
    return this.current !== undefined;
  }

  /** The turn of the completion that is shown in a document. */
  shownTurn(document: vscode.TextDocument): Turn | undefined {
    return this.current?.document === document ? this.current.turn : undefined;
  }

  /** The editor is about to show this. Typing along with a completion continues the same one. */
  show({ model, turn, document, offset, text, selected, written, isInvoked }: ShownItem): void {
    const { current } = this;
    if (current?.document === document && current.model === model && current.text.fits(selected)) {
      const added = current.text.isContinuedBy(offset, text) ? 0 : current.text.extendWith(offset, text);
      if (added !== undefined) {
        if (current.seen && added > 0) this.count(model, 'shownCharacters', added, current.turn);
        return;
      }
    }
    this.hide();
    const completion: ShownCompletion = {
      model,
      turn,
      document,
      isInvoked,
      text: new ShownText(offset, text, selected, written),
      timer: setTimeout(() => isVisible(completion) && this.markSeen(completion), SEEN_MS),
      seen: false,
      accepted: false,
    };
    this.current = completion;
    this.changedShown.fire();
  }

  /** Ends the completion that is shown. */
  hide(): void {
    if (!this.current) return;
    clearTimeout(this.current.timer);
    this.current = undefined;
    this.changedShown.fire();
  }

  /** The suggestion list has changed its selection: a completion that does not fit it is hidden. */
  selectionChanged(selected: string): void {
    if (!this.current?.text.fits(selected)) this.hide();
  }

  /** The editor reports that a model's completion was accepted as a whole. */
  acceptedEntirely(model: string): void {
    const { current } = this;
    if (!current?.text.complete) {
      // The change was not recognised as the completion, but the editor says that it was accepted.
      this.count(model, 'shown');
      this.count(model, 'accepted');
      return;
    }
    const before = current.text.characters;
    current.text.acceptedEntirely();
    this.recordAcceptance(current, current.text.characters - before);
    this.hide();
  }

  private changed(event: vscode.TextDocumentChangeEvent): void {
    if (event.contentChanges.length === 0) return;
    if (this.follow(event) !== 'accepted') this.wrote(event.document, typedIn(event));
  }

  /** What a change does to the completion that is shown. */
  private follow({ document, contentChanges, reason }: vscode.TextDocumentChangeEvent): Effect | undefined {
    const { current } = this;
    if (current?.document !== document) return undefined;
    const changes = contentChanges.map(({ rangeOffset, rangeLength, text }) => ({
      offset: rangeOffset,
      removed: rangeLength,
      inserted: text,
    }));
    const before = current.text.characters;
    const effect = current.text.changed(changes, reason !== undefined);
    if (effect === 'gone') this.hide();
    if (effect === 'accepted') this.recordAcceptance(current, current.text.characters - before);
    return effect;
  }

  private recordAcceptance(current: ShownCompletion, characters: number): void {
    this.markSeen(current);
    const { model, turn, document } = current;
    if (!current.accepted) {
      this.count(model, 'accepted', 1, turn);
      if (!current.isInvoked) this.used(document, 'taken');
    }
    current.accepted = true;
    if (characters > 0) this.count(model, 'acceptedCharacters', characters, turn);
    const accepted = current.text.acceptedText;
    if (!accepted) return;
    current.stopWatchingText?.();
    const place = new AcceptedText(accepted.offset, accepted.text);
    const check = (now: string) => {
      const kept = place.keptCharacters(now);
      this.count(model, kept === undefined ? 'dropped' : 'kept', 1, turn);
      if (kept) this.count(model, 'keptCharacters', kept, turn);
    };
    current.stopWatchingText = this.checks.schedule({ document, place, afterMs: LATER_MS, check });
  }

  private markSeen(current: ShownCompletion): void {
    if (current.seen) return;
    current.seen = true;
    const { model, turn, document, text } = current;
    this.count(model, 'shown', 1, turn);
    if (!current.isInvoked) this.used(document, 'seen');
    this.count(model, 'shownCharacters', text.text.length - text.selected.length, turn);
  }

  /** Counts what was kept, with the texts as they are now. */
  dispose(): void {
    this.hide();
    this.changedShown.dispose();
    this.subscription.dispose();
    this.checks.dispose();
  }
}

/** Number of characters that a change adds by keys or the suggestion list, not by pasting lines, undoing or formatting. */
function typedIn({ document, contentChanges, reason }: vscode.TextDocumentChangeEvent): number {
  const [change] = contentChanges;
  if (reason !== undefined || contentChanges.length !== 1 || /\n\s*\S/.test(change!.text)) return 0;
  const isHere = vscode.window.activeTextEditor?.document === document;
  return isHere ? Math.max(0, change!.text.length - change!.rangeLength) : 0;
}

/** Whether it is visible, as far as an extension can tell: the window has the focus, and the cursor is at the text. */
function isVisible({ document, text }: ShownCompletion): boolean {
  const editor = vscode.window.activeTextEditor;
  return (
    vscode.window.state.focused &&
    editor?.document === document &&
    editor.selections.length === 1 &&
    editor.selection.isEmpty &&
    document.offsetAt(editor.selection.active) === text.cursor
  );
}

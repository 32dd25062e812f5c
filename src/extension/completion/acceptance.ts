/**
 * Counts completions by model: shown (visible for half a second, or accepted before that), accepted (at least a word
 * of it), the characters of both, and whether the accepted text is still there later.
 */
import * as vscode from 'vscode';
import type { Acceptance } from '../../protocol/panel.ts';
import { AcceptedText } from './accepted-text.ts';
import { LaterWatch } from './later-watch.ts';
import { ShownPlace } from './shown-place.ts';
import { ShownText } from './shown-text.ts';

/** Ghost text that is visible this long counts as shown. */
const SEEN_MS = 500;
/**
 * KEPT_MS after acceptance, the text counts as kept or dropped. LATER_MS after it was shown, the text at its place is
 * reported.
 */
const KEPT_MS = 120_000;
const LATER_MS = 300_000;

/** What the user did with a completion that was seen. */
export interface Outcome {
  /** The completion, with the document's own line ends, as all texts here. */
  shown: string;
  /** Number of its characters in the document when a part was last accepted; 0 if none was. */
  accepted: number;
  /** The text at its place now, `seconds` after it was shown. */
  later: string;
  seconds: number;
}

/** Receives the outcome of a completion. */
export interface OutcomeListener {
  /** Where the text after the completion begins, in UTF-16 units. */
  end: number;
  /** The text before it on its line. */
  line: string;
  tell(outcome: Outcome): void;
}

export interface ShownItem {
  model: string;
  document: vscode.TextDocument;
  /** Where the text begins, in UTF-16 units. */
  offset: number;
  /** The alternatives, the first of which is shown, with the document's own line ends. */
  texts: readonly [string, ...string[]];
  /** The part of it that is selected in the suggestion list. */
  selected: string;
  /** Number of its characters that are in the document already. */
  written: number;
  /** Receives its outcome. */
  listener?: OutcomeListener | undefined;
}

interface Life extends Pick<ShownItem, 'model' | 'document'> {
  text: ShownText;
  /** The alternatives at this place. Which one the user looks at shows only when one is accepted. */
  others: ShownText[];
  timer: NodeJS.Timeout;
  seen: boolean;
  accepted: boolean;
  /** Number of its characters in the document when some were last accepted. */
  taken: number;
  /** Stops watching the text accepted so far. */
  forget?: () => void;
  /** Stops watching its place. */
  forgetPlace?: () => void;
}

export class AcceptanceWatch implements vscode.Disposable {
  // Created before our own listener, so that it has handled a change before we pass it a place.
  private readonly later = new LaterWatch();
  private life: Life | undefined;
  private readonly subscription = vscode.workspace.onDidChangeTextDocument((event) => this.changed(event));

  constructor(private readonly count: (model: string, what: keyof Acceptance, by?: number) => void) {}

  /** The editor is about to show this. Typing along a completion keeps the same one alive. */
  show({ model, document, offset, texts: [text, ...others], selected, written, listener }: ShownItem): void {
    const { life } = this;
    const shown = (alternative: string) => new ShownText(offset, alternative, selected, written);
    if (life?.document === document && life.model === model && life.text.fits(selected)) {
      const added = life.text.goesOnAs(offset, text) ? 0 : life.text.grow(offset, text);
      if (added !== undefined) {
        life.others = others.map(shown);
        if (life.seen && added > 0) this.count(model, 'shownCharacters', added);
        return;
      }
    }
    this.hide();
    const begun: Life = {
      model,
      document,
      text: shown(text),
      others: others.map(shown),
      timer: setTimeout(() => isVisible(begun) && this.see(begun), SEEN_MS),
      seen: false,
      accepted: false,
      taken: 0,
    };
    this.life = begun;
    if (listener) begun.forgetPlace = this.watchPlace(begun, listener);
  }

  private watchPlace(life: Life, { end, line, tell }: OutcomeListener): () => void {
    const place = new ShownPlace(life.text.offset, end, line);
    const began = performance.now();
    const judge = (document: string) => {
      const later = life.seen ? place.standing(document) : undefined;
      if (later === undefined) return;
      tell({
        shown: life.text.text,
        accepted: life.taken,
        later,
        seconds: Math.round((performance.now() - began) / 1000),
      });
    };
    return this.later.watch({ document: life.document, place, afterMs: LATER_MS, judge });
  }

  /** Ends the completion that is shown. */
  hide(): void {
    clearTimeout(this.life?.timer);
    if (!this.life?.seen) this.life?.forgetPlace?.();
    this.life = undefined;
  }

  /** The suggestion list has changed its selection: a completion that does not fit it is hidden. */
  selects(selected: string): void {
    if (!this.life?.text.fits(selected)) this.hide();
  }

  /** The editor reports that a model's completion was accepted as a whole. */
  acceptedWhole(model: string): void {
    const { life } = this;
    if (!life?.text.complete) {
      // The change was not recognised as the completion, but it was certainly accepted.
      this.count(model, 'shown');
      this.count(model, 'accepted');
      return;
    }
    const before = life.text.characters;
    life.text.acceptedWhole();
    this.take(life, life.text.characters - before);
    this.hide();
  }

  private changed({ document, contentChanges, reason }: vscode.TextDocumentChangeEvent): void {
    const { life } = this;
    if (life?.document !== document || contentChanges.length === 0) return;
    const changes = contentChanges.map(({ rangeOffset, rangeLength, text }) => ({
      offset: rangeOffset,
      removed: rangeLength,
      inserted: text,
    }));
    for (const text of [life.text, ...life.others]) {
      const before = text.characters;
      const happened = text.changed(changes, reason !== undefined);
      if (happened === 'gone') continue;
      life.text = text;
      life.others = [];
      if (happened === 'accepted') this.take(life, text.characters - before);
      return;
    }
    this.hide();
  }

  private take(life: Life, characters: number): void {
    this.see(life);
    if (!life.accepted) this.count(life.model, 'accepted');
    life.accepted = true;
    if (characters > 0) this.count(life.model, 'acceptedCharacters', characters);
    life.taken = life.text.cursor - life.text.offset;
    const accepted = life.text.acceptedText;
    if (!accepted) return;
    life.forget?.();
    const { model, document } = life;
    const place = new AcceptedText(accepted.offset, accepted.text);
    const judge = (now: string) => this.count(model, place.isKept(now) ? 'kept' : 'dropped');
    life.forget = this.later.watch({ document, place, afterMs: KEPT_MS, judge });
  }

  private see(life: Life): void {
    if (life.seen) return;
    life.seen = true;
    this.count(life.model, 'shown');
    this.count(life.model, 'shownCharacters', life.text.text.length - life.text.selected.length);
  }

  /** Reports the outcome of all that was seen, as the text is now. */
  dispose(): void {
    this.hide();
    this.subscription.dispose();
    this.later.dispose();
  }
}

/** Whether it is visible, as far as an extension can know: the window has the focus, and the cursor is at the text. */
function isVisible({ document, text }: Life): boolean {
  const editor = vscode.window.activeTextEditor;
  return (
    vscode.window.state.focused &&
    editor?.document === document &&
    editor.selections.length === 1 &&
    editor.selection.isEmpty &&
    document.offsetAt(editor.selection.active) === text.cursor
  );
}

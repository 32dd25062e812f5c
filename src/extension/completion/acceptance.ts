/**
 * Counts what becomes of completions, by adapter: shown (visible for half a second, or accepted before), accepted (at least
 * a word of it was taken), the characters of both, and whether what was accepted is still there later.
 */
import * as vscode from 'vscode';
import type { Acceptance } from '../../protocol/panel.ts';
import { AcceptedText } from './accepted-text.ts';
import { LaterWatch } from './later-watch.ts';
import { ShownPlace } from './shown-place.ts';
import { ShownText } from './shown-text.ts';

/** Ghost text that stays this long was seen. */
const SEEN_MS = 500;
/** When what was accepted is counted as kept or not, and when what stands there is told. */
const KEPT_MS = 120_000;
const LATER_MS = 300_000;

/** What became of a completion that was seen. */
export interface Outcome {
  /** With the document's own line ends, as all texts here. */
  shown: string;
  /** Characters of it that stood there when a part of it was last taken; 0: none was. */
  accepted: number;
  /** What stands there now, so many seconds after it was shown. */
  later: string;
  seconds: number;
}

/** Who hears of it. */
export interface OutcomeListener {
  /** Where the text begins that was to follow the completion, in UTF-16 units. */
  end: number;
  /** What stands before it on its line. */
  line: string;
  tell(outcome: Outcome): void;
}

export interface ShownItem {
  run: string;
  document: vscode.TextDocument;
  /** Where the text begins, in UTF-16 units. */
  offset: number;
  /** The first is shown, with the document's own line ends. */
  texts: readonly [string, ...string[]];
  /** What of it the suggestion list has selected. */
  selected: string;
  /** Characters of it that stand there already. */
  written: number;
  /** Who wants to know what becomes of it. */
  listener?: OutcomeListener | undefined;
}

interface Life extends Pick<ShownItem, 'run' | 'document'> {
  text: ShownText;
  /** What else there is at this place: which of them is looked at, only taking one tells. */
  others: ShownText[];
  timer: NodeJS.Timeout;
  seen: boolean;
  accepted: boolean;
  /** Characters of the text that stood there when some were last accepted. */
  taken: number;
  /** Stops watching what was accepted of it so far. */
  forget?: () => void;
  /** Stops watching its place. */
  forgetPlace?: () => void;
}

export class AcceptanceWatch implements vscode.Disposable {
  // Before our own listener: what is handed to it has happened already.
  private readonly later = new LaterWatch();
  private life: Life | undefined;
  private readonly subscription = vscode.workspace.onDidChangeTextDocument((event) => this.changed(event));

  constructor(private readonly count: (run: string, what: keyof Acceptance, by?: number) => void) {}

  /** The editor is given this to show. Typing through a completion goes on with the same one. */
  show({ run, document, offset, texts: [text, ...others], selected, written, listener }: ShownItem): void {
    const { life } = this;
    const shown = (one: string) => new ShownText(offset, one, selected, written);
    if (
      life?.document === document &&
      life.run === run &&
      life.text.fits(selected) &&
      life.text.goesOnAs(offset, text)
    ) {
      life.others = others.map(shown);
      return;
    }
    this.hide();
    const begun: Life = {
      run,
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

  /** Nothing is shown any more. */
  hide(): void {
    clearTimeout(this.life?.timer);
    if (!this.life?.seen) this.life?.forgetPlace?.();
    this.life = undefined;
  }

  /** The suggestion list has selected something else: what was shown is hidden until there is a text for that. */
  selects(selected: string): void {
    if (!this.life?.text.fits(selected)) this.hide();
  }

  /** The editor says that a run's completion was accepted, all of it. */
  acceptedWhole(run: string): void {
    const { life } = this;
    if (!life?.text.complete) {
      // What the editor wrote was not recognised; that it was accepted is certain.
      this.count(run, 'shown');
      this.count(run, 'accepted');
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
    if (!life.accepted) this.count(life.run, 'accepted');
    life.accepted = true;
    if (characters > 0) this.count(life.run, 'acceptedCharacters', characters);
    life.taken = life.text.cursor - life.text.offset;
    const accepted = life.text.acceptedText;
    if (!accepted) return;
    life.forget?.();
    const { run, document } = life;
    const place = new AcceptedText(accepted.offset, accepted.text);
    const judge = (now: string) => this.count(run, place.isKept(now) ? 'kept' : 'dropped');
    life.forget = this.later.watch({ document, place, afterMs: KEPT_MS, judge });
  }

  private see(life: Life): void {
    if (life.seen) return;
    life.seen = true;
    this.count(life.run, 'shown');
    this.count(life.run, 'shownCharacters', life.text.text.length - life.text.selected.length);
  }

  /** Tells of all that was seen, as it stands now. */
  dispose(): void {
    this.hide();
    this.subscription.dispose();
    this.later.dispose();
  }
}

/** As far as an extension can know: the window has the focus, and the cursor is where the text is. */
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

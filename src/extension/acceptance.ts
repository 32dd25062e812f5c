/**
 * Counts what becomes of completions, by adapter: shown (visible for half a second, or accepted before), accepted (at least
 * a word of it was taken), the characters of both, and whether what was accepted is still there later.
 */
import * as vscode from 'vscode';
import type { Acceptance } from '../protocol/panel.ts';
import { KeptWatch } from './kept-watch.ts';
import { ShownText } from './shown-text.ts';

/** Ghost text that stays this long was seen. */
const SEEN_MS = 500;

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
}

interface Life extends Pick<ShownItem, 'run' | 'document'> {
  text: ShownText;
  /** What else there is at this place: which of them is looked at, only taking one tells. */
  others: ShownText[];
  timer: NodeJS.Timeout;
  seen: boolean;
  accepted: boolean;
  /** Stops watching what was accepted of it so far. */
  forget?: () => void;
}

export class AcceptanceWatch implements vscode.Disposable {
  // Before our own listener: what is handed to it has happened already.
  private readonly kept = new KeptWatch((run, isKept) => this.count(run, isKept ? 'kept' : 'dropped'));
  private life: Life | undefined;
  private readonly subscription = vscode.workspace.onDidChangeTextDocument((event) => this.changed(event));

  constructor(private readonly count: (run: string, what: keyof Acceptance, by?: number) => void) {}

  /** The editor is given this to show. Typing through a completion goes on with the same one. */
  show({ run, document, offset, texts: [text, ...others], selected, written }: ShownItem): void {
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
    };
    this.life = begun;
  }

  /** Nothing is shown any more. */
  hide(): void {
    clearTimeout(this.life?.timer);
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
    const accepted = life.text.acceptedText;
    if (!accepted) return;
    life.forget?.();
    life.forget = this.kept.accepted({ run: life.run, document: life.document, ...accepted });
  }

  private see(life: Life): void {
    if (life.seen) return;
    life.seen = true;
    this.count(life.run, 'shown');
    this.count(life.run, 'shownCharacters', life.text.text.length - life.text.selected.length);
  }

  dispose(): void {
    this.hide();
    this.subscription.dispose();
    this.kept.dispose();
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

/** Displays next edits: the first one in the editor, their number, and the keys. */
import * as vscode from 'vscode';
import { type tabAction, isApplied } from '../../next-edit/index.ts';
import { visible } from '../../text/foreign-text.ts';
import { t } from '../../text/l10n.ts';
import type { FoundOffer } from '../../next-edit-finder/finder.ts';
import { Marks, type Hint } from './marks.ts';
import { openDocument, cursorOf } from './offers.ts';

export class Display implements vscode.Disposable {
  private readonly marks = new Marks();
  private readonly status = vscode.window.createStatusBarItem(
    'forgetMeNot.nextEdit',
    vscode.StatusBarAlignment.Right,
    89,
  );
  /** The context keys as last set. */
  private readonly keys = new Map<string, boolean>();

  constructor() {
    this.status.name = 'Forget-Me-Not';
    this.status.command = 'forgetMeNot.nextEdit.go';
  }

  show(offers: readonly FoundOffer[]): void {
    const [offer] = offers;
    const document = offer && openDocument(offer);
    this.marks.clear();
    if (document) this.marks.show(document, offer.shown);
    this.count(offers);
  }

  private count({ length: count, 0: first }: readonly FoundOffer[]): void {
    if (!first) return this.status.hide();
    const text = count === 1 ? t('1 next edit') : t('{count} next edits', { count });
    this.status.text = `$(arrow-right) ${text}`;
    this.status.tooltip = first.import
      ? importText('Alt+]', first.import)
      : t(
          'Places that need the same edit: Tab or Alt+] goes there, applies it and moves on. Alt+[ skips it, Escape dismisses all.',
        );
    this.status.show();
  }

  /**
   * Shows the keys, and sets the context keys that their bindings in package.json use.
   * @param does what Tab does at the cursor
   * @param isHere whether the offer is applied from the cursor
   * @param shouldTabWait whether Tab waits for the search
   * @param hasHint whether the keys are shown
   */
  updateKeys(
    offer: FoundOffer | undefined,
    does: ReturnType<typeof tabAction>,
    { isHere, shouldTabWait, hasHint }: { isHere: boolean; shouldTabWait: boolean; hasHint: boolean },
  ): void {
    this.set('forgetMeNot.nextEdit.there', offer !== undefined);
    this.set('forgetMeNot.nextEdit.here', isHere);
    this.set('forgetMeNot.nextEdit.tab', does !== undefined || shouldTabWait);
    this.marks.showHints(offer && hasHint ? hintsFor(offer, does) : []);
  }

  private set(key: string, value: boolean): void {
    if ((this.keys.get(key) ?? false) === value) return;
    this.keys.set(key, value);
    void vscode.commands.executeCommand('setContext', key, value);
  }

  dispose(): void {
    this.marks.dispose();
    this.status.dispose();
  }
}

/** A title is another extension's. In characters. */
const MAX_TITLE = 80;

function importText(key: string, { title }: { title: string }): string {
  const cut = title.length > MAX_TITLE ? `${title.slice(0, MAX_TITLE - 1)}…` : title;
  return `${key}: ${visible(cut)}`;
}

/** These extensions bind Tab in most of their modes, so the key that always works is shown. */
const TAB_BINDING_EXTENSIONS = ['vscodevim.vim', 'asvetliakov.vscode-neovim'];

/**
 * The key hints of an offer: at its place if that is visible, else at the cursor.
 * @param does what Tab does at the cursor now
 */
function hintsFor(offer: FoundOffer, does: ReturnType<typeof tabAction>): Hint[] {
  const isTabTaken = TAB_BINDING_EXTENSIONS.some((id) => vscode.extensions.getExtension(id)?.isActive);
  const key = does && !isTabTaken ? '⇥ Tab' : 'Alt+]';
  const active = vscode.window.activeTextEditor;
  const cursor = active && cursorOf(active);
  const isHere = cursor !== undefined && isApplied(cursor, offer);
  const document = openDocument(offer);
  const place = document?.positionAt(offer.shown.at(-1)!.end).line ?? offer.line;
  if (offer.import && active && cursor) {
    // Where it is applied from; without Tab, the mark at its place is enough.
    const text = importText(key, offer.import);
    const line = { first: cursor.line, last: cursor.line };
    return does ? [{ editor: active, line: lineForHint(active, text, line), text }] : [];
  }
  const lines = { first: document?.positionAt(offer.from).line ?? offer.line, last: place };
  const where = { key, line: place + 1 };
  return vscode.window.visibleTextEditors.flatMap((editor): Hint[] => {
    const isInDocument = editor.document.uri.toString() === offer.path;
    if (isInDocument && (isVisible(editor, place) || (isHere && editor === active))) {
      const text = isHere ? t('{key} applies, Alt+[ skips', { key }) : t('{key} goes here', { key });
      const line = lineForHint(editor, text, lines, offer.shown);
      const isBeside = line !== place && !isHere;
      return [{ editor, line, text: isBeside ? t('{key}: next edit, line {line}', where) : text }];
    }
    if (editor !== active || !cursor || does !== 'go') return [];
    const text = isInDocument
      ? t('{key}: next edit, line {line}', where)
      : t('{key}: next edit, {file}, line {line}', { ...where, file: nameOf(offer) });
    const line = lineForHint(editor, text, { first: cursor.line, last: cursor.line });
    return [{ editor, line, text }];
  });
}

const isVisible = ({ visibleRanges }: vscode.TextEditor, line: number): boolean =>
  visibleRanges.some(({ start, end }) => line >= start.line && line <= end.line);

/**
 * The editor does not tell how wide it is: a hint that ends further to the right may be off the screen. In characters,
 * with the sidebar of a small screen open.
 */
const MAX_COLUMNS = 100;
/** The space before a hint. */
const MARGIN_COLUMNS = 4;

/**
 * The line at whose end a hint for some lines is shown: the last of them, or, if that is too long, a shorter one just
 * above or below them.
 * @param inserted what is shown in the last line besides its text
 */
function lineForHint(
  editor: vscode.TextEditor,
  hint: string,
  { first, last }: { first: number; last: number },
  inserted: FoundOffer['shown'] = [],
): number {
  const columnsOf = (line: number) => editor.document.lineAt(line).text.replaceAll('\t', '    ').length;
  const columns = inserted.reduce((sum, { text }) => sum + text.length, columnsOf(last));
  if (columns + MARGIN_COLUMNS + hint.length <= MAX_COLUMNS) return last;
  const shorter = [first - 1, last + 1]
    .filter(
      (line) => line < editor.document.lineCount && isVisible(editor, line) && columnsOf(line) < columns,
    )
    .sort((a, b) => columnsOf(a) - columnsOf(b));
  return shorter[0] ?? last;
}

const nameOf = ({ path }: FoundOffer): string => {
  const inFolder = vscode.workspace.asRelativePath(vscode.Uri.parse(path, true), false);
  return inFolder.slice(inFolder.lastIndexOf('/') + 1);
};

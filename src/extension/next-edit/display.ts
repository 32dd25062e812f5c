/** Displays next edits: the first one in the editor, their number, and the keys. */
import * as vscode from 'vscode';
import { type tabAction, isInLines } from '../../next-edit/index.ts';
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
    this.count(offers.length);
  }

  private count(count: number): void {
    if (count === 0) return this.status.hide();
    const text = count === 1 ? t('1 next edit') : t('{count} next edits', { count });
    this.status.text = `$(arrow-right) ${text}`;
    this.status.tooltip = t(
      'Places that need the same edit: Tab or Alt+] goes there, applies it and moves on. Alt+[ skips it, Escape dismisses all.',
    );
    this.status.show();
  }

  /**
   * Shows the keys, and sets the context keys that their bindings in package.json use.
   * @param does what Tab does at the cursor
   * @param isHere whether the cursor is in the lines of the offer
   * @param shouldTabWait whether Tab waits for the search
   */
  updateKeys(
    offer: FoundOffer | undefined,
    does: ReturnType<typeof tabAction>,
    isHere: boolean,
    shouldTabWait: boolean,
  ): void {
    this.set('forgetMeNot.nextEdit.there', offer !== undefined);
    this.set('forgetMeNot.nextEdit.here', isHere);
    this.set('forgetMeNot.nextEdit.tab', does !== undefined || shouldTabWait);
    this.marks.showHints(offer ? hintsFor(offer, does) : []);
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
  const isHere = cursor !== undefined && isInLines(cursor, offer);
  const place = openDocument(offer)?.positionAt(offer.shown.at(-1)!.end).line ?? offer.line;
  return vscode.window.visibleTextEditors.flatMap((editor): Hint[] => {
    const isInDocument = editor.document.uri.toString() === offer.path;
    const isVisible = editor.visibleRanges.some(({ start, end }) => place >= start.line && place <= end.line);
    if (isInDocument && (isVisible || (isHere && editor === active))) {
      const text = isHere ? t('{key} applies, Alt+[ skips', { key }) : t('{key} goes here', { key });
      return [{ editor, line: place, text }];
    }
    if (editor !== active || !cursor || does !== 'go') return [];
    const where = { key, line: place + 1 };
    const text = isInDocument
      ? t('{key}: next edit, line {line}', where)
      : t('{key}: next edit, {file}, line {line}', { ...where, file: nameOf(offer) });
    return [{ editor, line: cursor.line, text }];
  });
}

const nameOf = ({ path }: FoundOffer): string => {
  const inFolder = vscode.workspace.asRelativePath(vscode.Uri.parse(path, true), false);
  return inFolder.slice(inFolder.lastIndexOf('/') + 1);
};

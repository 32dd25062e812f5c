/** Displays next edits: the first one in the editor, their number, and the keys. */
import * as vscode from 'vscode';
import type { tabAction } from '../../next-edit/index.ts';
import { t } from '../../text/l10n.ts';
import type { FoundOffer } from '../../next-edit-finder/finder.ts';
import { hintsFor } from './hints.ts';
import { Marks } from './marks.ts';
import { openDocument } from './offers.ts';

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

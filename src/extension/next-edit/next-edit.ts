/** Next edit: after an edit, the places that want the same one are offered, one by one. */
import * as vscode from 'vscode';
import type { FromFinder } from '../../next-edit/finder.ts';
import { partsShown, Refusals, shownLines, type Offer } from '../../next-edit/index.ts';
import { t } from '../../protocol/l10n.ts';
import type { Services } from '../services.ts';
import { EditWatch, isWatched } from './edit-watch.ts';
import { FinderThread } from './finder-thread.ts';
import { Marks } from './marks.ts';

/** After so long without a change, it is looked what else wants it. */
const PAUSE_MS = 350;
/** A place to go to is there, and the cursor is at it: for the keys in package.json. */
const THERE = 'forgetMeNot.nextEdit.there';
const HERE = 'forgetMeNot.nextEdit.here';

/** What is offered now. */
interface Shown {
  offer: Offer;
  /** The line as it was found; another one withdraws the offer. */
  before: string;
}

export class NextEdit implements vscode.Disposable {
  private readonly watch = new EditWatch();
  private readonly marks = new Marks();
  private readonly refusals = new Refusals();
  private readonly finder: FinderThread;
  private readonly status = vscode.window.createStatusBarItem(
    'forgetMeNot.nextEdit',
    vscode.StatusBarAlignment.Right,
    89,
  );
  private readonly disposables: vscode.Disposable;
  private timer: NodeJS.Timeout | undefined;
  private asked = 0;
  private offers: Offer[] = [];
  private shown: Shown | undefined;

  constructor(private readonly services: Services) {
    this.finder = new FinderThread(services.bundle('next-edit-finder.mjs'), {
      answer: (answer) => this.take(answer),
      lost: (why) => {
        this.watch.sendAll();
        services.log.warn(`Next edits were not looked for: ${why}`);
      },
    });
    this.status.name = 'Forget-Me-Not';
    this.status.command = 'forgetMeNot.nextEdit.go';
    const command = (name: string, run: () => unknown) =>
      vscode.commands.registerCommand(`forgetMeNot.nextEdit.${name}`, run);
    this.disposables = vscode.Disposable.from(
      ...[this.watch, this.marks, this.status],
      command('go', () => this.go()),
      command('accept', () => this.accept()),
      command('skip', () => this.skip()),
      command('dismiss', () => this.dismiss()),
      this.watch.onDidChange(() => this.edited()),
      vscode.window.onDidChangeTextEditorSelection(() => this.tellPlace()),
      vscode.window.onDidChangeVisibleTextEditors(() => this.draw()),
      vscode.window.onDidChangeActiveTextEditor(() => this.tellPlace()),
    );
  }

  /** What is shown was found in a text of before; it is looked again after a pause. */
  private edited(): void {
    this.withdraw();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), PAUSE_MS);
  }

  private look(): void {
    const editor = vscode.window.activeTextEditor;
    if (!editor || !isWatched(editor.document)) return;
    const edits = this.watch.recent();
    if (edits.length === 0) return;
    const { document, selection } = editor;
    this.finder.ask({
      ...{ id: (this.asked += 1), edits, ...this.watch.texts(document) },
      ...{ path: document.uri.toString(), place: document.offsetAt(selection.active) },
      unwanted: [...this.refusals.unwanted],
      folders: (vscode.workspace.workspaceFolders ?? [])
        .filter(({ uri }) => uri.scheme === 'file')
        .map(({ uri }) => uri.fsPath),
    });
  }

  private take({ id, offers, error }: FromFinder): void {
    if (error) this.services.log.warn(`Next edits were not found: ${error}`);
    if (id !== this.asked) return;
    this.offers = offers;
    this.draw();
  }

  /** Shows the first offer that still fits and was not turned down. */
  private draw(): void {
    this.shown = undefined;
    this.marks.clear();
    this.offers = this.offers.filter((offer) => !this.isTurnedDown(offer));
    const [offer] = this.offers;
    if (offer) {
      const document = openDocument(offer);
      const before = document ? linesOf(document, offer).before : '';
      this.shown = { offer, before };
      if (document) this.marks.show(document, partsShown(document.getText(), offer));
    }
    this.tellCount();
    this.tellPlace();
  }

  private isTurnedDown(offer: Offer): boolean {
    if (this.refusals.unwanted.has(offer.pattern)) return true;
    const document = openDocument(offer);
    return document !== undefined && this.refusals.isRefused(offer, linesOf(document, offer));
  }

  private tellCount(): void {
    const { length: count } = this.offers;
    if (count === 0) return this.status.hide();
    const text = count === 1 ? t('1 next edit') : t('{count} next edits', { count });
    this.status.text = `$(arrow-right) ${text}`;
    this.status.tooltip = t(
      'Places that want the same edit: Alt+] goes there, Tab applies it, Alt+[ skips it.',
    );
    this.status.show();
  }

  private tellPlace(): void {
    const tell = (key: string, value: boolean) =>
      void vscode.commands.executeCommand('setContext', key, value);
    tell(THERE, this.shown !== undefined);
    tell(HERE, this.isHere());
  }

  /** Whether the cursor is at what is offered; of several cursors, none is. */
  private isHere(): boolean {
    const editor = vscode.window.activeTextEditor;
    if (!editor || !this.shown || editor.selections.length !== 1 || !editor.selection.isEmpty) return false;
    const { offer } = this.shown;
    if (editor.document.uri.toString() !== offer.path) return false;
    const place = editor.document.offsetAt(editor.selection.active);
    return place >= offer.parts[0]!.start && place <= offer.parts.at(-1)!.end;
  }

  /** Moves the cursor to the place, in another file as well. */
  private async go(): Promise<void> {
    const offer = this.shown?.offer;
    if (!offer) return;
    const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(offer.path, true));
    const position = document.positionAt(offer.parts[0]!.start);
    await vscode.window.showTextDocument(document, { selection: new vscode.Range(position, position) });
    if (this.offers[0] === offer) this.draw();
  }

  /** Writes it, as one step of undo, and puts the cursor behind it. */
  private async accept(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const { shown } = this;
    if (!editor || !shown || !this.isHere()) return;
    const { offer, before } = shown;
    const { document } = editor;
    if (linesOf(document, offer).before !== before) return this.withdraw();
    this.refusals.taken(offer);
    const ranges = offer.parts.map(({ start, end, text }) => ({
      range: new vscode.Range(document.positionAt(start), document.positionAt(end)),
      text,
    }));
    await editor.edit((edit) => ranges.forEach(({ range, text }) => edit.replace(range, text)));
    clearTimeout(this.timer);
    this.look();
  }

  private skip(): void {
    const offer = this.shown?.offer;
    if (!offer) return;
    const document = openDocument(offer);
    if (document) this.refusals.refused(offer, linesOf(document, offer));
    this.offers = this.offers.filter((one) => one !== offer);
    this.draw();
  }

  /** No more of what is offered now: its pattern is not wanted. */
  private dismiss(): void {
    for (const offer of this.offers) this.refusals.unwanted.add(offer.pattern);
    this.withdraw();
  }

  private withdraw(): void {
    this.asked += 1;
    this.offers = [];
    this.draw();
  }

  settingsChanged(): void {
    this.withdraw();
  }

  async dispose(): Promise<void> {
    clearTimeout(this.timer);
    this.disposables.dispose();
    await this.finder.dispose();
  }
}

const openDocument = ({ path }: Offer): vscode.TextDocument | undefined =>
  vscode.workspace.textDocuments.find(({ uri }) => uri.toString() === path);

const linesOf = (document: vscode.TextDocument, { parts }: Offer) => shownLines(document.getText(), parts);

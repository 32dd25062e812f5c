/** Next edit: after an edit, the places that want the same one are offered, one by one. */
import * as vscode from 'vscode';
import type { FoundOffer, FromFinder } from './finder.ts';
import { Refusals } from '../../next-edit/index.ts';
import { reportError } from '../../protocol/errors.ts';
import { t } from '../../protocol/l10n.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { askedModel } from './asked-model.ts';
import { EditWatch, isWatched } from './edit-watch.ts';
import { FinderThread } from './finder-thread.ts';
import { Marks } from './marks.ts';
import { Rewriter } from './rewriter.ts';

/** After so long without a change, it is looked what else wants it. */
const PAUSE_MS = 350;
/** A place to go to is there, and the cursor is at it: for the keys in package.json. */
const THERE = 'forgetMeNot.nextEdit.there';
const HERE = 'forgetMeNot.nextEdit.here';

export class NextEdit implements vscode.Disposable {
  private readonly watch = new EditWatch();
  private readonly marks = new Marks();
  private readonly refusals = new Refusals();
  private readonly finder: FinderThread;
  private readonly rewriter: Rewriter;
  private readonly status = vscode.window.createStatusBarItem(
    'forgetMeNot.nextEdit',
    vscode.StatusBarAlignment.Right,
    89,
  );
  private readonly disposables: vscode.Disposable;
  private timer: NodeJS.Timeout | undefined;
  private asked = 0;
  private offers: FoundOffer[] = [];
  /** What was said with the context keys. */
  private readonly told = new Map<string, boolean>();

  constructor(private readonly services: ServicesWithCompletion) {
    this.finder = new FinderThread(services.bundle('next-edit-finder.mjs'), {
      answer: (answer) => this.take(answer),
      lost: (why) => {
        this.watch.sendAll();
        services.log.warn(`Next edits were not looked for: ${why}`);
      },
    });
    this.rewriter = new Rewriter({
      asked: (path) => {
        const document = openDocument({ path });
        return document && askedModel(services.completion, document);
      },
      isBusy: () => services.completion.busy,
      nameOf: (path) => vscode.workspace.asRelativePath(vscode.Uri.parse(path, true), false),
      offer: (offer) => this.add(offer),
      failed: (error) => services.log.warn(`No next edit of the model: ${reportError(error).message}`),
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
      this.watch.onDidChange((document) => this.edited(document)),
      vscode.window.onDidChangeTextEditorSelection(() => this.tellPlace()),
      vscode.window.onDidChangeVisibleTextEditors(() => this.draw()),
      vscode.window.onDidChangeActiveTextEditor(() => this.tellPlace()),
    );
  }

  /**
   * What is shown was found in a text of before; it is looked again after a pause. A document in which nothing is
   * offered, and that the person does not write in, changes nothing: a log, or what a tool writes.
   */
  private edited(document: vscode.TextDocument): void {
    const path = document.uri.toString();
    const isOffered = this.offers.some((offer) => offer.path === path);
    if (!isOffered && document !== vscode.window.activeTextEditor?.document) return;
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
      candidates: askedModel(this.services.completion, document) !== undefined,
      folders: (vscode.workspace.workspaceFolders ?? [])
        .filter(({ uri }) => uri.scheme === 'file')
        .map(({ uri }) => uri.fsPath),
    });
  }

  private take({ id, offers, candidates, error }: FromFinder): void {
    if (error) return void this.services.log.warn(`Next edits were not found: ${error}`);
    if (id !== this.asked) return;
    this.offers = offers.map((offer) => ({ ...offer, path: asWritten(offer.path) }));
    this.draw();
    if (this.offers.length > 0) this.rewriter.cancel();
    else if (candidates) this.rewriter.later(candidates);
  }

  /** The model has answered. */
  private add(offer: FoundOffer): void {
    this.offers = [...this.offers, offer];
    this.draw();
  }

  /** What is offered now. */
  private get offer(): FoundOffer | undefined {
    return this.offers[0];
  }

  /** Shows the first offer that was not turned down and can still be taken. */
  private draw(): void {
    this.marks.clear();
    this.offers = this.offers.filter((offer) => !this.refusals.isRefused(offer, offer) && isThere(offer));
    const { offer } = this;
    const document = offer && openDocument(offer);
    if (document) this.marks.show(document, offer.shown);
    this.tellCount();
    this.tellPlace();
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
    const tell = (key: string, value: boolean) => {
      if ((this.told.get(key) ?? false) === value) return;
      this.told.set(key, value);
      void vscode.commands.executeCommand('setContext', key, value);
    };
    tell(THERE, this.offer !== undefined);
    tell(HERE, this.isHere());
  }

  /** Whether the cursor is at what is offered; of several cursors, none is. */
  private isHere(): boolean {
    const editor = vscode.window.activeTextEditor;
    const { offer } = this;
    if (!editor || !offer || editor.selections.length !== 1 || !editor.selection.isEmpty) return false;
    if (editor.document.uri.toString() !== offer.path) return false;
    const place = editor.document.offsetAt(editor.selection.active);
    return place >= offer.parts[0]!.start && place <= offer.parts.at(-1)!.end;
  }

  /** Moves the cursor to the place, in another file as well. */
  private async go(): Promise<void> {
    const { offer } = this;
    if (!offer) return;
    const document = await opened(offer);
    if (!document) return this.drop(offer);
    // Opened just now, it may be another one than was searched.
    const isFound = fits(document, offer);
    const position = document.positionAt(offer.parts[0]!.start);
    await vscode.window.showTextDocument(document, { selection: new vscode.Range(position, position) });
    if (isFound) return this.draw();
    this.drop(offer);
    this.look();
  }

  /** Writes it, as one step of undo, and looks for what is next. */
  private async accept(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const { offer } = this;
    // The editor hears late that there is nothing any more: the key then does what it does without us.
    if (!editor || !offer || !this.isHere()) return void vscode.commands.executeCommand('tab');
    const { document } = editor;
    if (!fits(document, offer)) {
      this.drop(offer);
      return void vscode.commands.executeCommand('tab');
    }
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
    const { offer } = this;
    if (!offer) return;
    this.refusals.refused(offer, offer);
    this.drop(offer);
  }

  private drop(offer: FoundOffer): void {
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
    this.finder.withdraw({ id: this.asked });
    this.rewriter.cancel();
    if (this.offers.length === 0) return;
    this.offers = [];
    this.draw();
  }

  settingsChanged(): void {
    this.watch.look();
    this.withdraw();
  }

  async dispose(): Promise<void> {
    clearTimeout(this.timer);
    this.rewriter.cancel();
    this.disposables.dispose();
    await this.finder.dispose();
  }
}

const openDocument = ({ path }: Pick<FoundOffer, 'path'>): vscode.TextDocument | undefined =>
  vscode.workspace.textDocuments.find(({ uri }) => uri.toString() === path);

/** Undefined if the file is no longer there, or can't be read. */
const opened = ({ path }: FoundOffer): Thenable<vscode.TextDocument | undefined> =>
  vscode.workspace.openTextDocument(vscode.Uri.parse(path, true)).then(
    (document) => document,
    () => undefined,
  );

/** An address as the editor writes it: with more characters by %, and drives in lower case. */
const asWritten = (address: string): string =>
  address.startsWith('file:') ? vscode.Uri.parse(address, true).toString() : address;

/** A file that was searched on disk may be open by now, with another text, or where next edits are turned off. */
function isThere(offer: FoundOffer): boolean {
  const document = openDocument(offer);
  return !document || (isWatched(document) && fits(document, offer));
}

/** Whether the lines are still those that were searched. No position is within Windows' line end. */
function fits(document: vscode.TextDocument, { from, before }: FoundOffer): boolean {
  const lines = before.replace(/\r$/, '');
  const range = new vscode.Range(document.positionAt(from), document.positionAt(from + lines.length));
  return document.getText(range) === lines;
}

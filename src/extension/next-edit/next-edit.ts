/** Next edit: after an edit, the places that want the same one are offered, one by one. */
import * as vscode from 'vscode';
import type { FoundOffer, FromFinder } from '../../next-edit-finder/finder.ts';
import {
  isInLines,
  moved,
  Refusals,
  Steps,
  tabDoes,
  type Change,
  type Start,
  type Step,
} from '../../next-edit/index.ts';
import { reportError } from '../../text/errors.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { askedModel } from './asked-model.ts';
import { Display } from './display.ts';
import { EditWatch, isWatched, type Edited } from './edit-watch.ts';
import { FinderThread } from '../../next-edit-finder/finder-thread.ts';
import * as offered from './offered.ts';
import { Rewriter } from '../../next-edit-finder/rewriter.ts';

/** After so long without a change, the places that want the same one are looked for. */
const PAUSE_MS = 350;
/** So long does Tab wait for what is found after a step; then it is a tab. */
const HELD_MS = 300;

export class NextEdit implements vscode.Disposable {
  private readonly watch = new EditWatch();
  private readonly display = new Display();
  private readonly refusals = new Refusals();
  private readonly steps = new Steps<FoundOffer, Start>();
  private readonly finder: FinderThread;
  private readonly rewriter: Rewriter;
  private readonly disposables: vscode.Disposable;
  private timer: NodeJS.Timeout | undefined;
  private asked = 0;
  private offers: FoundOffer[] = [];
  /** Where Tab goes from. */
  private start: Start | undefined;
  /** The finder has not answered what it was asked last. */
  private isSearching = false;
  /** Ends the wait of a Tab that came meanwhile. */
  private heard = (): void => undefined;
  /** What is being written. */
  private applying: FoundOffer | undefined;
  /** Keys may come faster than the editor moves: each waits for the one before. */
  private turn: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  constructor(private readonly services: ServicesWithCompletion) {
    this.finder = new FinderThread(services.bundle('next-edit-finder.mjs'), {
      answer: (answer) => this.take(answer),
      lost: (why) => {
        this.watch.sendAll();
        this.searched();
        services.log.warn(`Next edits were not looked for: ${why}`);
      },
    });
    this.rewriter = new Rewriter({
      asked: (path) => {
        const document = offered.openDocument({ path });
        return document && askedModel(services.completion, document);
      },
      isBusy: () => services.completion.busy,
      nameOf: (path) => vscode.workspace.asRelativePath(vscode.Uri.parse(path, true), false),
      offer: (offer) => this.add(offer),
      failed: (error) => services.log.warn(`No next edit of the model: ${reportError(error).message}`),
    });
    const command = (name: string, run: (key?: 'tab') => unknown) =>
      vscode.commands.registerCommand(`forgetMeNot.nextEdit.${name}`, run);
    this.disposables = vscode.Disposable.from(
      this.watch,
      this.display,
      command('next', (key) => this.inTurn(() => this.next(key))),
      command('go', () => this.inTurn(() => this.go())),
      command('accept', () => this.inTurn(() => this.accept())),
      command('skip', () => this.skip()),
      command('dismiss', () => this.dismiss()),
      this.watch.onDidChange((change) => this.edited(change)),
      vscode.window.onDidChangeTextEditorSelection(() => this.tell()),
      vscode.window.onDidChangeTextEditorVisibleRanges(() => this.tell()),
      vscode.window.onDidChangeVisibleTextEditors(() => this.draw()),
      vscode.window.onDidChangeActiveTextEditor(() => this.tell()),
    );
  }

  /**
   * What is shown was found in the text from before; it is looked for again after a pause. A document in which nothing
   * is offered, and that the person does not write in, changes nothing: a log, or what a tool writes.
   */
  private edited({ document, changes, reason }: Edited): void {
    const path = document.uri.toString();
    const { applying } = this;
    if (applying?.path === path && offered.isOf(applying, changes)) return this.applied(applying, changes);
    const step = this.stepOf(document, reason);
    if (step) {
      if (reason === vscode.TextDocumentChangeReason.Redo) this.applied(step.offer, changes);
      else this.giveBack(step);
    } else {
      const isOffered = this.offers.some((offer) => offer.path === path);
      if (!isOffered && document !== vscode.window.activeTextEditor?.document) return;
      if (reason === undefined && this.isTyped(path, changes)) this.refusals.typedOn(this.offers);
      this.withdraw();
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), PAUSE_MS);
  }

  /** What was applied, if an undo took it back or a redo made it again. */
  private stepOf(document: vscode.TextDocument, reason: Edited['reason']) {
    const path = document.uri.toString();
    const { Undo, Redo } = vscode.TextDocumentChangeReason;
    if (reason === Undo) return this.steps.undo(path, (offer) => offered.fits(document, offer));
    if (reason === Redo) return this.steps.redo(path, (offer) => offered.isApplied(document, offer));
    this.steps.changed(path);
    return undefined;
  }

  private giveBack({ offer, offers, start }: Step<FoundOffer, Start>): void {
    this.overtake();
    this.refusals.gaveBack(offer);
    this.offers = [...offers];
    this.start = start;
    this.draw();
  }

  /** Whether a person typed it, and not in a place that is offered: they are at something else. */
  private isTyped(path: string, changes: readonly Change[]): boolean {
    const editor = vscode.window.activeTextEditor;
    if (editor?.document.uri.toString() !== path) return false;
    if (this.offers.some((offer) => offer.path === path && !moved(offer, changes))) return false;
    // The editor tells of the cursor only after the change.
    const { start, end } = editor.selection;
    const [from, to] = [editor.document.offsetAt(start), editor.document.offsetAt(end)];
    return changes.some(({ offset, removed }) => offset <= to && offset + removed >= from);
  }

  /** The others stay, where they are now, until the finder has answered again. */
  private applied(offer: FoundOffer, changes: readonly Change[]): void {
    const { path } = offer;
    this.overtake();
    this.refusals.taken(offer);
    this.offers = this.offers.flatMap((other) =>
      other.path === path ? (moved(other, changes) ?? []) : [other],
    );
    const document = offered.openDocument(offer);
    const offset = offered.endOf(offer);
    if (document) this.start = { path, offset, line: document.positionAt(offset).line, isStep: true };
    this.draw();
  }

  private look(): void {
    const editor = vscode.window.activeTextEditor;
    if (!editor || !isWatched(editor.document)) return;
    const edits = this.watch.recent();
    if (edits.length === 0) return this.withdraw();
    const { document, selection } = editor;
    const path = document.uri.toString();
    const place = document.offsetAt(selection.active);
    if (this.start?.path !== path || this.start.offset !== place)
      this.start = { path, offset: place, line: selection.active.line, isStep: false };
    this.isSearching = this.finder.ask({
      id: (this.asked += 1),
      edits,
      ...this.watch.texts(document),
      path,
      place,
      unwanted: [...this.refusals.unwanted],
      candidates: askedModel(this.services.completion, document) !== undefined,
      folders: (vscode.workspace.workspaceFolders ?? [])
        .filter(({ uri }) => uri.scheme === 'file')
        .map(({ uri }) => uri.fsPath),
    });
    this.tell();
  }

  private take({ id, offers, candidates, more, error }: FromFinder): void {
    if (error) this.services.log.warn(`Next edits were not found: ${error}`);
    if (id !== this.asked) return;
    if (!error) {
      const found = offers.map((offer) => ({ ...offer, path: offered.asWritten(offer.path) }));
      const isFound = ({ path, from }: FoundOffer) =>
        found.some((other) => other.path === path && other.from === from);
      // What the model made is not made again, and files are still to be searched.
      const stays = (other: FoundOffer) => other.why === 'model' || (more && !offered.openDocument(other));
      this.offers = [...found, ...this.offers.filter((other) => stays(other) && !isFound(other))];
      if (offers.length > 0) this.rewriter.cancel();
      else if (candidates) this.rewriter.later(candidates);
    }
    this.searched();
    this.draw();
  }

  private searched(): void {
    this.isSearching = false;
    this.heard();
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
    this.offers = this.offers.filter(
      (offer) => !this.refusals.isRefused(offer, offer) && offered.isThere(offer),
    );
    this.display.show(this.offers);
    this.tell();
  }

  private tell(): void {
    // Between two steps, Tab stays what it is.
    if (this.waiting === 0) this.display.tell(this.offer, this.tabDoes(), this.isHere(), this.isHeld());
  }

  /** Of several cursors, none is at an offer. */
  private cursor() {
    const editor = vscode.window.activeTextEditor;
    return editor && offered.cursorOf(editor);
  }

  private tabDoes(): ReturnType<typeof tabDoes> {
    const { offer } = this;
    const cursor = this.cursor();
    return offer && cursor && tabDoes(cursor, offer, this.start, this.refusals.isPassed(offer));
  }

  private isHere(): boolean {
    const { offer } = this;
    const cursor = this.cursor();
    return offer !== undefined && cursor !== undefined && isInLines(cursor, offer);
  }

  /** Whether what comes after a step is still looked for: a Tab now is meant for that. */
  private isHeld(): boolean {
    const { start } = this;
    const cursor = this.cursor();
    const isAtStep = start?.isStep === true && start.path === cursor?.path && start.offset === cursor.offset;
    return this.isSearching && !this.offer && isAtStep;
  }

  private inTurn(step: () => Promise<void>): Promise<void> {
    this.waiting += 1;
    const done = this.turn.then(step).finally(() => {
      this.waiting -= 1;
      this.tell();
    });
    this.turn = done.catch(() => undefined);
    return done;
  }

  /** Goes to what is offered, or applies it where the cursor is. Tab is a tab where it is not ours. */
  private async next(key?: 'tab'): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const version = editor?.document.version;
    if (this.isHeld())
      await new Promise<void>((resolve) => {
        this.heard = resolve;
        setTimeout(resolve, HELD_MS);
      });
    const does = key === 'tab' ? this.tabDoes() : this.isHere() ? 'apply' : 'go';
    if (does === 'apply') return this.accept(key);
    if (does === 'go') return this.go();
    // Typed on while it waited, the key would come too late.
    if (editor?.document.version === version) await vscode.commands.executeCommand('tab');
  }

  /** Moves the cursor to the place, in another file as well. */
  private async go(): Promise<void> {
    const { offer } = this;
    if (!offer) return;
    const document = await offered.opened(offer);
    if (!document) return this.drop(offer);
    // Opened just now, it may be another one than was searched.
    const isFound = offered.fits(document, offer);
    const { start } = offer.shown[0]!;
    const position = document.positionAt(start);
    this.start = { path: offer.path, offset: start, line: position.line, isStep: true };
    const editor = await vscode.window.showTextDocument(document, {
      selection: new vscode.Range(position, position),
    });
    // A key that comes now finds the cursor there.
    editor.selection = new vscode.Selection(position, position);
    if (isFound) return this.draw();
    this.drop(offer);
    this.look();
  }

  /** Writes it, as one step of undo, and looks for what is next. */
  private async accept(key?: 'tab'): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const cursor = this.cursor();
    const { offer, offers } = this;
    if (!editor || !offer || !cursor || !this.isHere()) return;
    const { document } = editor;
    if (!offered.fits(document, offer)) {
      this.drop(offer);
      if (key === 'tab') await vscode.commands.executeCommand('tab');
      return;
    }
    const { path, offset, line } = cursor;
    const ranges = offer.parts.map(({ start, end, text }) => ({
      range: new vscode.Range(document.positionAt(start), document.positionAt(end)),
      text,
    }));
    this.applying = offer;
    const isWritten = await editor.edit((edit) =>
      ranges.forEach(({ range, text }) => edit.replace(range, text)),
    );
    this.applying = undefined;
    // Typed in meanwhile, or not to be written in.
    if (!isWritten) return this.drop(offer);
    this.steps.applied({ offer, offers, start: { path, offset, line, isStep: true } });
    const end = document.positionAt(offered.endOf(offer));
    editor.selection = new vscode.Selection(end, end);
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
    this.offers = this.offers.filter((other) => other !== offer);
    this.draw();
  }

  /** No more of what is offered now: its pattern is not wanted. */
  private dismiss(): void {
    for (const offer of this.offers) this.refusals.unwanted.add(offer.pattern);
    this.withdraw();
  }

  private withdraw(): void {
    this.overtake();
    if (this.offers.length === 0) return;
    this.offers = [];
    this.draw();
  }

  /** What was asked before is no longer wanted. */
  private overtake(): void {
    this.asked += 1;
    this.finder.withdraw({ id: this.asked });
    this.rewriter.cancel();
    this.searched();
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

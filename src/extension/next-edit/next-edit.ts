/** Next edit: after an edit, offers the places that need the same edit, one by one. */
import * as vscode from 'vscode';
import type { FoundOffer, FromFinder } from '../../next-edit-finder/finder.ts';
import {
  inOrder,
  isApplied,
  moveOffer,
  Refusals,
  Steps,
  tabAction,
  type Change,
  type Start,
  type Step,
} from '../../next-edit/index.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { Display } from './display.ts';
import { EditWatch, isWatched, type Edited } from './edit-watch.ts';
import { MissingImports } from './imports.ts';
import { FinderThread } from '../../next-edit-finder/finder-thread.ts';
import * as offered from './offers.ts';

/** Pause after a change before the search starts. */
const PAUSE_MS = 350;
/** How long Tab waits for the search after a step; then it inserts a tab. */
const TAB_WAIT_MS = 300;

export class NextEdit implements vscode.Disposable {
  private readonly watch = new EditWatch();
  private readonly imports = new MissingImports();
  private readonly display = new Display();
  private readonly refusals = new Refusals();
  private readonly steps = new Steps<FoundOffer, Start>();
  private readonly finder: FinderThread;
  private readonly disposables: vscode.Disposable;
  private timer: NodeJS.Timeout | undefined;
  private requestId = 0;
  private offers: FoundOffer[] = [];
  /** The patterns that the user's last edit is part of. */
  private continued: ReadonlySet<string> = new Set();
  /** Where the next Tab starts. */
  private start: Start | undefined;
  /** Where the newest change ends: the cursor may have left it. */
  private editedAt: { path: string; offset: number } | undefined;
  /** Whether the finder still has to answer the last request. */
  private isSearching = false;
  /** Ends the wait of a Tab pressed during the search. */
  private onSearched = (): void => undefined;
  /** The offer that is being applied. */
  private applying: FoundOffer | undefined;
  /** Keys may come faster than the editor moves: each waits for the previous one. */
  private lastTurn: Promise<unknown> = Promise.resolve();
  private pendingTurns = 0;

  constructor(private readonly services: ServicesWithCompletion) {
    this.finder = new FinderThread(services.bundle('next-edit-finder.mjs'), {
      answer: (answer) => this.receive(answer),
      lost: (why) => {
        this.watch.sendAll();
        this.searched();
        services.log.warn(`Next edits were not looked for: ${why}`);
      },
    });
    const command = (name: string, run: (key?: 'tab') => unknown) =>
      vscode.commands.registerCommand(`forgetMeNot.nextEdit.${name}`, run);
    this.disposables = vscode.Disposable.from(
      this.watch,
      this.imports,
      this.display,
      command('next', (key) => this.inTurn(() => this.next(key))),
      command('go', () => this.inTurn(() => this.go())),
      command('accept', () => this.inTurn(() => this.accept())),
      command('skip', () => this.skip()),
      command('dismiss', () => this.dismiss()),
      this.watch.onDidChange((change) => {
        this.imports.record(change);
        this.edited(change);
      }),
      this.imports.onDidChange(() => this.updateImports()),
      services.completion.acceptance.onDidChangeShown(() => this.updateKeys()),
      vscode.window.onDidChangeTextEditorSelection(() => this.moved()),
      vscode.window.onDidChangeTextEditorVisibleRanges(() => this.updateKeys()),
      vscode.window.onDidChangeVisibleTextEditors(() => this.draw()),
      vscode.window.onDidChangeActiveTextEditor(() => this.moved()),
    );
  }

  /**
   * The offers refer to the old text, so a new search starts after a pause. Changes in a document without offers that
   * the user is not editing are ignored: a log, or the output of a tool.
   */
  private edited({ document, changes, reason }: Edited): void {
    const path = document.uri.toString();
    const { applying } = this;
    if (applying?.path === path && offered.isChangeOf(applying, changes))
      return this.applied(applying, changes);
    const step = this.stepOf(document, reason);
    if (step) {
      if (reason === vscode.TextDocumentChangeReason.Redo) this.applied(step.offer, changes);
      else this.restoreOffers(step);
    } else {
      const isOffered = this.offers.some((offer) => offer.path === path);
      if (!isOffered && document !== vscode.window.activeTextEditor?.document) return;
      if (reason === undefined && this.isTyped(path, changes)) this.refusals.recordPassed(this.offers);
      this.clearOffers();
    }
    const [change] = changes;
    this.editedAt = change && { path, offset: change.offset + change.inserted };
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.search(), PAUSE_MS);
  }

  /** The step that this undo or redo concerns, if any. */
  private stepOf(document: vscode.TextDocument, reason: Edited['reason']) {
    const path = document.uri.toString();
    const { Undo, Redo } = vscode.TextDocumentChangeReason;
    if (reason === Undo) return this.steps.undo(path, (offer) => offered.matchesBefore(document, offer));
    if (reason === Redo) return this.steps.redo(path, (offer) => offered.matchesAfter(document, offer));
    this.steps.changed(path);
    return undefined;
  }

  private restoreOffers({ offer, offers, start }: Step<FoundOffer, Start>): void {
    this.invalidateRequests();
    this.refusals.recordUndone(offer);
    this.offers = [...offers];
    this.start = start;
    this.draw();
  }

  /** Whether the user typed it, outside of the offered places: they have moved on to something else. */
  private isTyped(path: string, changes: readonly Change[]): boolean {
    const selected = offered.selectedIn(path);
    if (!selected) return false;
    if (this.offers.some((offer) => offer.path === path && !moveOffer(offer, changes))) return false;
    const { from, to } = selected;
    return changes.some(({ offset, removed }) => offset <= to && offset + removed >= from);
  }

  /** The other offers stay, at their new positions, until the finder has answered again. */
  private applied(offer: FoundOffer, changes: readonly Change[]): void {
    const { path } = offer;
    this.invalidateRequests();
    this.refusals.recordAccepted(offer);
    this.offers = this.offers.flatMap((other) =>
      other.path === path ? (moveOffer(other, changes) ?? []) : [other],
    );
    const document = offered.openDocument(offer);
    const offset = offered.endAfterEdit(offer);
    if (document) this.start = { path, offset, line: document.positionAt(offset).line, isStep: true };
    this.draw();
  }

  private search(): void {
    const editor = vscode.window.activeTextEditor;
    if (!editor || !isWatched(editor.document)) return;
    const edits = this.watch.recent();
    if (edits.length === 0) {
      this.clearOffers();
      return this.updateImports();
    }
    const { document, selection } = editor;
    const path = document.uri.toString();
    const place = document.offsetAt(selection.active);
    if (this.start?.path !== path || this.start.offset !== place)
      this.start = { path, offset: place, line: selection.active.line, isStep: false };
    this.isSearching = this.finder.ask({
      id: (this.requestId += 1),
      edits,
      ...this.watch.texts(document),
      path,
      place,
      editedAt: this.editedAt?.path === path ? this.editedAt.offset : undefined,
      unwanted: [...this.refusals.unwanted],
      folders: (vscode.workspace.workspaceFolders ?? [])
        .filter(({ uri }) => uri.scheme === 'file')
        .map(({ uri }) => uri.fsPath),
    });
    this.updateKeys();
  }

  private receive({ id, offers, continued = [], more, error }: FromFinder): void {
    if (error) this.services.log.warn(`Next edits were not found: ${error}`);
    if (id !== this.requestId) return;
    if (!error) {
      const found = offers
        .map((offer) => ({ ...offer, path: offered.normalizeUri(offer.path) }))
        .filter(offered.isWanted);
      const isFound = ({ path, from }: FoundOffer) =>
        found.some((other) => other.path === path && other.from === from);
      // Files on disk are still to be searched.
      const stays = (other: FoundOffer) => more && !offered.openDocument(other) && !isFound(other);
      this.offers = [...this.imports.offers, ...found, ...this.offers.filter(stays)];
      this.continued = new Set(continued);
    }
    this.searched();
    this.draw();
  }

  private updateImports(): void {
    this.offers = [...this.imports.offers, ...this.offers.filter((offer) => !offer.import)];
    this.draw();
  }

  private searched(): void {
    this.isSearching = false;
    this.onSearched();
  }

  /** The current offer. */
  private get offer(): FoundOffer | undefined {
    return this.offers[0];
  }

  /** Shows the first offer that was not refused and can still be applied. */
  private draw(): void {
    const left = this.offers.filter((offer) => !this.refusals.isRefused(offer) && offered.isCurrent(offer));
    this.offers = inOrder(left, this.cursor());
    this.display.show(this.offers);
    this.updateKeys();
  }

  /** Another offer comes first where an import is applied from. */
  private moved(): void {
    if (inOrder(this.offers, this.cursor())[0] === this.offer) this.updateKeys();
    else this.draw();
  }

  private updateKeys(): void {
    // Between two steps, the meaning of Tab stays the same.
    if (this.pendingTurns > 0) return;
    const [does, shouldTabWait] = [this.tabMeaning(), this.shouldTabWait()];
    const { offer, services } = this;
    // Ghost text comes before the import of a name.
    services.completion.isTabTaken = (does !== undefined && !offer?.import) || shouldTabWait;
    const hasHint = !(offer?.import && services.completion.acceptance.isShowing);
    this.display.updateKeys(offer, does, { isHere: this.isHere(), shouldTabWait, hasHint });
  }

  /** Undefined with several cursors. */
  private cursor() {
    const editor = vscode.window.activeTextEditor;
    return editor && offered.cursorOf(editor);
  }

  private tabMeaning(): ReturnType<typeof tabAction> {
    const { offer } = this;
    const cursor = this.cursor();
    if (!offer || !cursor) return undefined;
    const isContinued = this.start?.isStep === true || this.continued.has(offer.pattern);
    return tabAction(cursor, offer, this.start, !isContinued || this.refusals.isPassed(offer));
  }

  private isHere(): boolean {
    const { offer } = this;
    const cursor = this.cursor();
    return offer !== undefined && cursor !== undefined && isApplied(cursor, offer);
  }

  /** Whether the search after a step is still running: a Tab now is meant for its result. */
  private shouldTabWait(): boolean {
    const { start } = this;
    const cursor = this.cursor();
    const isAtStep = start?.isStep === true && start.path === cursor?.path && start.offset === cursor.offset;
    const isNone = !this.offer || (this.offer.import !== undefined && !this.isHere());
    return this.isSearching && isNone && isAtStep;
  }

  private inTurn(step: () => Promise<void>): Promise<void> {
    this.pendingTurns += 1;
    const done = this.lastTurn.then(step).finally(() => {
      this.pendingTurns -= 1;
      this.updateKeys();
    });
    this.lastTurn = done.catch(() => undefined);
    return done;
  }

  /** Goes to the offer, or applies it if the cursor is there. Otherwise Tab inserts a tab. */
  private async next(key?: 'tab'): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const version = editor?.document.version;
    if (this.shouldTabWait())
      await new Promise<void>((resolve) => {
        this.onSearched = resolve;
        setTimeout(resolve, TAB_WAIT_MS);
      });
    const does = key === 'tab' ? this.tabMeaning() : this.isHere() ? 'apply' : 'go';
    if (does === 'apply') return this.accept(key);
    if (does === 'go') return this.go();
    // If the user typed on meanwhile, the key would come too late.
    if (editor?.document.version === version) await vscode.commands.executeCommand('tab');
  }

  /** Moves the cursor to where the offer is applied from, even in another file. */
  private async go(): Promise<void> {
    const { offer } = this;
    if (!offer) return;
    if (offer.import && this.isHere()) return this.accept();
    const document = await offered.openOffered(offer);
    if (!document) return this.remove(offer);
    // The file may have changed since it was searched.
    const isFound = offered.matchesBefore(document, offer);
    const start = offer.import?.at ?? offer.shown[0]!.start;
    const position = document.positionAt(start);
    this.start = { path: offer.path, offset: start, line: position.line, isStep: true };
    const editor = await vscode.window.showTextDocument(document, {
      selection: new vscode.Range(position, position),
    });
    // So that the next key finds the cursor there.
    editor.selection = new vscode.Selection(position, position);
    if (isFound) return this.draw();
    this.remove(offer);
    this.search();
  }

  /** Applies the offer as one undo step, and searches for the next one. */
  private async accept(key?: 'tab'): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const cursor = this.cursor();
    const { offer, offers } = this;
    if (!editor || !offer || !cursor || !this.isHere()) return;
    const { document } = editor;
    if (!offered.matchesBefore(document, offer)) {
      this.remove(offer);
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
    // The document was changed meanwhile, or is read-only.
    if (!isWritten) return this.remove(offer);
    this.steps.applied({ offer, offers, start: { path, offset, line, isStep: true } });
    if (!offer.import) {
      const end = document.positionAt(offered.endAfterEdit(offer));
      editor.selection = new vscode.Selection(end, end);
    }
    clearTimeout(this.timer);
    this.search();
  }

  private skip(): void {
    const { offer } = this;
    if (!offer) return;
    this.refusals.recordRefused(offer);
    this.remove(offer);
  }

  private remove(offer: FoundOffer): void {
    this.offers = this.offers.filter((other) => other !== offer);
    this.draw();
  }

  /** Dismisses all offers, and refuses their patterns and places from now on. */
  private dismiss(): void {
    this.refusals.recordDismissed(this.offers);
    this.clearOffers();
  }

  private clearOffers(): void {
    this.invalidateRequests();
    if (this.offers.length === 0) return;
    this.offers = [];
    this.draw();
  }

  /** Answers to earlier requests are ignored from now on. */
  private invalidateRequests(): void {
    this.requestId += 1;
    this.finder.cancel({ id: this.requestId });
    this.searched();
  }

  settingsChanged(): void {
    this.watch.followVisible();
    this.clearOffers();
  }

  async dispose(): Promise<void> {
    clearTimeout(this.timer);
    this.disposables.dispose();
    await this.finder.dispose();
  }
}

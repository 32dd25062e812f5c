/** Ghost text: hands the suggestions of the completion core to the editor. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import * as vscode from 'vscode';
import {
  createCompleter,
  type Completer,
  type Completion,
  type CursorDocument,
  type DropReason,
  type PartsSource,
} from '../../completion/index.ts';
import type { Turn } from '../../findings/by-turns.ts';
import { toServerRequest, type CompletionClient } from '../../serving/client/completion-client.ts';
import type { AcceptanceWatch, ShownItem } from './acceptance.ts';
import { SuggestTrigger } from './suggest-trigger.ts';
import { ReadAhead } from './read-ahead.ts';
import { placeOf, RecentFiles } from './recent-files.ts';
import { isRemote, versionOf, type CompletionModel } from './completion-model.ts';
import { settings } from '../settings.ts';

/** Lines read around the cursor; a limit, so that a key press is as fast in a long file. */
const LINES = { before: 2000, after: 500 };

/** The model that completes, and its server. */
export interface CompletionHost {
  /** The model that completes this document now. `held`: the turn of what is shown, or asked for, which keeps its model. */
  modelFor(document: vscode.TextDocument, held?: Turn): CompletionModel | undefined;
  /** Whether a next edit has Tab, which ghost text would take away. */
  readonly isTabTaken: boolean;
  /** The server of a model, here or elsewhere; it starts at the first request. */
  serving(model: CompletionModel): CompletionClient;
  /** How far to trust the model's probabilities, as learned from the person's use of suggestions in the language. */
  trustIn(document: vscode.TextDocument): number;
  /** Supplies parts of the repository's files for the prompt; undefined if the model may not get any. */
  partsAt(
    document: vscode.TextDocument,
    position: vscode.Position,
    model: CompletionModel,
  ): PartsSource | undefined;
  /** Whether the model's server runs on this machine. */
  isServedLocally(model: CompletionModel): boolean;
  /** Runs a request that reaches the model. */
  trackRequest<T>(request: () => Promise<T>): Promise<T>;
  /** Reports how long the model's answer, or its first line, took, and why it is not shown. */
  answered(milliseconds: number, dropped?: DropReason): void;
  failed(error: unknown): void;
}

/** A place in a document, and the model that completes there. */
interface CompletionPlace {
  model: CompletionModel;
  document: vscode.TextDocument;
  position: vscode.Position;
  /** The entry of the editor's own list that is selected. */
  selected: vscode.SelectedCompletionInfo | undefined;
}

export class GhostText implements vscode.InlineCompletionItemProvider, vscode.Disposable {
  private readonly recent = new RecentFiles();
  private readonly trigger: SuggestTrigger;
  private readonly ahead = new ReadAhead((document, position) => this.readAhead(document, position));
  private completer: { version: string; model: CompletionModel; core: Completer } | undefined;
  /** The request in progress, and what aborts it. */
  private waiting: { place: CompletionPlace; stop: AbortController } | undefined;
  private readonly moves = vscode.Disposable.from(
    vscode.window.onDidChangeActiveTextEditor(() => this.cancelWaiting()),
    vscode.window.onDidChangeTextEditorSelection((event) => this.moved(event)),
  );

  constructor(
    private readonly service: CompletionHost,
    private readonly acceptance: AcceptanceWatch,
    extensionId: string,
  ) {
    this.trigger = new SuggestTrigger(extensionId, this);
  }

  /** Answers at once: what is not known yet is shown when the editor asks again. */
  async provideInlineCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
    { triggerKind, selectedCompletionInfo: selected }: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem[]> {
    this.acceptance.selectionChanged(selected?.text ?? '');
    const own = this.trigger.ownRequest(document, position);
    // An answer that arrives when another model has its turn is still shown.
    const held = (own && this.waiting?.place.model.turn) ?? this.acceptance.shownTurn(document);
    const model = this.service.modelFor(document, held);
    this.cancelWaiting();
    const isInvoked = triggerKind === vscode.InlineCompletionTriggerKind.Invoke && !own;
    if (!model) return [];
    if (selected && !settings.besideSuggestList(document)) {
      // The extension's default of `showOnSuggestConflict` would leave what is shown beside the list.
      void vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
      return [];
    }
    // Once triggered, the editor keeps asking. A suggestion already shown keeps Tab and may grow.
    const isWanted = !this.service.isTabTaken && settings.inlineSuggestions(document);
    if (!isInvoked && !own?.shown && !isWanted) return [];
    const place = { model, document, position, selected };
    const stop = new AbortController();
    this.waiting = { place, stop };
    const { signal } = stop;
    if (isInvoked) return this.provideInvoked(place, signal, token);
    const answer = this.find(place, signal, own !== undefined);
    const result = await Promise.race([answer, nextTurn('later' as const)]);
    if (token.isCancellationRequested) return [];
    if (result === 'later' || (result && result.delay > 0)) {
      this.trigger.triggerWhen(this.isReadyToShow(answer, signal), { document, position, shown: '' });
      return [];
    }
    return this.show(place, result);
  }

  /** Resolves when the completion may appear, to whether there is one to show. */
  private async isReadyToShow(
    answer: Promise<Completion | undefined>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const completion = await answer;
    if (completion?.delay) await sleep(completion.delay);
    return completion !== undefined && !signal.aborted;
  }

  /** The user asked with a key, and sees the editor wait. */
  private async provideInvoked(
    place: CompletionPlace,
    signal: AbortSignal,
    token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem[]> {
    const cancelled = token.onCancellationRequested(() => this.cancelWaiting());
    try {
      const asked = { ...this.inputAt(place), signal, invoked: true };
      const completion = await this.coreFor(place.model).complete(asked);
      return signal.aborted ? [] : this.show(place, completion, true);
    } catch (error) {
      this.failed(error, signal);
      return [];
    } finally {
      cancelled.dispose();
    }
  }

  /** The completion while the user types; undefined if there is none, or if it fails. */
  private async find(
    place: CompletionPlace,
    signal: AbortSignal,
    isDue: boolean,
  ): Promise<Completion | undefined> {
    try {
      return await this.coreFor(place.model).complete({ ...this.inputAt(place), signal, isDue });
    } catch (error) {
      return this.failed(error, signal);
    }
  }

  private failed(error: unknown, signal: AbortSignal): undefined {
    if (!signal.aborted) this.service.failed(error);
  }

  private show(
    place: CompletionPlace,
    completion: Completion | undefined,
    isInvoked = false,
  ): vscode.InlineCompletionItem[] {
    const { model, document, position, selected } = place;
    const text = completion && withSelectedEntry(completion.text, place);
    if (text === undefined) {
      this.acceptance.hide();
      return [];
    }
    if (completion?.more && !selected)
      this.trigger.triggerWhen(completion.more, { document, position, shown: completion.text });
    this.acceptance.show({ ...shownItem(place, text), isInvoked });
    return [item(model.id, text, selected?.range ?? new vscode.Range(position, position))];
  }

  private cancelWaiting(): void {
    this.waiting?.stop.abort();
    this.waiting = undefined;
  }

  /** Cancels the request when the cursor moves away; after a key, the editor asks again. */
  private moved({ textEditor, selections }: vscode.TextEditorSelectionChangeEvent): void {
    const { place } = this.waiting ?? {};
    if (place?.document !== textEditor.document || selections[0]?.active.isEqual(place.position)) return;
    this.cancelWaiting();
  }

  /** The input of the completion core for a place. */
  private inputAt(place: CompletionPlace) {
    const { model, document, position } = place;
    return {
      ...cursorDocument(model, document, position),
      adapter: model.id,
      selections: selectionLengths(document),
      // The consent for a remote model covers only what the user has opened.
      files: () => this.recent.othersInFolder(document, model.folders, isRemote(model)),
      parts: this.service.partsAt(document, position, model),
      ...settings.forCompletion(document),
      trust: this.service.trustIn(document),
      canShow: (text: string) => withSelectedEntry(text, place) !== undefined,
    };
  }

  private readAhead(document: vscode.TextDocument, position: vscode.Position): void {
    const held = this.waiting?.place.model.turn ?? this.acceptance.shownTurn(document);
    const model = this.service.modelFor(document, held);
    if (!model || !this.service.isServedLocally(model)) return;
    void this.coreFor(model).readAhead(this.inputAt({ model, document, position, selected: undefined }));
  }

  /** Files or folders (absolute paths) have changed of which the prompt may have snippets. */
  filesChanged(files: readonly string[]): void {
    const { completer } = this;
    if (!completer) return;
    const places = files.map((file) => placeOf({ uri: vscode.Uri.file(file) }, completer.model.folders));
    completer.core.filesChanged(places.flatMap((place) => place?.path ?? []));
  }

  /** The completion core of a model, with its cache; a new one if the model has changed. */
  private coreFor(model: CompletionModel): Completer {
    const version = versionOf(model);
    if (this.completer?.version === version) return this.completer.core;
    this.completer?.core.reset();
    const { service } = this;
    const core = createCompleter({
      fillInTheMiddle: () => service.serving(model).fillInTheMiddle(),
      onAnswer: (milliseconds, dropped) => service.answered(milliseconds, dropped),
      ahead: true,
      calibration: model.calibration,
      wholeRepositories: model.wholeRepositories,
      request: (asked, signal, onText) => {
        const request = { ...toServerRequest(asked), model: model.requested, confidence: true };
        const ask = () => service.serving(model).stream(request, onText, signal);
        // No one waits for a prompt that is only read ahead.
        return asked.maxTokens > 0 ? service.trackRequest(ask) : ask();
      },
    });
    this.completer = { version, model, core };
    return core;
  }

  dispose(): void {
    this.forget();
    this.moves.dispose();
    this.ahead.dispose();
    this.recent.dispose();
  }

  /** Hides the suggestion even if more of it is still to come. */
  dismiss(): Promise<void> {
    this.acceptance.hide();
    return this.trigger.dismiss();
  }

  /** Stops running requests and clears the cache. */
  forget(): void {
    this.cancelWaiting();
    this.acceptance.hide();
    this.trigger.stop();
    this.completer?.core.reset();
    this.completer = undefined;
  }
}

/** With the suggestion list open, ghost text has to begin with the selected entry; undefined if it does not. */
function withSelectedEntry(
  text: string,
  { document, position, selected }: CompletionPlace,
): string | undefined {
  if (!selected) return text;
  const whole = document.getText(new vscode.Range(selected.range.start, position)) + text;
  return whole.startsWith(selected.text) && whole.length > selected.text.length ? whole : undefined;
}

function item(model: string, text: string, range: vscode.Range): vscode.InlineCompletionItem {
  const completionItem = new vscode.InlineCompletionItem(text, range);
  completionItem.command = {
    command: 'forgetMeNot.completionAccepted',
    title: 'Completion Accepted',
    arguments: [model],
  };
  return completionItem;
}

function shownItem(
  { model, document, position, selected }: CompletionPlace,
  text: string,
): Omit<ShownItem, 'isInvoked'> {
  const offset = document.offsetAt(selected?.range.start ?? position);
  const ending = document.eol === vscode.EndOfLine.CRLF ? '\r\n' : '\n';
  return {
    model: model.id,
    turn: model.turn,
    document,
    offset,
    text: text.replace(/\r?\n/g, ending),
    selected: selected?.text ?? '',
    written: document.offsetAt(position) - offset,
  };
}

function cursorDocument(
  { folders }: CompletionModel,
  document: vscode.TextDocument,
  position: vscode.Position,
): CursorDocument {
  const first = new vscode.Position(Math.max(0, position.line - LINES.before), 0);
  const last = document.lineAt(Math.min(document.lineCount - 1, position.line + LINES.after)).range.end;
  const end = document.lineAt(document.lineCount - 1).range.end;
  const place = placeOf(document, folders);
  return {
    path: document.uri.toString(),
    languageId: document.languageId,
    before: document.getText(new vscode.Range(first, position)),
    after: document.getText(new vscode.Range(position, last)),
    crlf: document.eol === vscode.EndOfLine.CRLF,
    hidden: {
      before: document.offsetAt(first),
      after: document.offsetAt(end) - document.offsetAt(last),
    },
    ...(place && { place }),
  };
}

/** Length of each selection in the document; [0] if it isn't in the active editor. */
function selectionLengths(document: vscode.TextDocument): number[] {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document !== document) return [0];
  return editor.selections.map(
    (selection) => document.offsetAt(selection.end) - document.offsetAt(selection.start),
  );
}

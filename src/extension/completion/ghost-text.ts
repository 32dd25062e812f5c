/** Ghost text: hands the suggestions of the completion core to the editor. */
import * as vscode from 'vscode';
import {
  createCompleter,
  leastChance,
  type Completer,
  type CursorDocument,
  type PartsSource,
} from '../../completion/index.ts';
import { toServer, type CompletionEngine } from '../../serving/client/completion-engine.ts';
import type { AcceptanceWatch, ShownItem } from './acceptance.ts';
import { ReadAhead } from './read-ahead.ts';
import { placeOf, RecentFiles } from './recent-files.ts';
import type { CompletionModel } from './completion-model.ts';
import { settings } from '../settings.ts';
import { SuggestionGrowth } from './suggestion-growth.ts';
import type { UseRecorder } from './use-recorder.ts';

/** Lines around the cursor that are read, so that a key press costs no more in a long file. */
const LINES = { before: 2000, after: 500 };

/** The model that completes, and its server. */
export interface Completing {
  readonly recorder: UseRecorder;
  /** The model that completes this document now. */
  modelFor(document: vscode.TextDocument): CompletionModel | undefined;
  /** The server of a model, here or elsewhere; it starts at the first request. */
  serving(model: CompletionModel): CompletionEngine;
  /** Gives parts of the repository's files for a prompt at this place; undefined if the model may not have any. */
  partsAt(
    document: vscode.TextDocument,
    position: vscode.Position,
    model: CompletionModel,
  ): PartsSource | undefined;
  /** Whether the model's server is one of this machine, and runs. */
  isServingHere(model: CompletionModel): boolean;
  /** Runs a request that reaches the engine. */
  busyWith<T>(request: () => Promise<T>): Promise<T>;
  /** The engine's answer, or its first line, took so long. */
  answered(milliseconds: number): void;
  failed(error: unknown): void;
}

export class GhostText implements vscode.InlineCompletionItemProvider, vscode.Disposable {
  private readonly recent = new RecentFiles();
  private readonly growth = new SuggestionGrowth();
  private readonly ahead = new ReadAhead((document, position) => this.readAhead(document, position));
  private completer: { model: string; core: Completer } | undefined;

  constructor(
    private readonly service: Completing,
    private readonly acceptance: AcceptanceWatch,
  ) {}

  async provideInlineCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
    { triggerKind, selectedCompletionInfo: selected }: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem[]> {
    this.acceptance.selects(selected?.text ?? '');
    const asked = triggerKind === vscode.InlineCompletionTriggerKind.Invoke && !this.growth.asksNow();
    const chosen = this.service.modelFor(document);
    if (!chosen || (selected && !settings.besideSuggestList(document))) return [];
    const stop = new AbortController();
    const cancelled = token.onCancellationRequested(() => stop.abort());
    try {
      const at = cursorDocument(chosen, document, position, selected);
      const core = this.coreFor(chosen);
      const input = {
        ...at,
        ...this.aroundIt(document, position, chosen),
        invoked: asked,
        least: leastChance[settings.show(document)],
        signal: stop.signal,
      };
      const completion = await core.complete(input);
      if (completion?.more && !selected) this.growth.watch(document, position, completion);
      if (token.isCancellationRequested) return [];
      // Alternatives are wanted if the user triggered a completion that is already shown, or if the likeliest one is
      // empty.
      const others =
        input.invoked && completion?.source !== 'engine'
          ? await core.alternatives(input, completion?.text ?? '')
          : [];
      const [first, ...more] = completion ? [completion.text, ...others] : others;
      if (token.isCancellationRequested) return [];
      if (first === undefined) {
        this.acceptance.hide();
        return [];
      }
      const shown = shownItem(chosen.id, document, [first, ...more], position, selected);
      this.acceptance.show({
        ...shown,
        listener: this.listenerFor(chosen, document, at, selected, position),
      });
      return [first, ...more].map((text) => item(chosen.id, text, position, selected));
    } catch (error) {
      if (!stop.signal.aborted) this.service.failed(error);
      return [];
    } finally {
      cancelled.dispose();
    }
  }

  /** What a completion needs besides the document. */
  private aroundIt(document: vscode.TextDocument, position: vscode.Position, model: CompletionModel) {
    const parts = this.service.partsAt(document, position, model);
    return {
      adapter: model.id,
      selections: selectionLengths(document),
      files: () => this.recent.beside(document, model.folders),
      ...(parts && { parts }),
    };
  }

  private readAhead(document: vscode.TextDocument, position: vscode.Position): void {
    const model = this.service.modelFor(document);
    if (!model || !this.service.isServingHere(model)) return;
    const at = cursorDocument(model, document, position, undefined);
    void this.coreFor(model).readAhead({ ...at, ...this.aroundIt(document, position, model) });
  }

  /** The listener that learns what the user does with the completion shown. */
  private listenerFor(
    model: CompletionModel,
    document: vscode.TextDocument,
    at: CursorDocument,
    selected: vscode.SelectedCompletionInfo | undefined,
    position: vscode.Position,
  ) {
    // The selected suggestion is part of the completion shown, not of the text before it.
    const before = at.before.slice(0, at.before.length - (selected?.text.length ?? 0));
    const end = document.offsetAt(selected?.range.end ?? position);
    return this.service.recorder.listenerFor({ model, document, at: { ...at, before }, end });
  }

  /** The completion core of a model, with its cache. */
  private coreFor(model: CompletionModel): Completer {
    if (this.completer?.model === model.id) return this.completer.core;
    this.completer?.core.reset();
    const { service } = this;
    const core = createCompleter({
      fillInTheMiddle: () => service.serving(model).fillInTheMiddle(),
      maxTokens: () => settings.maxTokens,
      ...(settings.debounceMs === undefined ? {} : { debounceMs: settings.debounceMs }),
      onAnswer: (milliseconds) => service.answered(milliseconds),
      ahead: true,
      ...(model.calibration ? { calibration: model.calibration } : {}),
      wholeRepositories: model.wholeRepositories,
      request: (asked, signal, onText) => {
        const request = { ...toServer(asked), model: model.requested, confidence: true };
        const ask = () => service.serving(model).stream(request, onText, signal);
        // Nobody waits for a prompt that is only read.
        return asked.maxTokens > 0 ? service.busyWith(ask) : ask();
      },
    });
    this.completer = { model: model.id, core };
    return core;
  }

  dispose(): void {
    this.forget();
    this.ahead.dispose();
    this.recent.dispose();
  }

  /** Hides the suggestion although more of it is still to come. */
  dismiss(): Promise<void> {
    this.acceptance.hide();
    return this.growth.dismiss();
  }

  /** Stops running requests and clears the cache. */
  forget(): void {
    this.acceptance.hide();
    this.growth.stop();
    this.completer?.core.reset();
    this.completer = undefined;
  }
}

/** With the suggestion list open, ghost text has to start with the selected entry. */
const placed = (
  text: string,
  position: vscode.Position,
  selected: vscode.SelectedCompletionInfo | undefined,
) => ({
  whole: (selected?.text ?? '') + text,
  range: selected?.range ?? new vscode.Range(position, position),
});

function item(
  model: string,
  text: string,
  position: vscode.Position,
  selected: vscode.SelectedCompletionInfo | undefined,
): vscode.InlineCompletionItem {
  const { whole, range } = placed(text, position, selected);
  const made = new vscode.InlineCompletionItem(whole, range);
  made.command = {
    command: 'forgetMeNot.completionAccepted',
    title: 'Completion Accepted',
    arguments: [model],
  };
  return made;
}

function shownItem(
  model: string,
  document: vscode.TextDocument,
  texts: readonly [string, ...string[]],
  position: vscode.Position,
  selected: vscode.SelectedCompletionInfo | undefined,
): ShownItem {
  const { range } = placed('', position, selected);
  const offset = document.offsetAt(range.start);
  const written = document.offsetAt(position) - offset;
  const ending = document.eol === vscode.EndOfLine.CRLF ? '\r\n' : '\n';
  return {
    model,
    document,
    offset,
    texts: texts.map((text) => placed(text, position, selected).whole.replace(/\r?\n/g, ending)) as [string],
    selected: selected?.text ?? '',
    written,
  };
}

function cursorDocument(
  { folders }: CompletionModel,
  document: vscode.TextDocument,
  position: vscode.Position,
  selected: vscode.SelectedCompletionInfo | undefined,
): CursorDocument {
  const from = selected?.range.start ?? position;
  const to = selected?.range.end ?? position;
  const first = new vscode.Position(Math.max(0, from.line - LINES.before), 0);
  const last = document.lineAt(Math.min(document.lineCount - 1, to.line + LINES.after)).range.end;
  const end = document.lineAt(document.lineCount - 1).range.end;
  const place = placeOf(document, folders);
  return {
    path: document.uri.toString(),
    languageId: document.languageId,
    before: document.getText(new vscode.Range(first, from)) + (selected?.text ?? ''),
    after: document.getText(new vscode.Range(to, last)),
    hidden: {
      before: document.offsetAt(first),
      after: document.offsetAt(end) - document.offsetAt(last),
    },
    ...(place && { place }),
  };
}

/** Length of each selection in the document; one empty one when it isn't in the active editor. */
function selectionLengths(document: vscode.TextDocument): number[] {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document !== document) return [0];
  return editor.selections.map(
    (selection) => document.offsetAt(selection.end) - document.offsetAt(selection.start),
  );
}

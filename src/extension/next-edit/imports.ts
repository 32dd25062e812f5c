/** Looks among the quick fixes of the language's own extension for the import of a name that was just written. */
import * as vscode from 'vscode';
import type { FoundOffer } from '../../next-edit-finder/finder.ts';
import {
  importOffer,
  mayLackImport,
  shownLines,
  WrittenRanges,
  type QuickFix,
} from '../../next-edit/index.ts';
import { isWatched, type Edited } from './edit-watch.ts';
import * as offered from './offers.ts';

/** Pause after a change or a report before the search starts: reports come in groups. */
const PAUSE_MS = 250;
/** Problems for which fixes are asked at once, the nearest to the cursor. */
const MAX_PROBLEMS = 3;
/** Fixes whose edits are asked for. */
const MAX_FIXES = 10;

export class MissingImports implements vscode.Disposable {
  private readonly written = new Map<string, WrittenRanges>();
  private found: { document: vscode.TextDocument; version: number; offers: FoundOffer[] } | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Of the newest search. */
  private searchId = 0;
  /** When the last search has ended. */
  private searched: Promise<void> = Promise.resolve();
  private readonly changed = new vscode.EventEmitter<void>();
  /** Other offers were found in the active document. */
  readonly onDidChange = this.changed.event;
  private readonly disposables = vscode.Disposable.from(
    this.changed,
    vscode.languages.onDidChangeDiagnostics(({ uris }) => {
      const document = vscode.window.activeTextEditor?.document;
      if (document && uris.some((uri) => uri.toString() === document.uri.toString())) this.searchSoon();
    }),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => this.written.delete(uri.toString())),
  );

  record({ document, changes }: Edited): void {
    const path = document.uri.toString();
    const written = this.written.get(path) ?? new WrittenRanges();
    this.written.set(path, written);
    written.change(changes, Date.now(), offered.selectedIn(path));
    if (document === vscode.window.activeTextEditor?.document) this.searchSoon();
  }

  /** Of the active document as it is now. */
  get offers(): readonly FoundOffer[] {
    const { found } = this;
    const isCurrent =
      found?.document === vscode.window.activeTextEditor?.document &&
      found?.version === found?.document.version;
    return isCurrent ? (found?.offers ?? []) : [];
  }

  /** Searches after a pause, and once the last search has ended: the language's extension answers one by one. */
  private searchSoon(): void {
    const id = (this.searchId += 1);
    const search = () => this.search(id);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.searched = this.searched.then(search, search)), PAUSE_MS);
  }

  /** Asks for the fixes of what was written in the active document and has an error, until there is a newer search. */
  private async search(id: number): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!editor || id !== this.searchId || !isWatched(editor.document)) return;
    const { document } = editor;
    const { version } = document;
    const offers: FoundOffer[] = [];
    for (const range of this.unknownNames(editor)) {
      const offer = offerOf(document, range, await fixesOf(document, range));
      if (id !== this.searchId || document !== vscode.window.activeTextEditor?.document) return;
      if (offer) offers.push(offer);
    }
    if (offers.length === 0 && this.offers.length === 0) return;
    this.found = { document, version, offers };
    this.changed.fire();
  }

  /** Where names that may lack their import were written, each once, nearest to the cursor first. */
  private unknownNames({ document, selection }: vscode.TextEditor): vscode.Range[] {
    const written = this.written.get(document.uri.toString());
    if (!written) return [];
    const text = document.getText();
    const distance = ({ range }: vscode.Diagnostic) => Math.abs(range.start.line - selection.active.line);
    const problems = [...vscode.languages.getDiagnostics(document.uri)];
    const places = new Map<string, vscode.Range>();
    for (const problem of problems.sort((a, b) => distance(a) - distance(b))) {
      const { severity, range, message, tags } = problem;
      if (severity > vscode.DiagnosticSeverity.Warning || tags?.includes(vscode.DiagnosticTag.Unnecessary))
        continue;
      const [from, to] = [document.offsetAt(range.start), document.offsetAt(range.end)];
      const name = text.slice(from, to);
      if (!places.has(name) && written.has(from, to, Date.now()) && mayLackImport(name, message, text))
        places.set(name, range);
    }
    return [...places.values()].slice(0, MAX_PROBLEMS);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.disposables.dispose();
  }
}

/**
 * The quick fixes at a range whose edits change the document alone. None if an extension fails. A fix's command is not
 * run: it could do anything, and TypeScript's changes nothing for an import.
 */
async function fixesOf(document: vscode.TextDocument, range: vscode.Range): Promise<QuickFix[]> {
  const actions = await vscode.commands
    .executeCommand<vscode.CodeAction[] | undefined>(
      'vscode.executeCodeActionProvider',
      document.uri,
      range,
      vscode.CodeActionKind.QuickFix.value,
      MAX_FIXES,
    )
    .then(
      (found) => found ?? [],
      () => [],
    );
  return actions.flatMap(({ title, isPreferred = false, edit }) => {
    const [entry, ...others] = edit?.entries() ?? [];
    if (!entry || others.length > 0 || entry[0].toString() !== document.uri.toString()) return [];
    const parts = entry[1].map((part) => ({
      start: document.offsetAt(part.range.start),
      end: document.offsetAt(part.range.end),
      text: part.newText,
    }));
    return [{ title, isPreferred, parts }];
  });
}

function offerOf(
  document: vscode.TextDocument,
  range: vscode.Range,
  fixes: readonly QuickFix[],
): FoundOffer | undefined {
  const text = document.getText();
  const name = { start: document.offsetAt(range.start), end: document.offsetAt(range.end) };
  const searched = { path: document.uri.toString(), languageId: document.languageId, text };
  const offer = importOffer(searched, name, fixes);
  return offer && { ...offer, ...shownLines(text, offer.parts), shown: offer.parts };
}

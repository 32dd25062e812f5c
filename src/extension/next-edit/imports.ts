/** Looks among the quick fixes of the language's own extension for the import of a name that was just written. */
import * as vscode from 'vscode';
import type { FoundOffer } from '../../next-edit-finder/finder.ts';
import { importOffer, shownLines, WrittenRanges, type QuickFix } from '../../next-edit/index.ts';
import { isWatched, type Edited } from './edit-watch.ts';
import * as offered from './offers.ts';

/** Problems for which fixes are asked at once, the nearest to the cursor. */
const MAX_PROBLEMS = 3;
/** Fixes whose edits are asked for. */
const MAX_FIXES = 10;

export class MissingImports implements vscode.Disposable {
  private readonly written = new Map<string, WrittenRanges>();
  private found: { document: vscode.TextDocument; version: number; offers: FoundOffer[] } | undefined;
  private readonly changed = new vscode.EventEmitter<void>();
  /** Other offers were found in the active document. */
  readonly onDidChange = this.changed.event;
  private readonly disposables = vscode.Disposable.from(
    this.changed,
    vscode.languages.onDidChangeDiagnostics(({ uris }) => {
      const document = vscode.window.activeTextEditor?.document;
      if (document && uris.some((uri) => uri.toString() === document.uri.toString())) void this.search();
    }),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => this.written.delete(uri.toString())),
  );

  record({ document, changes }: Edited): void {
    const path = document.uri.toString();
    const written = this.written.get(path) ?? new WrittenRanges();
    this.written.set(path, written);
    written.change(changes, Date.now(), offered.selectedIn(path));
  }

  /** Of the active document as it is now. */
  get offers(): readonly FoundOffer[] {
    const { found } = this;
    const isCurrent =
      found?.document === vscode.window.activeTextEditor?.document &&
      found?.version === found?.document.version;
    return isCurrent ? (found?.offers ?? []) : [];
  }

  /** Asks for the fixes of what was written in the active document and has an error. */
  async search(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!editor || !isWatched(editor.document)) return;
    const { document } = editor;
    const { version } = document;
    const offers: FoundOffer[] = [];
    for (const range of this.unknownNames(editor)) {
      const offer = offerOf(document, range, await fixesOf(document, range));
      if (document.version !== version) return;
      if (offer && !offers.some(({ pattern }) => pattern === offer.pattern)) offers.push(offer);
    }
    if (offers.length === 0 && this.offers.length === 0) return;
    this.found = { document, version, offers };
    this.changed.fire();
  }

  /** The ranges of problems whose message names what stands there, nearest to the cursor first. */
  private unknownNames({ document, selection }: vscode.TextEditor): vscode.Range[] {
    const written = this.written.get(document.uri.toString());
    if (!written) return [];
    const distance = (range: vscode.Range) => Math.abs(range.start.line - selection.active.line);
    return vscode.languages
      .getDiagnostics(document.uri)
      .filter(({ severity, range, message }) => {
        if (severity > vscode.DiagnosticSeverity.Warning) return false;
        const [from, to] = [document.offsetAt(range.start), document.offsetAt(range.end)];
        return written.has(from, to, Date.now()) && message.includes(document.getText(range));
      })
      .map(({ range }) => range)
      .sort((a, b) => distance(a) - distance(b))
      .slice(0, MAX_PROBLEMS);
  }

  dispose(): void {
    this.disposables.dispose();
  }
}

/** The quick fixes at a range that change the document alone. None if an extension fails. */
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

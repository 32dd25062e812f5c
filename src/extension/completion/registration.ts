/**
 * Is a provider of inline suggestions only for languages in which something completes: where there is one, VS Code may
 * keep its own list of suggestions waiting for it.
 */
import * as vscode from 'vscode';
import { schemes } from './read-ahead.ts';

/** What changed is looked at once in so many milliseconds: each request to the model is a change. */
const PAUSE_MS = 100;

export class Registration implements vscode.Disposable {
  private languages = '';
  private registered: vscode.Disposable | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly opened = vscode.workspace.onDidOpenTextDocument((document) => {
    if (!this.languages.split('\n').includes(document.languageId)) this.refresh();
  });

  constructor(
    private readonly provider: vscode.InlineCompletionItemProvider,
    private readonly completes: (document: vscode.TextDocument) => boolean,
  ) {}

  /** To be called when something may have changed. */
  later(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.refresh();
    }, PAUSE_MS);
  }

  private refresh(): void {
    const open = vscode.workspace.textDocuments.filter((document) => schemes.includes(document.uri.scheme));
    const languages = new Set<string>();
    for (const document of open)
      if (!languages.has(document.languageId) && this.completes(document)) languages.add(document.languageId);
    const all = [...languages].sort();
    if (all.join('\n') === this.languages) return;
    this.languages = all.join('\n');
    this.registered?.dispose();
    const selector = all.flatMap((language) => schemes.map((scheme) => ({ language, scheme })));
    this.registered = selector.length
      ? vscode.languages.registerInlineCompletionItemProvider(selector, this.provider)
      : undefined;
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.opened.dispose();
    this.registered?.dispose();
  }
}

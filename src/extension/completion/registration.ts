/**
 * Registers the provider of inline suggestions only for languages with completion turned on: VS Code may keep its own
 * suggestion list waiting for a provider.
 */
import * as vscode from 'vscode';
import { schemes } from './read-ahead.ts';

/** Changes are collected for this long, because every request to the model is one. */
const REFRESH_MS = 100;

export class Registration implements vscode.Disposable {
  private languages = '';
  private registered: vscode.Disposable | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly opened = vscode.workspace.onDidOpenTextDocument((document) => {
    if (!this.languages.split('\n').includes(document.languageId)) this.refresh();
  });

  constructor(
    private readonly provider: vscode.InlineCompletionItemProvider,
    private readonly isEnabledFor: (document: vscode.TextDocument) => boolean,
  ) {}

  /** Call this when something may have changed. */
  refreshSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.refresh();
    }, REFRESH_MS);
  }

  private refresh(): void {
    const open = vscode.workspace.textDocuments.filter((document) => schemes.includes(document.uri.scheme));
    const languages = new Set<string>();
    for (const document of open)
      if (!languages.has(document.languageId) && this.isEnabledFor(document))
        languages.add(document.languageId);
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

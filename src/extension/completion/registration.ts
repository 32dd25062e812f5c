/**
 * Registers the provider of inline suggestions only for languages with completion turned on: VS Code may keep its own
 * suggestion list waiting for a provider.
 */
import * as vscode from 'vscode';
import { schemes } from './read-ahead.ts';

/**
 * Changes are collected for this long: every request to the model is one, and a large change opens hundreds of
 * documents.
 */
const REFRESH_MS = 100;

const isEditable = ({ uri }: vscode.TextDocument) => schemes.includes(uri.scheme);

/** Documents with the same have the same settings. */
const settingsKey = ({ uri, languageId }: vscode.TextDocument) =>
  `${vscode.workspace.getWorkspaceFolder(uri)?.uri.toString()}\n${languageId}`;

export class Registration implements vscode.Disposable {
  private languages = '';
  /** The settings that the last refresh has read. */
  private readonly judged = new Set<string>();
  private registered: vscode.Disposable | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly opened = vscode.workspace.onDidOpenTextDocument((document) => {
    if (isEditable(document) && !this.judged.has(settingsKey(document))) this.refreshSoon();
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
    const languages = new Set<string>();
    this.judged.clear();
    for (const document of vscode.workspace.textDocuments.filter(isEditable)) {
      const key = settingsKey(document);
      if (this.judged.has(key)) continue;
      this.judged.add(key);
      if (!languages.has(document.languageId) && this.isEnabledFor(document))
        languages.add(document.languageId);
    }
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

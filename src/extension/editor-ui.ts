/**
 * Wrappers for showing text that contains foreign words: names of runs, folders and models, errors of servers. The
 * editor turns `[text](command:...)` into links in messages, `$(name)` into icons in lists and the status bar, and
 * renders Markdown in tooltips; the wrappers let only ours through. rooms.test.ts keeps these calls in this file.
 */
import * as vscode from 'vscode';
import { visibleText } from '../text/foreign-text.ts';
import { plain, plainLabel, plainRow } from './plain.ts';

/** Escaped paragraphs; the first one is bold if there are others. */
export function tooltip(paragraphs: readonly string[]): vscode.MarkdownString {
  const [first = '', ...others] = paragraphs.filter(Boolean).map(visibleText);
  const bold = others.length > 0 ? '**' : '';
  const shown = new vscode.MarkdownString().appendMarkdown(bold).appendText(first).appendMarkdown(bold);
  for (const paragraph of others) shown.appendMarkdown('\n\n').appendText(paragraph);
  return shown;
}

const showMessage =
  (kind: 'showInformationMessage' | 'showWarningMessage' | 'showErrorMessage') =>
  (text: string, ...rest: (string | vscode.MessageOptions)[]): Thenable<string | undefined> => {
    const plainItems = rest.map((item) =>
      typeof item === 'object' && item.detail !== undefined ? { ...item, detail: plain(item.detail) } : item,
    );
    return (vscode.window[kind] as (text: string, ...rest: unknown[]) => Thenable<string | undefined>)(
      plain(text),
      ...plainItems,
    );
  };

/** The editor's functions of the same names, with escaped text. */
export const showInformationMessage = showMessage('showInformationMessage');
export const showWarningMessage = showMessage('showWarningMessage');
export const showErrorMessage = showMessage('showErrorMessage');

export const setStatusBarMessage = (text: string, milliseconds: number): vscode.Disposable =>
  vscode.window.setStatusBarMessage(plainLabel(text), milliseconds);

/** Resolves with one of `rows`. */
export async function showQuickPick<R extends vscode.QuickPickItem>(
  rows: readonly R[],
  options: vscode.QuickPickOptions,
): Promise<R | undefined> {
  const shown = rows.map((row) => ({ ...plainRow(row), row }));
  return (await vscode.window.showQuickPick(shown, options))?.row;
}

export function withProgress<T>(
  options: vscode.ProgressOptions & { title: string },
  work: (
    progress: vscode.Progress<{ message?: string; increment?: number }>,
    token: vscode.CancellationToken,
  ) => Thenable<T>,
): Thenable<T> {
  return vscode.window.withProgress({ ...options, title: plain(options.title) }, (progress, token) =>
    work(
      {
        report: ({ message, ...rest }) =>
          progress.report({ ...rest, ...(message !== undefined && { message: plain(message) }) }),
      },
      token,
    ),
  );
}

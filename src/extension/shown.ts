/**
 * What the editor is given to show, with words in it that others wrote: names of runs, folders and models, errors of
 * servers. The editor makes links of `[text](command:...)` in messages, pictures of `$(name)` in lists and the status
 * bar, and all of Markdown in tooltips; here only ours are left. A lint rule keeps these calls in this file.
 */
import * as vscode from 'vscode';
import { visibleText } from '../text/foreign-text.ts';
import { plain, plainLabel, plainRow } from './plain.ts';

/** Paragraphs, the first in bold if there are others, in which nothing is Markdown. */
export function tooltip(paragraphs: readonly string[]): vscode.MarkdownString {
  const [first = '', ...others] = paragraphs.filter(Boolean).map(visibleText);
  const bold = others.length > 0 ? '**' : '';
  const shown = new vscode.MarkdownString().appendMarkdown(bold).appendText(first).appendMarkdown(bold);
  for (const paragraph of others) shown.appendMarkdown('\n\n').appendText(paragraph);
  return shown;
}

const message =
  (kind: 'showInformationMessage' | 'showWarningMessage' | 'showErrorMessage') =>
  (text: string, ...rest: (string | vscode.MessageOptions)[]): Thenable<string | undefined> => {
    const given = rest.map((item) =>
      typeof item === 'object' && item.detail !== undefined ? { ...item, detail: plain(item.detail) } : item,
    );
    return (vscode.window[kind] as (text: string, ...rest: unknown[]) => Thenable<string | undefined>)(
      plain(text),
      ...given,
    );
  };

/** The editor's functions of these names. */
export const showInformationMessage = message('showInformationMessage');
export const showWarningMessage = message('showWarningMessage');
export const showErrorMessage = message('showErrorMessage');

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
        report: ({ message: said, ...rest }) =>
          progress.report({ ...rest, ...(said !== undefined && { message: plain(said) }) }),
      },
      token,
    ),
  );
}

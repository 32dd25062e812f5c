/** Offers and the documents that they are in. */
import * as vscode from 'vscode';
import type { Change, Cursor } from '../../next-edit/index.ts';
import { isWatched } from './edit-watch.ts';
import type { FoundOffer } from '../../next-edit-finder/finder.ts';

export const openDocument = ({ path }: Pick<FoundOffer, 'path'>): vscode.TextDocument | undefined =>
  vscode.workspace.textDocuments.find(({ uri }) => uri.toString() === path);

/** Undefined if the file is no longer there, or can't be read. */
export const opened = ({ path }: FoundOffer): Thenable<vscode.TextDocument | undefined> =>
  vscode.workspace.openTextDocument(vscode.Uri.parse(path, true)).then(
    (document) => document,
    () => undefined,
  );

/** An address as the editor writes it: with more characters by %, and drives in lower case. */
export const asWritten = (address: string): string =>
  address.startsWith('file:') ? vscode.Uri.parse(address, true).toString() : address;

/** A file that was searched on disk may be open by now, with another text, or where next edits are turned off. */
export function isThere(offer: FoundOffer): boolean {
  const document = openDocument(offer);
  return !document || (isWatched(document) && fits(document, offer));
}

/** Whether the lines are those that were searched. */
export const fits = (document: vscode.TextDocument, { from, before }: FoundOffer): boolean =>
  hasLines(document, from, before);

/** Whether the lines are as the offer would make them. */
export const isApplied = (document: vscode.TextDocument, { from, after }: FoundOffer): boolean =>
  hasLines(document, from, after);

/** No position is within Windows' line end. */
function hasLines(document: vscode.TextDocument, from: number, text: string): boolean {
  const lines = text.replace(/\r$/, '');
  const range = new vscode.Range(document.positionAt(from), document.positionAt(from + lines.length));
  return document.getText(range) === lines;
}

/** Whether changes are those that applying the offer makes. Of the texts, the editor chooses the line ends. */
export const isOf = ({ parts }: FoundOffer, changes: readonly Change[]): boolean =>
  changes.length === parts.length &&
  changes.every(({ offset, removed }) =>
    parts.some(({ start, end }) => start === offset && end - start === removed),
  );

/** Where the last part ends once all are applied. */
export const endOf = ({ parts }: FoundOffer): number =>
  parts.reduce((by, { start, end, text }) => by + text.length - (end - start), parts.at(-1)!.end);

/** Undefined if there are several, or something is selected. */
export function cursorOf({ document, selection, selections }: vscode.TextEditor): Cursor | undefined {
  if (selections.length !== 1 || !selection.isEmpty) return undefined;
  // After a change, the editor tells of the cursor a moment later.
  const active = document.validatePosition(selection.active);
  return {
    path: document.uri.toString(),
    offset: document.offsetAt(active),
    line: active.line,
    head: document.lineAt(active.line).text.slice(0, active.character),
  };
}

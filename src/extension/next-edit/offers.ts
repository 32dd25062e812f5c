/** Offers and their documents. */
import * as vscode from 'vscode';
import { languageIdForPath } from '../../completion/index.ts';
import type { Change, Cursor } from '../../next-edit/index.ts';
import { isWatched } from './edit-watch.ts';
import type { FoundOffer } from '../../next-edit-finder/finder.ts';
import { settings } from '../settings.ts';

export const openDocument = ({ path }: Pick<FoundOffer, 'path'>): vscode.TextDocument | undefined =>
  vscode.workspace.textDocuments.find(({ uri }) => uri.toString() === path);

/** Undefined if the file is gone or can't be read. */
export const openOffered = ({ path }: FoundOffer): Thenable<vscode.TextDocument | undefined> =>
  vscode.workspace.openTextDocument(vscode.Uri.parse(path, true)).then(
    (document) => document,
    () => undefined,
  );

/** A URI as the editor writes it: with more percent-encoding, and lower-case drive letters. */
export const normalizeUri = (address: string): string =>
  address.startsWith('file:') ? vscode.Uri.parse(address, true).toString() : address;

/** False for an offer in a closed file if next edits are turned off in its language; see `isCurrent` for open ones. */
export function isWanted({ path }: FoundOffer): boolean {
  if (openDocument({ path })) return true;
  const uri = vscode.Uri.parse(path, true);
  const languageId = languageIdForPath(path);
  // Files of unknown languages are plain text to it, too.
  const isKnown = languageId !== 'plaintext' || /\.txt$/i.test(path);
  return settings.nextEditEnabled(isKnown ? { uri, languageId } : uri);
}

/**
 * Whether an offer still applies: a file searched on disk may be open by now, with another text or with next edits
 * turned off.
 */
export function isCurrent(offer: FoundOffer): boolean {
  const document = openDocument(offer);
  return !document || (isWatched(document) && matchesBefore(document, offer));
}

/** Whether the lines are still as they were searched. */
export const matchesBefore = (document: vscode.TextDocument, { from, before }: FoundOffer): boolean =>
  hasLines(document, from, before);

/** Whether the lines are as they are after the offer. */
export const matchesAfter = (document: vscode.TextDocument, { from, after }: FoundOffer): boolean =>
  hasLines(document, from, after);

/** A position can't be inside a CRLF. */
function hasLines(document: vscode.TextDocument, from: number, text: string): boolean {
  const lines = text.replace(/\r$/, '');
  const range = new vscode.Range(document.positionAt(from), document.positionAt(from + lines.length));
  return document.getText(range) === lines;
}

/**
 * Whether these are the changes made by applying the offer. Texts are not compared, because the editor chooses the line
 * ends.
 */
export const isChangeOf = ({ parts }: FoundOffer, changes: readonly Change[]): boolean =>
  changes.length === parts.length &&
  changes.every(({ offset, removed }) =>
    parts.some(({ start, end }) => start === offset && end - start === removed),
  );

/** Where the last part ends after all are applied. */
export const endAfterEdit = ({ parts }: FoundOffer): number =>
  parts.reduce((by, { start, end, text }) => by + text.length - (end - start), parts.at(-1)!.end);

/** Undefined with several cursors or a selection. */
export function cursorOf({ document, selection, selections }: vscode.TextEditor): Cursor | undefined {
  if (selections.length !== 1 || !selection.isEmpty) return undefined;
  // After a change, the editor updates the selection a moment later.
  const active = document.validatePosition(selection.active);
  return {
    path: document.uri.toString(),
    offset: document.offsetAt(active),
    line: active.line,
    head: document.lineAt(active.line).text.slice(0, active.character),
  };
}

/** What is selected in the active editor, if it shows that document. A change is reported before its new selection. */
export function selectedIn(path: string): { from: number; to: number } | undefined {
  const { document, selection } = vscode.window.activeTextEditor ?? {};
  if (!document || !selection || document.uri.toString() !== path) return undefined;
  return { from: document.offsetAt(selection.start), to: document.offsetAt(selection.end) };
}

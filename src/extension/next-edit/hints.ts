/** The key hints of an offer: at its place if that is visible, else at the cursor. */
import * as vscode from 'vscode';
import { isInLines, type tabAction } from '../../next-edit/index.ts';
import { t } from '../../text/l10n.ts';
import type { FoundOffer } from '../../next-edit-finder/finder.ts';
import type { Hint } from './marks.ts';
import { cursorOf, openDocument } from './offers.ts';

/** These extensions bind Tab in most of their modes, so the key that always works is shown. */
const TAB_BINDING_EXTENSIONS = ['vscodevim.vim', 'asvetliakov.vscode-neovim'];

/** @param does what Tab does at the cursor now */
export function hintsFor(offer: FoundOffer, does: ReturnType<typeof tabAction>): Hint[] {
  const isTabTaken = TAB_BINDING_EXTENSIONS.some((id) => vscode.extensions.getExtension(id)?.isActive);
  const key = does && !isTabTaken ? '⇥ Tab' : 'Alt+]';
  const active = vscode.window.activeTextEditor;
  const cursor = active && cursorOf(active);
  const isHere = cursor !== undefined && isInLines(cursor, offer);
  const place = openDocument(offer)?.positionAt(offer.shown.at(-1)!.end).line ?? offer.line;
  return vscode.window.visibleTextEditors.flatMap((editor): Hint[] => {
    const isInDocument = editor.document.uri.toString() === offer.path;
    const isVisible = editor.visibleRanges.some(({ start, end }) => place >= start.line && place <= end.line);
    if (isInDocument && (isVisible || (isHere && editor === active))) {
      const text = isHere ? t('{key} applies, Alt+[ skips', { key }) : t('{key} goes here', { key });
      return [{ editor, line: place, text }];
    }
    if (editor !== active || !cursor || does !== 'go') return [];
    const where = { key, line: place + 1 };
    const text = isInDocument
      ? t('{key}: next edit, line {line}', where)
      : t('{key}: next edit, {file}, line {line}', { ...where, file: nameOf(offer) });
    return [{ editor, line: cursor.line, text }];
  });
}

const nameOf = ({ path }: FoundOffer): string => {
  const inFolder = vscode.workspace.asRelativePath(vscode.Uri.parse(path, true), false);
  return inFolder.slice(inFolder.lastIndexOf('/') + 1);
};

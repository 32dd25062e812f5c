/** Escapes foreign text where the editor would make links and icons of it (editor-ui.ts). Independent of the editor. */
import type { QuickPickItem } from 'vscode';
import { visibleText } from '../text/foreign-text.ts';

/** Text without links and icons. */
export const plain = (text: string): string =>
  visibleText(text)
    .replace(/\$(?=\()/g, '$ ')
    .replace(/\](?=\()/g, '] ');

/** The same after an icon of ours: "$(folder) name". A text that begins with foreign words must go through `plain`. */
export function plainLabel(text: string): string {
  const [icon = ''] = /^\$\([a-z~-]+\) /.exec(text) ?? [];
  return icon + plain(text.slice(icon.length));
}

/** A row of a list. */
export const plainRow = <R extends QuickPickItem>(row: R): R => ({
  ...row,
  label: plainLabel(row.label),
  ...(row.description !== undefined && { description: plain(row.description) }),
  ...(row.detail !== undefined && { detail: plain(row.detail) }),
});

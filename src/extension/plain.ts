/** Others' words for where the editor makes links and pictures of a text (shown.ts). Independent of the editor. */
import type { QuickPickItem } from 'vscode';
import { visibleText } from '../text/foreign-text.ts';

/** No link and no picture. */
export const plain = (text: string): string =>
  visibleText(text)
    .replace(/\$(?=\()/g, '$ ')
    .replace(/\](?=\()/g, '] ');

/** The same after a picture of ours: "$(folder) name". Where a text begins with others' words, they go through `plain`. */
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

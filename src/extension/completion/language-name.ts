import * as vscode from 'vscode';
import { t } from '../../text/l10n.ts';

interface Contributes {
  contributes?: { languages?: { id?: string; aliases?: string[] }[] };
}

/** The display name of a language: "Python" for `python`; the identifier if no extension names it. */
export function languageName(id: string): string {
  for (const { packageJSON } of vscode.extensions.all)
    for (const language of (packageJSON as Contributes).contributes?.languages ?? [])
      if (language.id === id && language.aliases?.[0]) return language.aliases[0];
  // The editor itself has this one.
  return id === 'plaintext' ? t('Plain Text') : id;
}
